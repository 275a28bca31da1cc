/* How the node's server shows itself, and whose certificates it believes. */
#ifndef MAIN_NODE_TLS_H
#define MAIN_NODE_TLS_H

#include <kube/ip.h>
#include <kube/tls_engine.h>

struct node_tls {
	struct str name;
	const struct ip *ips;
	size_t ip_count;
	int64_t now; /* wall */
	/* PEM texts. Without a certificate it makes one that nobody else has signed. */
	struct str certificate, key;
	struct str client_authorities; /* empty: no certificate of a client is believed */
	struct str min_version;        /* "VersionTLS12", …; may be empty */
	const struct str *suites;      /* of TLS 1.2; none: all */
	size_t suite_count;
	int64_t until; /* set: when the one that it made ends; 0: it was given */
};
int node_tls_new(struct node_tls *in, struct tls_config **tls, struct err *err);

#endif
