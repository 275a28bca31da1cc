/* Names to addresses: what is known without asking a server, and the question itself. */
#ifndef KUBE_LOOP_HOSTS_H
#define KUBE_LOOP_HOSTS_H

#include <kube/env.h>

/* So many addresses of one name are kept. */
#define ADDRESSES_MAX 64

void addresses_add(struct addresses *found, const struct ip *ip);
/* Adds what a hosts file (its text) says about the name, in the order it says it. */
void hosts_find(struct str text, struct str host, struct addresses *found);
/* Asks the system's resolver and waits for the answer: on a worker thread only. */
int lookup_host(const char *host, struct addresses *found, struct err *err);

#endif
