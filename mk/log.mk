# The crash campaign for the audit log.
LOG_CRASH := $(O)/tests/fault/log_crash
LOG_CRASH_WRAPPED := fsync fdatasync renameat unlinkat mkdirat fchmod fallocate64 ftruncate64 write pwrite64
LOG_CRASH_LAYERS := audit settings base
$(LOG_CRASH): tests/fault/log_crash.c $(foreach l,$(LOG_CRASH_LAYERS),$(call archive,$(l))) $(O)/obj/lib/base/clock.o $(SHA_LIBCRYPTO)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  TEST    $@")
	$(Q)$(CC) $(ALL_CPPFLAGS) -Itests $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP $< -o $@ $(ALL_LDFLAGS) \
	  $(foreach w,$(LOG_CRASH_WRAPPED),-Wl,--wrap=$(w)) $(O)/obj/lib/base/clock.o $(SHA_LIBCRYPTO) \
	  -Wl,--start-group $(foreach l,$(LOG_CRASH_LAYERS),$(call archive,$(l))) -Wl,--end-group $(call pkg,--libs,jansson libsodium libcrypto libconfig)

LOG_CRASH_STRIDE ?= 1
check-log-crash: $(LOG_CRASH) ## the audit log's writer killed at every write, sync and rename; LOG_CRASH_STRIDE=5 takes every fifth
	@tests/fault/log_crash.sh $(LOG_CRASH) $(LOG_CRASH_STRIDE)
.PHONY: check-log-crash
