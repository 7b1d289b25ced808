# Guard's messages becoming entries, without guard, log or disk: the rest of keeper stands as fakes in the test.
observation_test.objects := $(patsubst %,$(O)/obj/daemon/keeper/%.o,observation observation_actors observation_joined \
  observation_altered observation_coverage observation_entry keyed_hash peer)
$(O)/tests/unit/observation_test: $(observation_test.objects)
observation_test.own-clock := 1
