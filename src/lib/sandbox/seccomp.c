/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The allow-list of a row as classic BPF (seccomp(2)): one comparison for each call. A call that no
 * rule names ends the program with SIGSYS, which the supervisor's log names.
 *
 * AddressSanitizer makes calls of its own that no row gives; under it the default is EPERM.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/attributes.h"
#include "sandbox/programs.h"

#if defined(__x86_64__) && !defined(__ILP32__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define OUR_ARCHITECTURE AUDIT_ARCH_ARM
#else
#error "no system call filter for this architecture: add it here and check the tables in programs.c"
#endif
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "an argument's low half is read at its own offset");

/* x32 has x86_64's architecture number and sets this bit in the call's. */
#define FOREIGN_CALLS 0x40000000U

enum { FILTER_MAX = 1024, INSTRUCTIONS_A_RULE = 5 };

struct filter {
	struct sock_filter code[FILTER_MAX];
	size_t used;
};

static void emit(struct filter *filter, struct sock_filter instruction) {
	filter->code[filter->used++] = instruction;
}

static void emit_load(struct filter *filter, size_t offset) {
	emit(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void emit_return(struct filter *filter, uint32_t action) {
	emit(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Goes on with the next instruction if the loaded word equals `value`, else skips `others`. */
static void emit_if(struct filter *filter, uint32_t value, uint8_t others) {
	emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, others));
}

static void emit_rule(struct filter *filter, const struct syscall_rule *rule) {
	const uint32_t refuse = SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA);
	switch (rule->verdict) {
	case RULE_ALLOW:
	case RULE_REFUSE:
		emit_if(filter, (uint32_t)rule->number, 1);
		emit_return(filter, rule->verdict == RULE_ALLOW ? SECCOMP_RET_ALLOW : refuse);
		break;
	case RULE_ALLOW_SELF:
	case RULE_ALLOW_VALUE:
		/* A descriptor or process id is an int: the kernel looks at no more than the low half. */
		emit_if(filter, (uint32_t)rule->number, 4);
		emit_load(filter, offsetof(struct seccomp_data, args));
		emit_if(filter, rule->verdict == RULE_ALLOW_SELF ? (uint32_t)getpid() : rule->value, 1);
		emit_return(filter, SECCOMP_RET_ALLOW);
		emit_return(filter, refuse);
		break;
	}
}

static int filter_build(struct filter *filter, const struct program_row *row) {
	filter->used = 0;
	emit_load(filter, offsetof(struct seccomp_data, arch));
	emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCHITECTURE, 1, 0));
	emit_return(filter, SECCOMP_RET_KILL_PROCESS);
	emit_load(filter, offsetof(struct seccomp_data, nr));
	emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_CALLS, 0, 1));
	emit_return(filter, SECCOMP_RET_KILL_PROCESS);
	for (size_t i = 0; i < GROUPS_MAX; i++)
		for (size_t k = 0; k < row->calls[i].count; k++) {
			if (filter->used + INSTRUCTIONS_A_RULE + 1 > FILTER_MAX)
				return -E2BIG;
			if (row->calls[i].rules[k].number >= 0)
				emit_rule(filter, &row->calls[i].rules[k]);
		}
	emit_return(filter, sandbox_is_sanitized() ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_KILL_PROCESS);
	return 0;
}

int seccomp_apply(const struct program_row *row) {
	struct filter filter;
	int error = filter_build(&filter, row);
	if (error != 0)
		return error;
	struct sock_fprog program = {.len = (unsigned short)filter.used, .filter = filter.code};
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}
