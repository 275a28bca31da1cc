/* notify: what a service manager is told, where there is one (NOTIFY_SOCKET). */
#ifndef KUBE_NOTIFY_H
#define KUBE_NOTIFY_H

#include <kube/defs.h>

/* socket: NOTIFY_SOCKET, or NULL. "READY=1", "STOPPING=1". What cannot be told is left. */
void notify_manager(const char *socket, const char *state);

#endif
