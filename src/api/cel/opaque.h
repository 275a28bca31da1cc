/* Values of the libraries' own types. */
#ifndef KUBE_CEL_OPAQUE_H
#define KUBE_CEL_OPAQUE_H

#include "value.h"

#include <kube/ip.h>
#include <kube/quantity.h>

struct semver {
	uint64_t major, minor, patch;
	struct str before; /* the pre-release, without its '-' */
};

/* What opaque values point at, by type: struct ip, cidr, semver; quantities and URLs: */
struct cel_url {
	struct str scheme, host, hostname, port, path, query, text;
};
struct cel_amount {
	struct quantity q;
	struct str text;
};

/* What matching against a named format costs per tenth of the text. */
uint64_t format_cost(struct cel_value format, double factor);
struct cel_value opaque_equal(struct cel_value x, struct cel_value y);
int semver_compare(const struct semver *a, const struct semver *b);

#endif
