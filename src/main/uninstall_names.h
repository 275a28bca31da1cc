/* Which names in a cluster's directories are a cluster's. */
#ifndef MAIN_UNINSTALL_NAMES_H
#define MAIN_UNINSTALL_NAMES_H

#include <kube/defs.h>

/* What a server makes in its data directory, or is given there; but for its lock. */
bool uninstall_is_data(const char *name);
/* NAMESPACE_NAME_UID: none of the three can have such a line in it. */
bool uninstall_is_log(const char *name);

#endif
