# Tests of prober's library and of reaper: they link what the other unit tests do not.
REAPER_TESTED := $(addprefix $(O)/obj/daemon/reaper/,batch.o erase.o facts.o folder.o quarantine.o remove.o root.o)
reaper_erase_test.objects := $(REAPER_TESTED)
$(O)/tests/unit/reaper_erase_test: $(REAPER_TESTED)

PROBE_TESTED := $(patsubst src/%.c,$(O)/obj/%.o,$(sort $(wildcard src/lib/media/*.c)))
probe_test.objects := $(PROBE_TESTED)
probe_test.libs = $(call pkg,--libs,libavformat libavcodec libavutil)
$(O)/tests/unit/probe_test: $(PROBE_TESTED)

# Fuzzing of prober's library: `make O=build/fuzz SANITIZE=address,undefined fuzz-probe`. PROBE_FUZZ_ROUNDS and
# PROBE_FUZZ_SEED set how much and which; PROBE_FUZZ_CORPUS, files to start from.
PROBE_FUZZ_ROUNDS ?= 2000
PROBE_FUZZ_SEED ?= 1
PROBE_FUZZ_CORPUS ?= $(O)/tests/fuzz/corpus
$(O)/tests/fuzz/probe_fuzz: tests/fuzz/probe_fuzz.c $(PROBE_TESTED) $(O)/lib/libipc.a $(O)/lib/libbase.a $(O)/obj/lib/base/clock.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -DPROBE_FUZZ_MAIN $^ -o $@ $(ALL_LDFLAGS) $(call pkg,--libs,libavformat libavcodec libavutil)

# Small files of each container, made once.
$(O)/tests/fuzz/corpus: tests/fuzz/probe_corpus.sh
	sh $< $@

fuzz-probe: $(O)/tests/fuzz/probe_fuzz $(O)/tests/fuzz/corpus ## prober's library on changed media files
	$< $(PROBE_FUZZ_SEED) $(PROBE_FUZZ_ROUNDS) $$(find $(PROBE_FUZZ_CORPUS) -type f | sort)
.PHONY: fuzz-probe
