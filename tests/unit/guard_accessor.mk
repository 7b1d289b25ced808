# The accessor's tests link it without the rest of guard.
accessor_test.objects := $(patsubst src/%.c,$(O)/obj/%.o,$(wildcard src/daemon/guard/accessor*.c))
accessor_remote_test.objects := $(accessor_test.objects)
$(O)/tests/unit/accessor_test $(O)/tests/unit/accessor_remote_test: $(accessor_test.objects)
