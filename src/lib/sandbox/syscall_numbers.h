/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that some architecture or some C library's headers lack, as -1: the tables name all
 * of them, and the filter leaves these out. x86_64 has the old names (open, unlink), 32-bit ARM the
 * wide ones (fstat64, clock_gettime64), aarch64 neither.
 */
#pragma once

#include <sys/syscall.h>

#ifndef __NR_access
#define __NR_access -1
#endif
#ifndef __NR_accept
#define __NR_accept -1
#endif
#ifndef __NR_clock_adjtime64
#define __NR_clock_adjtime64 -1
#endif
#ifndef __NR_clock_getres_time64
#define __NR_clock_getres_time64 -1
#endif
#ifndef __NR_clock_gettime64
#define __NR_clock_gettime64 -1
#endif
#ifndef __NR_clock_nanosleep_time64
#define __NR_clock_nanosleep_time64 -1
#endif
#ifndef __NR_epoll_wait
#define __NR_epoll_wait -1
#endif
#ifndef __NR_arm_fadvise64_64
#define __NR_arm_fadvise64_64 -1
#endif
#ifndef __NR_fadvise64
#define __NR_fadvise64 -1
#endif
#ifndef __NR_fcntl64
#define __NR_fcntl64 -1
#endif
#ifndef __NR_fstat64
#define __NR_fstat64 -1
#endif
#ifndef __NR_fstatat64
#define __NR_fstatat64 -1
#endif
#ifndef __NR_fstatfs64
#define __NR_fstatfs64 -1
#endif
#ifndef __NR_ftruncate64
#define __NR_ftruncate64 -1
#endif
#ifndef __NR_futex_time64
#define __NR_futex_time64 -1
#endif
#ifndef __NR_getegid32
#define __NR_getegid32 -1
#endif
#ifndef __NR_geteuid32
#define __NR_geteuid32 -1
#endif
#ifndef __NR_getgid32
#define __NR_getgid32 -1
#endif
#ifndef __NR_getrlimit
#define __NR_getrlimit -1
#endif
#ifndef __NR_getuid32
#define __NR_getuid32 -1
#endif
#ifndef __NR__llseek
#define __NR__llseek -1
#endif
#ifndef __NR_link
#define __NR_link -1
#endif
#ifndef __NR_lstat
#define __NR_lstat -1
#endif
#ifndef __NR_lstat64
#define __NR_lstat64 -1
#endif
#ifndef __NR_mkdir
#define __NR_mkdir -1
#endif
#ifndef __NR_mmap
#define __NR_mmap -1
#endif
#ifndef __NR_mmap2
#define __NR_mmap2 -1
#endif
#ifndef __NR_newfstatat
#define __NR_newfstatat -1
#endif
#ifndef __NR_open
#define __NR_open -1
#endif
#ifndef __NR_pipe
#define __NR_pipe -1
#endif
#ifndef __NR_poll
#define __NR_poll -1
#endif
#ifndef __NR_ppoll_time64
#define __NR_ppoll_time64 -1
#endif
#ifndef __NR_readlink
#define __NR_readlink -1
#endif
#ifndef __NR_rename
#define __NR_rename -1
#endif
#ifndef __NR_renameat
#define __NR_renameat -1
#endif
#ifndef __NR_rmdir
#define __NR_rmdir -1
#endif
#ifndef __NR_rseq
#define __NR_rseq -1
#endif
#ifndef __NR_send
#define __NR_send -1
#endif
#ifndef __NR_recv
#define __NR_recv -1
#endif
#ifndef __NR_sendfile64
#define __NR_sendfile64 -1
#endif
#ifndef __NR_sendfile
#define __NR_sendfile -1
#endif
#ifndef __NR_sigreturn
#define __NR_sigreturn -1
#endif
#ifndef __NR_stat
#define __NR_stat -1
#endif
#ifndef __NR_stat64
#define __NR_stat64 -1
#endif
#ifndef __NR_statfs64
#define __NR_statfs64 -1
#endif
#ifndef __NR_time
#define __NR_time -1
#endif
#ifndef __NR_timerfd_gettime64
#define __NR_timerfd_gettime64 -1
#endif
#ifndef __NR_timerfd_settime64
#define __NR_timerfd_settime64 -1
#endif
#ifndef __NR_ugetrlimit
#define __NR_ugetrlimit -1
#endif
#ifndef __NR_unlink
#define __NR_unlink -1
#endif
#ifndef __NR_utimensat_time64
#define __NR_utimensat_time64 -1
#endif
#ifndef __NR_recvmmsg_time64
#define __NR_recvmmsg_time64 -1
#endif
#ifndef __NR_clone3
#define __NR_clone3 -1
#endif
#ifndef __NR_epoll_pwait2
#define __NR_epoll_pwait2 -1
#endif
#ifndef __NR_faccessat2
#define __NR_faccessat2 -1
#endif
#ifndef __NR_openat2
#define __NR_openat2 -1
#endif
#ifndef __NR_sync_file_range
#define __NR_sync_file_range -1
#endif
#ifndef __NR_arm_sync_file_range
#define __NR_arm_sync_file_range -1
#endif
#ifndef __NR_pidfd_open
#define __NR_pidfd_open -1
#endif
#ifndef __NR_pidfd_send_signal
#define __NR_pidfd_send_signal -1
#endif
