# Keeper's part of publishing, tested without the program: the tests stand in for its other parts.
publish-object = $(patsubst %,$(O)/obj/daemon/keeper/%.o,$(1))
syslog_text_test.objects := $(call publish-object,syslog_text)
configuration_test.objects := $(call publish-object,configuration state database hold)
outbox_test.objects := $(call publish-object,outbox outbox_send outbox_witness syslog_text state_deliveries state database hold)
$(O)/tests/unit/syslog_text_test: $(syslog_text_test.objects)
$(O)/tests/unit/configuration_test: $(configuration_test.objects)
$(O)/tests/unit/outbox_test: $(outbox_test.objects)
outbox_test.own-clock := 1
