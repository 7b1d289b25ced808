# The watcher's tests link the program without its main().
watcher_scan_test.objects := $(patsubst src/%.c,$(O)/obj/%.o,$(filter-out %/main.c,$(wildcard src/daemon/watcher/*.c)))
watcher_scan_test.libs := -linotifytools
$(O)/tests/unit/watcher_scan_test: $(watcher_scan_test.objects)
