# The audit log beyond its layer: libretention-log, retention-verify's pages, and the crash campaign. Included by the Makefile.

# ---- libretention-log: the reading half of lib/audit, for others to link ----
LIBRETENTION_LOG := $(O)/lib/libretention-log.so.1
LIBRETENTION_LOG_PARTS := base64 chain cosignature entry_file merkle note reader tile utf8 verify
LIBRETENTION_LOG_OBJECTS := $(LIBRETENTION_LOG_PARTS:%=$(O)/obj/lib/audit/%.o) $(SHA_LIBCRYPTO)
$(LIBRETENTION_LOG): $(LIBRETENTION_LOG_OBJECTS) $(call archive,base) src/lib/audit/libretention-log.map
	$(if $(Q),@echo "  LINK    $@")
	$(Q)$(CC) -shared $(ALL_CFLAGS) $(HARDENING_LINK) $(LDFLAGS) -Wl,-soname,libretention-log.so.1 -Wl,--no-undefined \
	  -Wl,--version-script=src/lib/audit/libretention-log.map $(LIBRETENTION_LOG_OBJECTS) $(call archive,base) \
	  $(call pkg,--libs,libsodium libcrypto jansson) -o $@
	$(Q)ln -sf libretention-log.so.1 $(O)/lib/libretention-log.so
all: $(LIBRETENTION_LOG)

install: install-log
install-log: all
	$(INSTALL) -d $(bindir) $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/retention $(DESTDIR)$(datadir)/retention
	$(INSTALL) -d $(DESTDIR)$(datadir)/bash-completion/completions $(DESTDIR)$(datadir)/zsh/site-functions $(DESTDIR)$(datadir)/fish/vendor_completions.d
	$(INSTALL) -m 755 $(O)/bin/retention-verify $(bindir)/
	$(INSTALL) -m 755 $(LIBRETENTION_LOG) $(DESTDIR)$(PREFIX)/lib/
	ln -sf libretention-log.so.1 $(DESTDIR)$(PREFIX)/lib/libretention-log.so
	$(INSTALL) -m 644 include/retention/log.h $(DESTDIR)$(PREFIX)/include/retention/
	sed -e 's|@prefix@|$(PREFIX)|;s|@version@|$(VERSION)|' src/lib/audit/retention-log.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/retention-log.pc
	$(INSTALL) -m 644 config/retention-log.schema.json $(DESTDIR)$(datadir)/retention/
	$(INSTALL) -m 644 config/completion/retention-verify.bash $(DESTDIR)$(datadir)/bash-completion/completions/retention-verify
	$(INSTALL) -m 644 config/completion/_retention-verify $(DESTDIR)$(datadir)/zsh/site-functions/
	$(INSTALL) -m 644 config/completion/retention-verify.fish $(DESTDIR)$(datadir)/fish/vendor_completions.d/

uninstall: uninstall-log
uninstall-log:
	rm -f $(bindir)/retention-verify $(DESTDIR)$(PREFIX)/lib/libretention-log.so $(DESTDIR)$(PREFIX)/lib/libretention-log.so.1
	rm -f $(DESTDIR)$(PREFIX)/lib/pkgconfig/retention-log.pc $(DESTDIR)$(PREFIX)/include/retention/log.h
	rm -f $(DESTDIR)$(datadir)/retention/retention-log.schema.json $(DESTDIR)$(datadir)/bash-completion/completions/retention-verify
	rm -f $(DESTDIR)$(datadir)/zsh/site-functions/_retention-verify $(DESTDIR)$(datadir)/fish/vendor_completions.d/retention-verify.fish

# ---- the crash campaign: what the writer calls is replaced by functions that count, and kill ----
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
.PHONY: install-log uninstall-log check-log-crash
