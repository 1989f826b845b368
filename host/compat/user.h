/* --runas. */
#ifndef TCBIND_HOST_COMPAT_USER_H
#define TCBIND_HOST_COMPAT_USER_H

#include <stdbool.h>

/* This process becomes that user (name or number), with its groups. False: said why on stderr, as `program`. */
bool user_become(const char *program, const char *name);

#endif
