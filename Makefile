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
LAYERS := base sandbox ipc settings domain audit media client
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
PROGRAMS := supervisor watcher prober hasher reaper keeper retentionctl
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
retentionctl.sources := $(wildcard src/tools/retentionctl/*.c)
retentionctl.layers  := client audit settings base
retentionctl.twins   := $(CLOCK) $(SHA_LIBCRYPTO)
retentionctl.pkg     := libconfig jansson libsodium libcrypto
retentionctl.output  := bin/retentionctl
program-output = $(O)/$(or $($(1).output),libexec/$(1))
program-objects = $(patsubst src/%.c,$(O)/obj/%.o,$($(1).sources))

OUTPUTS := $(foreach p,$(PROGRAMS),$(call program-output,$(p)))
all: $(OUTPUTS) ## build everything into $(O)/

-include mk/*.mk

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

# ---- unit tests: tests/unit/<module>_test.c, each links all layers; UNIT_LIBS is what they need ----
UNIT_TESTS := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(sort $(wildcard tests/unit/*_test.c)))
UNIT_PKG := cmocka libconfig libevent_core jansson libsodium libcrypto sqlite3
$(O)/tests/unit/%: tests/unit/%.c $(foreach l,$(filter-out media,$(LAYERS)),$(call archive,$(l))) $(O)/obj/lib/base/clock.o $(SHA_SODIUM)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  TEST    $@")
	$(Q)$(CC) $(ALL_CPPFLAGS) -Isrc -Itests $(ALL_CFLAGS) -Wno-missing-prototypes -Wno-unused-function -MMD -MP $< $($*.objects) -o $@ $(ALL_LDFLAGS) $(O)/obj/lib/base/clock.o $(SHA_SODIUM) \
	  -Wl,--start-group $(foreach l,$(filter-out media,$(LAYERS)),$(call archive,$(l))) -Wl,--end-group $(call pkg,--libs,$(UNIT_PKG)) $($*.libs)

check-unit: $(UNIT_TESTS) ## unit tests; T=name runs one
	@failed=0; for t in $(if $(T),$(O)/tests/unit/$(T)_test,$(UNIT_TESTS)); do $$t || failed=1; done; exit $$failed

clean: ## remove everything that was built
	rm -rf $(O) demo-run compile_commands.json

help: ## list the targets
	@grep -hE '^[a-z][a-zA-Z_-]*:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 22

.PHONY: check-unit clean help
-include $(shell find $(O) -name '*.d' 2>/dev/null)
