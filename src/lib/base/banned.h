/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions that are too easy to misuse do not compile. The Makefile includes this file before
 * every source of ours, after the system headers that declare the names.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* With clang the C library's checked versions are macros. */
#undef sprintf
#undef vsprintf

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok localtime gmtime ctime asctime
#pragma GCC poison atoi atol atoll tmpnam mktemp system popen
