/*
 * netns: network namespaces. A thread enters one for what only works from inside (opening sockets,
 * /proc/sys/net) and leaves it again before it does anything else. Only worker threads do so: the
 * loop's thread stays where the process was started.
 */
#ifndef KUBE_NETNS_H
#define KUBE_NETNS_H

#include <kube/err.h>

/* A descriptor; ERR_NOT_FOUND when it is gone. */
int netns_open(const char *path, struct err *err);

struct netns_visit {
	int home;
};
int netns_enter(struct netns_visit *v, int netns, struct err *err);
void netns_leave(struct netns_visit *v);

/*
 * Below /proc/sys/net of the namespace the thread is in. Nothing is written where the value stands
 * already. ERR_NOT_FOUND: this kernel has no such setting.
 */
int netns_set(const char *setting, const char *value, struct err *err);
int netns_get(const char *setting, char *value, size_t size, struct err *err);

#endif
