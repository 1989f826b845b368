// SPDX-License-Identifier: MIT
/* What `swtpm socket` prints about itself. All return an exit status. */
#ifndef TCBIND_HOST_COMPAT_REPORT_H
#define TCBIND_HOST_COMPAT_REPORT_H

#include "host/compat/settings.h"

int report_capabilities(void);
int report_profiles(void);
int report_states(const struct settings *s);

#endif
