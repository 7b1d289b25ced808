# The lookup of the audit log, without the program; and the library that retentionctl draws its code with.
lookup_test.objects := $(patsubst %,$(O)/obj/daemon/keeper/%.o,database lookup_store lookup_query)
$(O)/tests/unit/lookup_test: $(lookup_test.objects)
table_test.libs := -lqrencode
