# What a fuzzer links beside the layers. probe_fuzz has its own rule (tests/unit/probe.mk): it changes real media.
control_fuzz.objects := $(O)/obj/daemon/keeper/protocol.o
