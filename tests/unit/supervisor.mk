# The supervisor's state table is tested by itself.
child_table_test.objects := $(O)/obj/daemon/supervisor/child_table.o
$(O)/tests/unit/child_table_test: $(O)/obj/daemon/supervisor/child_table.o
watchdog_test.objects := $(O)/obj/daemon/supervisor/watchdog.o
$(O)/tests/unit/watchdog_test: $(O)/obj/daemon/supervisor/watchdog.o
