# retentiond. `make help` lists the targets.
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

O ?= build
PREFIX ?= /usr/local
DESTDIR ?=
sysconfdir ?= /etc
libexecdir ?= $(PREFIX)/libexec/retention
datadir ?= $(PREFIX)/share
CROSS_COMPILE ?=
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
AR := $(CROSS_COMPILE)ar
PKG_CONFIG ?= pkg-config
VERSION := 0.1.0
V ?= 0
Q := $(if $(filter 1,$(V)),,@)

# DEVELOPER=1 makes warnings errors; SANITIZE=address,undefined; COVERAGE=1; TEST_CLOCK=1 builds with
# an injected clock (tests only, never installed); HARDEN=0 leaves the hardening out.
DEVELOPER ?= 0
SANITIZE ?=
COVERAGE ?= 0
TEST_CLOCK ?= 0
HARDEN ?= 1

cc-option = $(shell $(CC) -Werror $(1) -x c -c /dev/null -o /dev/null 2>/dev/null && echo '$(1)')

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wformat=2 -Wimplicit-fallthrough -Wmissing-prototypes -Wstrict-prototypes \
  -Wvla -Wpointer-arith -Wwrite-strings -Werror=format-security -Werror=implicit -Werror=incompatible-pointer-types \
  -Werror=int-conversion
ifneq ($(SANITIZE),)
HARDENING := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDENING_LINK := -fsanitize=$(SANITIZE)
else ifeq ($(HARDEN),1)
HARDENING := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fno-delete-null-pointer-checks \
  -fno-strict-overflow -fno-strict-aliasing $(call cc-option,-fstack-clash-protection) $(call cc-option,-ftrivial-auto-var-init=zero) \
  $(call cc-option,-fcf-protection=full) $(call cc-option,-mbranch-protection=standard)
HARDENING_LINK := -Wl,-z,relro,-z,now,-z,noexecstack,-z,nodlopen
endif
ifeq ($(COVERAGE),1)
HARDENING += --coverage
HARDENING_LINK += --coverage
endif
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=c11 $(CFLAGS) $(EXTRA_CFLAGS) $(WARNINGS) $(HARDENING) -fPIC -fno-common $(if $(filter 1,$(DEVELOPER)),-Werror)
ALL_CPPFLAGS := -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64 -Isrc/lib -Iinclude -DRETENTION_VERSION='"$(VERSION)"' \
  -DRETENTION_LIBEXEC='"$(libexecdir)"' -DRETENTION_LAYOUTS='"$(datadir)/retention/layouts"' \
  -DRETENTION_CONFIG='"$(sysconfdir)/retention/retention.conf"' $(if $(filter 1,$(TEST_CLOCK)),-DRETENTION_TEST_CLOCK_BUILD) $(CPPFLAGS)
ALL_LDFLAGS := -pie $(HARDENING_LINK) -Wl,--as-needed $(LDFLAGS)

# ---- libraries: a folder each; what a program links is below ----
LAYERS := base sandbox ipc settings domain audit media evidence client
pkg = $(shell $(PKG_CONFIG) $(1) $(2))
layer-sources = $(sort $(wildcard src/lib/$(1)/*.c))
# Twins: one of each pair is linked, not both.
TWINS := src/lib/base/clock.c src/lib/base/clock_injected.c src/lib/audit/sha256_sodium.c src/lib/audit/sha256_libcrypto.c
layer-objects = $(patsubst src/%.c,$(O)/obj/%.o,$(filter-out $(TWINS),$(call layer-sources,$(1))))
CLOCK := $(O)/obj/lib/base/clock$(if $(filter 1,$(TEST_CLOCK)),_injected).o
SHA_SODIUM := $(O)/obj/lib/audit/sha256_sodium.o
SHA_LIBCRYPTO := $(O)/obj/lib/audit/sha256_libcrypto.o
archive = $(O)/lib/lib$(1).a

# ---- programs: name | sources | layers, highest first | one of each pair of twins | libraries from outside ----
# One line a program is its rights: only prober links libav*, only keeper SQLite.
PROGRAMS := supervisor watcher prober hasher guard reaper keeper publisher retentionctl retention-verify
PROGRAMS := $(foreach p,$(PROGRAMS),$(if $(wildcard src/daemon/$(p)/main.c src/tools/$(p)/main.c),$(p)))
supervisor.sources   := $(wildcard src/daemon/supervisor/*.c)
supervisor.layers    := settings ipc sandbox base
supervisor.twins     := $(CLOCK)
supervisor.pkg       := libconfig libevent_core
supervisor.output    := sbin/retentiond
watcher.sources      := $(wildcard src/daemon/watcher/*.c)
watcher.layers       := settings ipc sandbox base
watcher.twins        := $(CLOCK)
watcher.libs         := -linotifytools
prober.sources       := $(wildcard src/daemon/prober/*.c)
prober.layers        := media ipc sandbox base
prober.twins         := $(CLOCK)
prober.pkg           := libavformat libavcodec libavutil
hasher.sources       := $(wildcard src/daemon/hasher/*.c)
hasher.layers        := ipc sandbox base
hasher.twins         := $(CLOCK)
hasher.pkg           := libcrypto
reaper.sources       := $(wildcard src/daemon/reaper/*.c)
reaper.layers        := settings ipc sandbox base
reaper.twins         := $(CLOCK)
keeper.sources       := $(wildcard src/daemon/keeper/*.c)
keeper.layers        := audit domain settings ipc sandbox base
keeper.twins         := $(CLOCK) $(SHA_SODIUM)
keeper.pkg           := sqlite3 jansson libevent_core libsodium
guard.sources        := $(wildcard src/daemon/guard/*.c)
guard.layers         := settings ipc sandbox base
guard.twins          := $(CLOCK)
publisher.sources    := $(wildcard src/daemon/publisher/*.c)
publisher.layers     := settings ipc sandbox base
publisher.twins      := $(CLOCK)
publisher.pkg        := libcurl
retention-verify.sources := $(wildcard src/tools/retention-verify/*.c)
retention-verify.layers  := audit base
retention-verify.twins   := $(CLOCK) $(SHA_LIBCRYPTO)
retention-verify.pkg     := jansson libsodium libcrypto
retention-verify.output  := bin/retention-verify
retentionctl.sources := $(wildcard src/tools/retentionctl/*.c)
retentionctl.layers  := client evidence audit domain settings base
retentionctl.twins   := $(CLOCK) $(SHA_LIBCRYPTO)
retentionctl.pkg     := libconfig jansson libsodium libcrypto libqrencode
retentionctl.output  := bin/retentionctl
program-output = $(O)/$(or $($(1).output),libexec/$(1))
program-objects = $(patsubst src/%.c,$(O)/obj/%.o,$($(1).sources))

OUTPUTS := $(foreach p,$(PROGRAMS),$(call program-output,$(p)))
all: $(OUTPUTS) ## build everything into $(O)/

-include src/lib/*/*.mk tests/unit/*.mk tests/fuzz/*.mk

# A change of flags rebuilds.
FLAGS := $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$(O)/flags: FORCE
	@mkdir -p $(O); echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' > $@
FORCE:
.PHONY: FORCE all

$(O)/obj/%.o: src/%.c $(O)/flags
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC      $<")
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -include src/lib/base/banned.h -MMD -MP -c $< -o $@

define layer-rule
$(call archive,$(1)): $(call layer-objects,$(1))
	@mkdir -p $$(@D)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer-rule,$(l))))

define program-rule
$(call program-output,$(1)): $(call program-objects,$(1)) $($(1).twins) $(foreach l,$($(1).layers),$(call archive,$(l)))
	@mkdir -p $$(@D)
	$$(if $$(Q),@echo "  LINK    $$@")
	$$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(call program-objects,$(1)) $($(1).twins) \
	  -Wl,--start-group $(foreach l,$($(1).layers),$(call archive,$(l))) -Wl,--end-group \
	  $$(if $($(1).pkg),$$(call pkg,--libs,$($(1).pkg))) $($(1).libs) -o $$@
endef
$(foreach p,$(PROGRAMS),$(eval $(call program-rule,$(p))))

# ---- libretention: the control protocol as C functions ----
LIBRETENTION := $(O)/lib/libretention.so.1
LIBRETENTION_OBJECTS := $(call layer-objects,client)
$(LIBRETENTION): $(LIBRETENTION_OBJECTS) $(call archive,base) src/lib/client/libretention.map
	$(if $(Q),@echo "  LINK    $@")
	$(Q)$(CC) -shared $(ALL_CFLAGS) $(HARDENING_LINK) $(LDFLAGS) -Wl,-soname,libretention.so.1 -Wl,--version-script=src/lib/client/libretention.map \
	  $(LIBRETENTION_OBJECTS) $(call archive,base) $(call pkg,--libs,jansson) -o $@
	$(Q)ln -sf libretention.so.1 $(O)/lib/libretention.so

# ---- man pages ----
MAN_SOURCES := $(wildcard src/man/*.scd)
MAN_PAGES := $(patsubst src/man/%.scd,$(O)/man/%,$(MAN_SOURCES))
$(O)/man/%: src/man/%.scd
	@mkdir -p $(@D)
	$(Q)scdoc < $< > $@
man: $(MAN_PAGES) ## man pages
all: $(LIBRETENTION)

# ---- installing ----
INSTALL := install
bindir := $(DESTDIR)$(PREFIX)/bin
sbindir := $(DESTDIR)$(PREFIX)/sbin
mandir := $(DESTDIR)$(datadir)/man
DAEMONS := $(foreach p,$(filter-out supervisor retentionctl retention-verify,$(PROGRAMS)),$(call program-output,$(p)))
install: all man ## install below $(DESTDIR)$(PREFIX)
ifeq ($(TEST_CLOCK),1)
	@echo "a build with an injected clock is for tests"$(if $(findstring tests/,$(O)),, "and is not installed"; false)
endif
	$(INSTALL) -d $(bindir) $(sbindir) $(DESTDIR)$(libexecdir) $(DESTDIR)$(datadir)/retention/layouts $(DESTDIR)$(sysconfdir)/retention
	$(INSTALL) -m 755 $(O)/sbin/retentiond $(sbindir)/
	$(INSTALL) -m 755 $(O)/bin/retentionctl $(bindir)/
	$(INSTALL) -m 755 $(DAEMONS) $(DESTDIR)$(libexecdir)/
	$(INSTALL) -m 644 config/layouts/*.conf $(DESTDIR)$(datadir)/retention/layouts/
	test -e $(DESTDIR)$(sysconfdir)/retention/retention.conf || $(INSTALL) -m 644 config/retention.conf $(DESTDIR)$(sysconfdir)/retention/
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/retention
	$(INSTALL) -m 755 $(LIBRETENTION) $(DESTDIR)$(PREFIX)/lib/
	ln -sf libretention.so.1 $(DESTDIR)$(PREFIX)/lib/libretention.so
	$(INSTALL) -m 644 include/retention/client.h $(DESTDIR)$(PREFIX)/include/retention/
	sed -e 's|@prefix@|$(PREFIX)|;s|@version@|$(VERSION)|' src/lib/client/retention.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/retention.pc
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(DESTDIR)$(PREFIX)/lib/sysctl.d
	sed -e 's|/usr/sbin/|$(PREFIX)/sbin/|;s|/etc/retention/|$(sysconfdir)/retention/|' config/systemd/retentiond.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/retentiond.service
	$(INSTALL) -m 644 config/systemd/sysusers.d/retention.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/retention.conf
	$(INSTALL) -m 644 config/systemd/tmpfiles.d/retention.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/retention.conf
	$(INSTALL) -m 644 config/sysctl.d/60-retention.conf $(DESTDIR)$(PREFIX)/lib/sysctl.d/
	$(INSTALL) -d $(DESTDIR)$(datadir)/bash-completion/completions $(DESTDIR)$(datadir)/retention
	$(INSTALL) -m 644 config/completion/retentionctl.bash $(DESTDIR)$(datadir)/bash-completion/completions/retentionctl
	$(INSTALL) -d $(DESTDIR)$(datadir)/zsh/site-functions $(DESTDIR)$(datadir)/fish/vendor_completions.d
	$(INSTALL) -m 644 config/completion/_retentionctl $(DESTDIR)$(datadir)/zsh/site-functions/
	$(INSTALL) -m 644 config/completion/retentionctl.fish $(DESTDIR)$(datadir)/fish/vendor_completions.d/
	$(INSTALL) -m 644 config/retention.openrpc.json $(DESTDIR)$(datadir)/retention/
	for page in $(MAN_PAGES); do section=$${page##*.}; $(INSTALL) -d $(mandir)/man$$section; $(INSTALL) -m 644 $$page $(mandir)/man$$section/; done

uninstall: ## remove what install wrote, but never configuration, state or footage
	rm -f $(sbindir)/retentiond $(bindir)/retentionctl $(addprefix $(DESTDIR)$(libexecdir)/,$(notdir $(DAEMONS)))
	rm -f $(addprefix $(DESTDIR)$(datadir)/retention/layouts/,$(notdir $(wildcard config/layouts/*.conf))) $(DESTDIR)$(datadir)/retention/retention.openrpc.json
	rm -f $(DESTDIR)$(PREFIX)/lib/libretention.so $(DESTDIR)$(PREFIX)/lib/libretention.so.1 $(DESTDIR)$(PREFIX)/lib/pkgconfig/retention.pc
	rm -f $(DESTDIR)$(PREFIX)/include/retention/client.h $(DESTDIR)$(PREFIX)/lib/systemd/system/retentiond.service
	rm -f $(DESTDIR)$(PREFIX)/lib/sysusers.d/retention.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/retention.conf $(DESTDIR)$(PREFIX)/lib/sysctl.d/60-retention.conf
	rm -f $(DESTDIR)$(datadir)/bash-completion/completions/retentionctl $(DESTDIR)$(datadir)/zsh/site-functions/_retentionctl $(DESTDIR)$(datadir)/fish/vendor_completions.d/retentionctl.fish
	for page in $(notdir $(MAN_PAGES)); do rm -f $(mandir)/man$${page##*.}/$$page; done
	-rmdir -p --ignore-fail-on-non-empty $(DESTDIR)$(libexecdir) $(DESTDIR)$(datadir)/retention/layouts $(DESTDIR)$(PREFIX)/include/retention 2>/dev/null

# ---- unit tests: tests/unit/<module>_test.c links all layers; <module>_test.objects and .libs add what it needs ----
UNIT_TESTS := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(sort $(wildcard tests/unit/*_test.c)))
UNIT_LAYERS := $(filter-out media,$(LAYERS))
UNIT_PKG := cmocka libconfig libevent_core jansson libsodium libcrypto sqlite3
$(foreach t,$(UNIT_TESTS),$(eval $(t): $($(notdir $(t)).objects)))
$(O)/tests/unit/%: tests/unit/%.c $(foreach l,$(UNIT_LAYERS),$(call archive,$(l))) $(O)/obj/lib/base/clock.o $(SHA_SODIUM)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  TEST    $@")
	$(Q)$(CC) $(ALL_CPPFLAGS) -Isrc -Itests $(ALL_CFLAGS) -Wno-missing-prototypes -Wno-unused-function -MMD -MP $< $($*.objects) -o $@ $(ALL_LDFLAGS) \
	  $(if $($*.own-clock),,$(O)/obj/lib/base/clock.o) $(SHA_SODIUM) \
	  -Wl,--start-group $(foreach l,$(UNIT_LAYERS),$(call archive,$(l))) -Wl,--end-group $(call pkg,--libs,$(UNIT_PKG)) $($*.libs)

unit-tests: $(UNIT_TESTS)
check-unit: $(if $(T),$(O)/tests/unit/$(T)_test,$(UNIT_TESTS)) ## unit tests; T=name runs one
	@failed=0; for t in $(if $(T),$(O)/tests/unit/$(T)_test,$(UNIT_TESTS)); do $$t || failed=1; done; exit $$failed

# ---- fuzzers: clang's libFuzzer over tests/fuzz/<name>_fuzz.c ----
FUZZERS := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(filter-out tests/fuzz/probe_fuzz.c,$(sort $(wildcard tests/fuzz/*_fuzz.c))))
$(O)/fuzz/%: tests/fuzz/%.c $(foreach l,$(UNIT_LAYERS),$(call archive,$(l))) $(O)/obj/lib/base/clock.o $(SHA_SODIUM)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  FUZZ    $@")
	$(Q)$(CC) $(ALL_CPPFLAGS) -Isrc $(ALL_CFLAGS) -Wno-missing-prototypes -fsanitize=fuzzer $< $($*.objects) -o $@ $(ALL_LDFLAGS) $(O)/obj/lib/base/clock.o $(SHA_SODIUM) \
	  -Wl,--start-group $(foreach l,$(UNIT_LAYERS),$(call archive,$(l))) -Wl,--end-group $(call pkg,--libs,$(filter-out cmocka,$(UNIT_PKG))) $($*.libs)
$(foreach t,$(FUZZERS),$(eval $(t): $($(notdir $(t)).objects)))
fuzzers: $(FUZZERS)
FUZZ_SECONDS ?= 60
fuzz: ## run each fuzzer for FUZZ_SECONDS
	$(MAKE) O=$(O)/fuzzing CC=clang SANITIZE=address,undefined,fuzzer-no-link CFLAGS='-O1 -g' fuzzers
	tests/run.sh fuzz $(O)/fuzzing $(FUZZ_SECONDS)

# ---- checks ----
BUILD_PACKAGES := gcc make pkg-config libc6-dev libconfig-dev libevent-dev libinotifytools0-dev libavformat-dev libavcodec-dev libavutil-dev \
  libssl-dev libsqlite3-dev libjansson-dev libsodium-dev libcurl4-openssl-dev libqrencode-dev scdoc tzdata
DEMO_PACKAGES := ffmpeg
TEST_PACKAGES := $(DEMO_PACKAGES) libcmocka-dev bats clang clang-format clang-tidy cppcheck valgrind libclang-rt-14-dev faketime motion jq socat sqlite3 \
  gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav \
  e2fsprogs xfsprogs btrfs-progs strace parallel bc attr acl python3 procps util-linux openssl systemd man-db \
  samba smbclient openssh-server openssh-client openssh-sftp-server nginx-light golang-go golang-golang-x-mod-dev zbar-tools python3-jsonschema sudo
deps: ## install what building and testing need (Debian 12)
	@tests/deps.sh $(BUILD_PACKAGES) $(TEST_PACKAGES)
deps-demo:
	@tests/deps.sh $(BUILD_PACKAGES) $(DEMO_PACKAGES)

demo: deps-demo ## the main job on footage, in ./demo-run, in under two minutes
	$(MAKE) O=$(O) all
	tests/demo.sh $(O) $(CURDIR)/demo-run

check: deps ## everything that fits in 25 minutes; ends with "N passed, N failed"
	tests/run.sh all $(O)
check-system: all ## system tests against installed programs; T=name runs one
	tests/run.sh system $(O) $(T)
check-recorders: all ## real recorders; T=name runs one
	tests/run.sh recorders $(O) $(T)
check-kill: all ## KILL_ROUNDS of kill -9 at random points
	tests/run.sh kill $(O)
check-campaigns: all ## what takes longer: the log's writer killed at every point, a minute of opens
	tests/run.sh campaigns $(O)
bench: all ## speed and memory beside the alternative; BENCH_SEGMENTS=1000000
	tests/bench/run.sh $(O)

lint: check-format check-layers check-headers check-cppcheck check-tidy check-man ## all of these
OUR_SOURCES := $(shell find src include tests -name '*.[ch]' 2>/dev/null)
format: ## format all sources
	clang-format -i $(OUR_SOURCES)
check-format:
	@clang-format --dry-run -Werror $(OUR_SOURCES) && echo "format: fine"
check-layers: $(OUTPUTS) ## who includes and links what, proved from the include lines and the link lines
	@tests/layers.sh $(O)
check-headers: ## each header compiles alone
	@for h in $$(find src include -name '*.h' ! -name banned.h); do \
	  echo "#include \"$$h\"" | $(CC) $(ALL_CPPFLAGS) -I. -I$$(dirname $$h) -std=c11 -Wall -Wextra -Werror -fsyntax-only -x c - || exit 1; done; echo "headers: fine"
check-cppcheck:
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --suppressions-list=.cppcheck \
	  -D_GNU_SOURCE -D__linux__ -D__x86_64__ -Isrc/lib -Iinclude -j2 src && echo "cppcheck: fine"
check-tidy: compile_commands.json ## clang-tidy and its static analyzer, a process a file
	@find src -name '*.c' | xargs -P2 -n1 clang-tidy -p . --quiet 2>$(O)/tidy-errors || { grep -v ' generated\.$$' $(O)/tidy-errors; exit 1; }; echo "tidy: fine"
check-man: man
	@for page in $(MAN_PAGES); do man --warnings -l -E UTF-8 -Tutf8 -Z $$page >/dev/null 2>$(O)/man-warnings || true; \
	  test ! -s $(O)/man-warnings || { echo $$page; cat $(O)/man-warnings; exit 1; }; done; echo "man: fine"
check-hardening: all ## PIE, RELRO, BIND_NOW and no executable stack on each program
	@tests/hardening.sh $(OUTPUTS) $(LIBRETENTION) $(LIBRETENTION_LOG)
check-install: all ## install, uninstall, nothing left
	@tests/install.sh $(O)

C_SOURCES := $(shell find src -name '*.c' 2>/dev/null)
compile_commands.json: $(O)/flags $(C_SOURCES)
	@{ echo '['; sep=; for f in $(C_SOURCES); do \
	  printf '%s{"directory":"%s","file":"%s","arguments":["cc"' "$$sep" '$(CURDIR)' "$$f"; \
	  for a in $(ALL_CPPFLAGS) -std=c11 -Wall -Wextra -include src/lib/base/banned.h -I$$(dirname $$f); do printf ',"%s"' "$$(printf %s "$$a" | sed 's/"/\\"/g')"; done; \
	  printf ',"-c","%s"]}\n' "$$f"; sep=,; done; echo ']'; } > $@

clean: ## remove everything that was built
	rm -rf $(O) demo-run compile_commands.json

help: ## list the targets
	@grep -hE '^[a-z][a-zA-Z_-]*:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 22

.PHONY: all man install uninstall unit-tests fuzzers fuzz deps deps-demo demo check check-unit check-system check-recorders check-kill check-campaigns bench lint format \
  check-format check-layers check-headers check-cppcheck check-tidy check-man check-hardening check-install clean help
-include $(shell find $(O) -name '*.d' 2>/dev/null)
