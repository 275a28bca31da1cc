/* Addresses and ranges in objects, with upstream's sentences. */
#ifndef KUBE_API_IP_RULES_H
#define KUBE_API_IP_RULES_H

#include <kube/field.h>
#include <kube/ip.h>

/* One "Invalid value" for what is no address, has leading zeros or is an IPv4 in IPv6's clothes. */
bool check_ip(struct field_errors *e, const struct path *p, struct str text, struct ip *ip);
/* What old objects may have, too: leading zeros. */
bool ip_parse_loosely(struct str text, struct ip *ip);
/* The same, and it must be written in its canonical form. */
bool check_ip_canonical(struct field_errors *e, const struct path *p, struct str text);
/* Not unspecified, loopback, link-local: what traffic may be sent to. */
void check_ip_ordinary(
	struct field_errors *e, const struct path *p, struct str text, const struct ip *ip);
/* A range without bits behind its prefix. */
bool check_cidr(struct field_errors *e, const struct path *p, struct str text, struct cidr *cidr);
bool check_cidr_canonical(
	struct field_errors *e, const struct path *p, struct str text, struct cidr *cidr);

#endif
