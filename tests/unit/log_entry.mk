# How retentionctl shows entries.
log_entry_test.objects := $(patsubst %,$(O)/obj/tools/retentionctl/%.o,log_entry screen)
$(O)/tests/unit/log_entry_test: $(log_entry_test.objects)
