#include "installed.h"

#include <kube/hash.h>
#include <kube/mem.h>

#include <stdlib.h>

struct installed *installed_new(void)
{
	struct installed *i = mem_new(sizeof(*i));

	arena_init(&i->arena);
	return i;
}

void installed_free(struct installed *i)
{
	if (!i)
		return;
	arena_done(&i->arena);
	mem_free(i);
}

/* ---- comparing ---- */

static uint64_t digest_rules(const struct nft_chain *c)
{
	uint64_t h = c->rule_count;

	for (size_t i = 0; i < c->rule_count; i++)
		for (size_t k = 0; k < c->rules[i].count; k++) {
			const struct nft_step *s = &c->rules[i].steps[k];
			const uint32_t plain[] = {s->op, s->not_, s->key, s->number, s->base,
				s->cidr.bits, s->cidr.ip.len};

			h = hash_bytes(h, str_make((const char *)plain, sizeof(plain)));
			h = hash_bytes(h, str_make((const char *)s->cidr.ip.bytes, s->cidr.ip.len));
			h = hash_bytes(h, s->name);
		}
	return h;
}

struct str address_key(
	char text[32], enum table_set set, const struct ip *ip, uint8_t protocol, uint16_t port)
{
	memset(text, 0, 32);
	text[0] = (char)('a' + set);
	memcpy(text + 1, ip->bytes, sizeof(ip->bytes));
	text[17] = (char)protocol;
	text[18] = (char)(port >> 8);
	text[19] = (char)port;
	return str_make(text, 20);
}

struct str element_key(char text[32], const struct table_element *e)
{
	return address_key(text, e->set, &e->element.ip, e->element.protocol, e->element.port);
}

struct str way_key(char text[32], const struct way *w)
{
	return address_key(text, way_set(w), &w->ip, w->protocol, w->port);
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int by_key(const void *a, const void *b)
{
	char x[32], y[32];

	return str_cmp(element_key(x, a), element_key(y, b));
}

static int by_way(const void *a, const void *b)
{
	return way_cmp(a, b);
}

static void in_order(
	void *list, size_t count, size_t size, int (*order)(const void *, const void *))
{
	if (count > 1)
		qsort(list, count, size, order);
}

static void *find_named(const void *list, size_t count, size_t size, struct str name)
{
	return count ? bsearch(&name, list, count, size, by_name) : NULL;
}

const struct installed_chain *installed_chain_named(const struct installed *i, struct str name)
{
	return i ? find_named(i->chains, i->chain_count, sizeof(*i->chains), name) : NULL;
}

bool installed_has(const struct installed *i, const struct table_element *e)
{
	const struct table_element *found =
		i && i->element_count
			? bsearch(e, i->elements, i->element_count, sizeof(*e), by_key)
			: NULL;

	return found && found->element.verdict == e->element.verdict &&
	       str_eq(found->element.chain, e->element.chain);
}

/* ---- what is kept ---- */

static void keep_chains(struct installed *i, struct compiled *c)
{
	in_order(c->chains, c->chain_count, sizeof(*c->chains), by_name);
	i->chains = arena_alloc(&i->arena, c->chain_count * sizeof(*i->chains));
	for (size_t n = 0; n < c->chain_count; n++)
		i->chains[i->chain_count++] =
			(struct installed_chain){.name = arena_str(&i->arena, c->chains[n].name),
				.digest = digest_rules(&c->chains[n])};
}

static void keep_ways(struct installed *i, struct classes *classes, struct compiled *c)
{
	in_order(c->ways, c->way_count, sizeof(*c->ways), by_way);
	i->ways = arena_copy(&i->arena, c->ways, c->way_count * sizeof(*i->ways));
	i->way_count = c->way_count;
	for (size_t n = 0; n < c->way_count; n++) {
		struct way *w = &i->ways[n];

		w->places = arena_copy(&i->arena, w->places, w->class.count * sizeof(*w->places));
		w->number = classes_use(classes, &w->class);
	}
	i->endpoints =
		arena_copy(&i->arena, c->endpoints, c->endpoint_count * sizeof(*i->endpoints));
	i->endpoint_count = c->endpoint_count;
}

static void keep_memories(struct installed *i, const struct compiled *c)
{
	i->memories = arena_copy(&i->arena, c->memories, c->memory_count * sizeof(*i->memories));
	i->memory_count = c->memory_count;
	for (size_t n = 0; n < c->memory_count; n++) {
		struct memory *m = &i->memories[n];

		m->port_name = arena_str(&i->arena, m->port_name);
		m->places = arena_copy(&i->arena, m->places, m->count * sizeof(*m->places));
	}
}

static void keep_elements(struct installed *i, struct compiled *c)
{
	in_order(c->elements, c->element_count, sizeof(*c->elements), by_key);
	i->elements = arena_alloc(&i->arena, c->element_count * sizeof(*i->elements));
	for (size_t n = 0; n < c->element_count; n++) {
		i->elements[n] = c->elements[n];
		i->elements[n].element.chain = arena_str(&i->arena, c->elements[n].element.chain);
	}
	i->element_count = c->element_count;
	i->paths = arena_alloc(&i->arena, c->path_count * sizeof(*i->paths));
	for (size_t n = 0; n < c->path_count; n++)
		i->paths[i->path_count++] =
			(struct datagram_path){.ip = c->paths[n].ip, .port = c->paths[n].port};
}

void installed_keep(struct installed *i, struct classes *classes, struct compiled *c)
{
	keep_chains(i, c);
	keep_ways(i, classes, c);
	keep_memories(i, c);
	keep_elements(i, c);
	i->no_local_inside = c->no_local_inside;
	i->no_local_outside = c->no_local_outside;
}
