# Keeper's parts that stand alone, tested without the program.
state_test.objects := $(O)/obj/daemon/keeper/state.o $(O)/obj/daemon/keeper/database.o $(O)/obj/daemon/keeper/hold.o
deletion_intent_test.objects := $(O)/obj/daemon/keeper/deletion_intent.o
