/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Layouts from libconfig. Private to this folder. */
#pragma once

#include "settings/config_source.h"
#include "settings/layout.h"

/* The layout of a root with layout = "custom", from the root's own keys. NULL if something was refused. */
MUST_USE struct layout *layout_read_custom(struct config_source *source, const config_setting_t *root);

/* True if a layout may have this name: its file is NAME.conf. */
bool layout_name_is_sound(const char *name);
