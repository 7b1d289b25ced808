# Guard's pure parts are linked, the program itself is run. Its tests find it beside them, in libexec.
guard_outgoing_test.objects := $(O)/obj/daemon/guard/outgoing.o
$(O)/tests/unit/guard_outgoing_test: $(guard_outgoing_test.objects)
guard_policy_test.objects := $(patsubst %,$(O)/obj/daemon/guard/%.o,policy below folders handle)
$(O)/tests/unit/guard_policy_test: $(guard_policy_test.objects)
$(O)/tests/unit/guard_run_test: $(O)/libexec/guard
