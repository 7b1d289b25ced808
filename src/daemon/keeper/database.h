/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What index.db and state.db have in common. */
#pragma once

/* SQLite's result code, an extended one too, as 0 or a negative errno: -EUCLEAN for a file that is damaged. */
int database_errno(int result);
