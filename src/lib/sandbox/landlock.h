/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Landlock's kernel interface in our own words: the headers of older distributions lack the newer rights. */
#pragma once

#include <stdint.h>

#define LAND_EXECUTE (UINT64_C(1) << 0)
#define LAND_WRITE_FILE (UINT64_C(1) << 1)
#define LAND_READ_FILE (UINT64_C(1) << 2)
#define LAND_READ_DIR (UINT64_C(1) << 3)
#define LAND_REMOVE_DIR (UINT64_C(1) << 4)
#define LAND_REMOVE_FILE (UINT64_C(1) << 5)
#define LAND_MAKE_CHAR (UINT64_C(1) << 6)
#define LAND_MAKE_DIR (UINT64_C(1) << 7)
#define LAND_MAKE_REG (UINT64_C(1) << 8)
#define LAND_MAKE_SOCK (UINT64_C(1) << 9)
#define LAND_MAKE_FIFO (UINT64_C(1) << 10)
#define LAND_MAKE_BLOCK (UINT64_C(1) << 11)
#define LAND_MAKE_SYM (UINT64_C(1) << 12)
#define LAND_REFER (UINT64_C(1) << 13)     /* ABI 2: rename and link between folders; older ones refuse these always */
#define LAND_TRUNCATE (UINT64_C(1) << 14)  /* ABI 3 */
#define LAND_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */

#define LAND_NET_BIND_TCP (UINT64_C(1) << 0)    /* ABI 4 */
#define LAND_NET_CONNECT_TCP (UINT64_C(1) << 1) /* ABI 4 */

#define LAND_SCOPE_ABSTRACT_SOCKET (UINT64_C(1) << 0) /* ABI 6 */
#define LAND_SCOPE_SIGNAL (UINT64_C(1) << 1)          /* ABI 6 */

/* What a rule on a file (not a folder) may hold. */
#define LAND_OF_FILES (LAND_EXECUTE | LAND_WRITE_FILE | LAND_READ_FILE | LAND_TRUNCATE | LAND_IOCTL_DEV)
