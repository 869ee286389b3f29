// SPDX-License-Identifier: GPL-2.0-only
/* The same under the name that Alibaba Cloud Linux has its own under. */
#include "toa.c"
