/* Addresses as Go's netip reads them. */
#ifndef KUBE_CEL_ADDRESS_TEXT_H
#define KUBE_CEL_ADDRESS_TEXT_H

#include <kube/arena.h>
#include <kube/ip.h>
#include <kube/str.h>

/* ParseAddr. *zoned: a zone stood behind it, and was cut off. false: *why is what Go says. */
bool address_read(struct arena *a, struct str s, struct ip *ip, bool *zoned, struct str *why);

#endif
