# Objects that the tests of the control protocol and of retentionctl need.
table_test.objects := $(filter-out %/main.o,$(call program-objects,retentionctl))
control_test.objects := $(O)/obj/daemon/keeper/protocol.o
$(O)/tests/unit/table_test: $(table_test.objects)
$(O)/tests/unit/control_test: $(control_test.objects)
control_fuzz.objects := $(control_test.objects)
$(O)/fuzz/control_fuzz: $(control_fuzz.objects)
