# The disk side of keeper, tested without the program. ingest_test plays supervisor and watcher; the
# parts of keeper that it does not need stand as fakes in the test.
index_test.objects := $(patsubst %,$(O)/obj/daemon/keeper/%.o,database index index_code index_folders index_segments index_members)
$(O)/tests/unit/index_test: $(index_test.objects)
ingest_test.objects := $(index_test.objects) $(patsubst %,$(O)/obj/daemon/keeper/%.o,ingest ingest_file ingest_sidecar \
  ingest_idle ingest_gone ingest_altered ingest_seal owed rebuild roots mounts \
  observation_actors keyed_hash peer)
$(O)/tests/unit/ingest_test: $(ingest_test.objects)
