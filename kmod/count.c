// SPDX-License-Identifier: GPL-2.0-only
#include "count.h"

DEFINE_PER_CPU(struct toa_counters, toa_counters);
