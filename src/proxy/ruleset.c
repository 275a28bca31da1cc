#include "ruleset.h"
#include "compile_parts.h"

#include <kube/hash.h>
#include <kube/mem.h>

#include <stdlib.h>

/* Lists of one service are kept in order, to be compared; what has a name begins with it. */
struct installed_chain {
	struct str name;
	uint64_t digest;
};

struct installed {
	struct arena arena;
	struct installed_chain *chains;
	struct nft_set *sets;
	struct table_element *elements;
	struct datagram_path *paths;
	size_t chain_count, set_count, element_count, path_count;
	bool no_local_inside, no_local_outside;
};

static void installed_free(struct installed *i)
{
	if (!i)
		return;
	arena_done(&i->arena);
	mem_free(i);
}

void ruleset_init(struct ruleset *r)
{
	*r = (struct ruleset){0};
	map_init(&r->services);
	map_init(&r->owners);
	map_init(&r->paths);
}

void ruleset_done(struct ruleset *r)
{
	map_each (it, &r->services)
		installed_free(it.value);
	map_done(&r->services);
	map_done(&r->owners);
	map_done(&r->paths);
}

/* ---- comparing ---- */

static uint64_t digest_rules(const struct nft_chain *c)
{
	uint64_t h = c->rule_count;

	for (size_t i = 0; i < c->rule_count; i++)
		for (size_t k = 0; k < c->rules[i].count; k++) {
			const struct nft_step *s = &c->rules[i].steps[k];
			const uint32_t plain[] = {s->op, s->not_, s->number, s->cidr.bits,
				s->cidr.ip.len, (uint32_t)s->chain_count};

			h = hash_bytes(h, str_make((const char *)plain, sizeof(plain)));
			h = hash_bytes(h, str_make((const char *)s->cidr.ip.bytes, s->cidr.ip.len));
			h = hash_bytes(h, s->name);
			for (size_t n = 0; n < s->chain_count; n++)
				h = hash_bytes(h, s->chains[n]);
		}
	return h;
}

static struct str element_key(char text[32], const struct table_element *e)
{
	const struct nft_element *x = &e->element;

	memset(text, 0, 32);
	text[0] = (char)('a' + e->set);
	memcpy(text + 1, x->ip.bytes, sizeof(x->ip.bytes));
	text[17] = (char)x->protocol;
	text[18] = (char)(x->port >> 8);
	text[19] = (char)x->port;
	return str_make(text, 20);
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

static const struct installed_chain *find_chain(const struct installed *i, struct str name)
{
	return i ? find_named(i->chains, i->chain_count, sizeof(*i->chains), name) : NULL;
}

static const struct nft_set *find_set(const struct installed *i, struct str name)
{
	return i ? find_named(i->sets, i->set_count, sizeof(*i->sets), name) : NULL;
}

static bool has_element(const struct installed *i, const struct table_element *e)
{
	const struct table_element *found =
		i && i->element_count
			? bsearch(e, i->elements, i->element_count, sizeof(*e), by_key)
			: NULL;

	return found && found->element.verdict == e->element.verdict &&
	       str_eq(found->element.chain, e->element.chain);
}

/* ---- who has an element ---- */

static void release(struct ruleset *r, struct installed *i)
{
	char key[32];

	for (size_t n = 0; i && n < i->element_count; n++)
		if (map_get(&r->owners, element_key(key, &i->elements[n])) == i)
			map_remove(&r->owners, element_key(key, &i->elements[n]));
}

/* Two services may want the same external address: the first has it, until it lets go. */
static void claim(struct ruleset *r, struct installed *owner, struct compiled *fresh)
{
	size_t kept = 0;
	char key[32];

	for (size_t n = 0; n < fresh->element_count; n++) {
		struct str k = element_key(key, &fresh->elements[n]);

		if (map_has(&r->owners, k)) {
			r->contested |= map_get(&r->owners, k) != owner;
			continue;
		}
		map_set(&r->owners, k, owner);
		fresh->elements[kept++] = fresh->elements[n];
	}
	fresh->element_count = kept;
}

/* ---- what is kept ---- */

static void keep_chains(struct installed *i, struct compiled *c)
{
	in_order(c->chains, c->chain_count, sizeof(*c->chains), by_name);
	in_order(c->sets, c->set_count, sizeof(*c->sets), by_name);
	i->chains = arena_alloc(&i->arena, (c->chain_count + 1) * sizeof(*i->chains));
	for (size_t n = 0; n < c->chain_count; n++)
		i->chains[i->chain_count++] =
			(struct installed_chain){.name = arena_str(&i->arena, c->chains[n].name),
				.digest = digest_rules(&c->chains[n])};
	i->sets = arena_alloc(&i->arena, (c->set_count + 1) * sizeof(*i->sets));
	for (size_t n = 0; n < c->set_count; n++) {
		i->sets[n] = c->sets[n];
		i->sets[n].name = arena_str(&i->arena, c->sets[n].name);
	}
	i->set_count = c->set_count;
}

static void keep_elements(struct installed *i, struct compiled *c)
{
	in_order(c->elements, c->element_count, sizeof(*c->elements), by_key);
	i->elements = arena_alloc(&i->arena, (c->element_count + 1) * sizeof(*i->elements));
	for (size_t n = 0; n < c->element_count; n++) {
		i->elements[n] = c->elements[n];
		i->elements[n].element.chain = arena_str(&i->arena, c->elements[n].element.chain);
	}
	i->element_count = c->element_count;
	i->paths = arena_alloc(&i->arena, (c->path_count + 1) * sizeof(*i->paths));
	for (size_t n = 0; n < c->path_count; n++)
		i->paths[i->path_count++] =
			(struct datagram_path){.ip = c->paths[n].ip, .port = c->paths[n].port};
}

/* ---- the batch ---- */

static void add_elements(struct nft_batch *b, enum nft_change_kind kind,
	const struct table_element *list, size_t count)
{
	for (size_t n = 0; n < count; n++)
		nft_batch_add(b, (struct nft_change){.kind = kind,
					 .set = &table_sets[list[n].set],
					 .elements = &list[n].element,
					 .element_count = 1});
}

static struct nft_chain *name_only(struct nft_batch *b, struct str name)
{
	struct nft_chain *c = arena_new(b->arena, sizeof(*c));

	c->name = arena_str(b->arena, name);
	return c;
}

static void drop_elements(struct ruleset *r, struct nft_batch *b, const struct installed *old,
	const struct installed *now)
{
	for (size_t n = 0; n < old->element_count; n++) {
		struct table_element *e;

		if (has_element(now, &old->elements[n]))
			continue;
		r->let_go |= r->contested;
		e = arena_copy(b->arena, &old->elements[n], sizeof(*e));
		e->element.chain = arena_str(b->arena, e->element.chain);
		add_elements(b, NFT_DELETE_ELEMENTS, e, 1);
	}
}

/* All that is to go first lets go of each other. */
static void drop_chains(
	struct nft_batch *b, const struct installed *old, const struct installed *now)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t n = 0; n < old->chain_count; n++)
			if (!find_chain(now, old->chains[n].name))
				nft_batch_add(b,
					(struct nft_change){
						.kind = pass ? NFT_DELETE_CHAIN : NFT_FLUSH_CHAIN,
						.chain = name_only(b, old->chains[n].name)});
	for (size_t n = 0; n < old->set_count; n++)
		if (!find_set(now, old->sets[n].name)) {
			struct nft_set *s = arena_copy(b->arena, &old->sets[n], sizeof(*s));

			s->name = arena_str(b->arena, s->name);
			nft_batch_add(b, (struct nft_change){.kind = NFT_DELETE_SET, .set = s});
		}
}

/* now: what is kept of `fresh`, NULL: nothing. */
static void add_chains(struct nft_batch *b, const struct installed *old,
	const struct installed *now, const struct compiled *fresh)
{
	for (size_t n = 0; n < fresh->set_count; n++)
		if (!find_set(old, fresh->sets[n].name))
			nft_batch_add(b,
				(struct nft_change){.kind = NFT_ADD_SET, .set = &fresh->sets[n]});
	for (size_t n = 0; n < fresh->chain_count; n++)
		if (!find_chain(old, fresh->chains[n].name))
			nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_CHAIN,
						 .chain = &fresh->chains[n]});
	for (size_t n = 0; n < fresh->chain_count; n++) {
		const struct nft_chain *c = &fresh->chains[n];
		const struct installed_chain *was = find_chain(old, c->name);

		if (was && was->digest == now->chains[n].digest)
			continue;
		if (was)
			nft_batch_add(b, (struct nft_change){.kind = NFT_FLUSH_CHAIN, .chain = c});
		nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_RULES, .chain = c});
	}
}

static bool sets_change(const struct installed *old, const struct installed *now)
{
	for (size_t n = 0; n < old->set_count; n++) {
		const struct nft_set *s = find_set(now, old->sets[n].name);

		if (s && s->timeout != old->sets[n].timeout)
			return true;
	}
	return false;
}

/* ---- datagrams ---- */

static struct str path_key(char text[32], const struct ip *ip, uint16_t port)
{
	memset(text, 0, 32);
	memcpy(text, ip->bytes, ip->len);
	text[16] = (char)ip->len;
	text[17] = (char)(port >> 8);
	text[18] = (char)port;
	return str_make(text, 19);
}

static void note_paths(struct ruleset *r, struct arena *a, const struct installed *old,
	const struct compiled *fresh)
{
	char key[32];

	for (size_t n = 0; old && n < old->path_count; n++) {
		const struct datagram_path *was = &old->paths[n];

		map_set(&r->paths, path_key(key, &was->ip, was->port),
			arena_copy(a, &(struct datagram_path){.ip = was->ip, .port = was->port},
				sizeof(*was)));
	}
	for (size_t n = 0; fresh && n < fresh->path_count; n++)
		map_set(&r->paths, path_key(key, &fresh->paths[n].ip, fresh->paths[n].port),
			&fresh->paths[n]);
}

static int by_address(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

static bool leads_elsewhere(
	const struct ruleset *r, const struct ip *ip, uint16_t port, const struct ip *chosen)
{
	char key[32];
	const struct datagram_path *path = map_get(&r->paths, path_key(key, ip, port));

	return path &&
	       (!path->endpoint_count || !bsearch(chosen, path->endpoints, path->endpoint_count,
						 sizeof(*chosen), by_address));
}

bool ruleset_leads_elsewhere(const struct ruleset *r, const struct ip *destination, uint16_t port,
	const struct ip *chosen)
{
	static const struct ip any;

	return leads_elsewhere(r, destination, port, chosen) ||
	       leads_elsewhere(r, &any, port, chosen);
}

/* ---- a service ---- */

static struct installed *keep(struct ruleset *r, struct compiled *fresh)
{
	struct installed *now = mem_new(sizeof(*now));

	arena_init(&now->arena);
	claim(r, now, fresh);
	keep_chains(now, fresh);
	keep_elements(now, fresh);
	now->no_local_inside = fresh->no_local_inside;
	now->no_local_outside = fresh->no_local_outside;
	return now;
}

void ruleset_change(
	struct ruleset *r, struct nft_batch *batch, struct str key, struct compiled *fresh)
{
	struct installed *old = map_get(&r->services, key), *now;

	release(r, old);
	note_paths(r, batch->arena, old, fresh);
	now = fresh ? keep(r, fresh) : NULL;
	r->no_local_inside +=
		(size_t)(now && now->no_local_inside) - (size_t)(old && old->no_local_inside);
	r->no_local_outside +=
		(size_t)(now && now->no_local_outside) - (size_t)(old && old->no_local_outside);
	/* A set cannot change its timeout: all of the service is made anew. */
	if (old && fresh && sets_change(old, now)) {
		drop_elements(r, batch, old, NULL);
		drop_chains(batch, old, NULL);
		installed_free(map_remove(&r->services, key));
		old = NULL;
	}
	if (old)
		drop_elements(r, batch, old, now);
	if (fresh)
		add_chains(batch, old, now, fresh);
	for (size_t n = 0; fresh && n < fresh->element_count; n++)
		if (!has_element(old, &fresh->elements[n]))
			add_elements(batch, NFT_ADD_ELEMENTS, &fresh->elements[n], 1);
	if (old)
		drop_chains(batch, old, now);
	installed_free(now ? map_set(&r->services, key, now) : map_remove(&r->services, key));
}

void ruleset_restart(struct ruleset *r, struct nft_batch *batch, const struct base_options *o)
{
	struct compiled base;

	ruleset_done(r);
	ruleset_init(r);
	/* Deleting what is not there is an error, adding what is there is none. */
	nft_batch_add(batch, (struct nft_change){.kind = NFT_ADD_TABLE});
	nft_batch_add(batch, (struct nft_change){.kind = NFT_DELETE_TABLE});
	nft_batch_add(batch, (struct nft_change){.kind = NFT_ADD_TABLE});
	compile_base(batch->arena, o, &base);
	add_chains(batch, NULL, NULL, &base);
}

void ruleset_forget_paths(struct ruleset *r)
{
	map_done(&r->paths);
	map_init(&r->paths);
}
