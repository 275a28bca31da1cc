/* What of a service is in the kernel, as far as the next change needs it. */
#ifndef KUBE_PROXY_INSTALLED_H
#define KUBE_PROXY_INSTALLED_H

#include "classes.h"
#include "ways.h"

/* Lists of one service are kept in order, to be compared; what has a name begins with it. */
struct installed_chain {
	struct str name;
	uint64_t digest;
};

struct installed {
	struct arena arena;
	struct installed_chain *chains;
	struct way *ways;
	struct memory *memories;
	struct table_element *elements;
	struct ip *endpoints;
	struct datagram_path *paths;
	size_t chain_count, way_count, memory_count, element_count, endpoint_count, path_count;
	bool no_local_inside, no_local_outside;
};

struct installed *installed_new(void);
void installed_free(struct installed *i); /* NULL is fine */
/* Brings the lists of both into order; uses the classes of its ways. */
void installed_keep(struct installed *i, struct classes *classes, struct compiled *c);
/* i: NULL has nothing. */
const struct installed_chain *installed_chain_named(const struct installed *i, struct str name);
bool installed_has(const struct installed *i, const struct table_element *e);

/* What elements and ways are told apart by. */
struct str address_key(
	char text[32], enum table_set set, const struct ip *ip, uint8_t protocol, uint16_t port);
struct str element_key(char text[32], const struct table_element *e);
struct str way_key(char text[32], const struct way *w);

#endif
