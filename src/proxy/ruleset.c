#include "ruleset.h"
#include "installed.h"

#include <stdlib.h>

void ruleset_init(struct ruleset *r)
{
	*r = (struct ruleset){0};
	map_init(&r->services);
	map_init(&r->owners);
	map_init(&r->paths);
	map_init(&r->hairpins);
	classes_init(&r->classes);
	memories_init(&r->memories);
}

void ruleset_done(struct ruleset *r)
{
	map_each (it, &r->services)
		installed_free(it.value);
	map_done(&r->services);
	map_done(&r->owners);
	map_done(&r->paths);
	map_done(&r->hairpins);
	classes_done(&r->classes);
	memories_done(&r->memories);
}

/* ---- who has an address ---- */

/* What is said of one address in several sets belongs together. */
static enum table_set owned_as(enum table_set set)
{
	enum table_set v6 = set & 1;

	switch (set - v6) {
	case SET_HERE4:
	case SET_NO_ENDPOINTS4:
	case SET_FIREWALLS4:
		return SET_SERVICES4 + v6;
	case SET_NODE_HERE4:
	case SET_NO_NODE_PORTS4:
		return SET_NODE_PORTS4 + v6;
	default:
		return set;
	}
}

static struct str element_owner(char text[32], const struct table_element *e)
{
	const struct nft_element *x = &e->element;

	return address_key(text, owned_as(e->set), &x->ip, x->protocol, x->port);
}

static struct str way_owner(char text[32], const struct way *w)
{
	return address_key(text, owned_as(way_set(w)), &w->ip, w->protocol, w->port);
}

static void give_up(struct ruleset *r, const struct installed *i, struct str key)
{
	if (map_get(&r->owners, key) == i)
		map_remove(&r->owners, key);
}

static void release(struct ruleset *r, struct installed *i)
{
	char key[32];

	for (size_t n = 0; i && n < i->element_count; n++)
		give_up(r, i, element_owner(key, &i->elements[n]));
	for (size_t n = 0; i && n < i->way_count; n++)
		give_up(r, i, way_owner(key, &i->ways[n]));
}

static bool obtain(struct ruleset *r, struct installed *owner, struct str key)
{
	if (!map_has(&r->owners, key))
		map_set(&r->owners, key, owner);
	bool is = map_get(&r->owners, key) == owner;
	r->contested |= !is;
	return is;
}

static bool say(struct map *said, struct str key)
{
	bool first = !map_has(said, key);

	map_set(said, key, said);
	return first;
}

/*
 * Two services may want the same external address: the first has it, until it lets go. One that
 * wants it twice has it once.
 */
static void claim(struct ruleset *r, struct installed *owner, struct compiled *fresh)
{
	size_t elements = 0, ways = 0;
	struct map said;
	char key[32];

	map_init(&said);
	for (size_t n = 0; n < fresh->element_count; n++)
		if (obtain(r, owner, element_owner(key, &fresh->elements[n])) &&
			say(&said, element_key(key, &fresh->elements[n])))
			fresh->elements[elements++] = fresh->elements[n];
	fresh->element_count = elements;
	for (size_t n = 0; n < fresh->way_count; n++)
		if (obtain(r, owner, way_owner(key, &fresh->ways[n])) &&
			say(&said, way_key(key, &fresh->ways[n])))
			fresh->ways[ways++] = fresh->ways[n];
	fresh->way_count = ways;
	map_done(&said);
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

		if (installed_has(now, &old->elements[n]))
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
			if (!installed_chain_named(now, old->chains[n].name))
				nft_batch_add(b,
					(struct nft_change){
						.kind = pass ? NFT_DELETE_CHAIN : NFT_FLUSH_CHAIN,
						.chain = name_only(b, old->chains[n].name)});
}

/* now: what is kept of `fresh`, NULL: nothing. */
static void add_chains(struct nft_batch *b, const struct installed *old,
	const struct installed *now, const struct compiled *fresh)
{
	for (size_t n = 0; n < fresh->chain_count; n++)
		if (!installed_chain_named(old, fresh->chains[n].name))
			nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_CHAIN,
						 .chain = &fresh->chains[n]});
	for (size_t n = 0; n < fresh->chain_count; n++) {
		const struct nft_chain *c = &fresh->chains[n];
		const struct installed_chain *was = installed_chain_named(old, c->name);

		if (was && was->digest == now->chains[n].digest)
			continue;
		if (was)
			nft_batch_add(b, (struct nft_change){.kind = NFT_FLUSH_CHAIN, .chain = c});
		nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_RULES, .chain = c});
	}
}

/* ---- ways ---- */

static void change_ways(
	struct ruleset *r, struct nft_batch *b, const struct installed *old, struct installed *now)
{
	size_t was = 0, is = 0, was_count = old ? old->way_count : 0,
	       is_count = now ? now->way_count : 0;

	while (was < was_count || is < is_count) {
		const struct way *o = was < was_count ? &old->ways[was] : NULL;
		struct way *n = is < is_count ? &now->ways[is] : NULL;
		int order = !o ? 1 : !n ? -1 : way_cmp(o, n);

		way_change(b, order <= 0 ? o : NULL, order >= 0 ? n : NULL);
		r->let_go |= order < 0 && r->contested;
		was += order <= 0;
		is += order >= 0;
	}
	for (size_t n = 0; n < was_count; n++)
		classes_drop(&r->classes, old->ways[n].number);
}

/* ---- who may come to itself ---- */

static void put_hairpin(struct nft_batch *b, enum nft_change_kind kind, const struct ip *ip)
{
	struct table_element *e = arena_new(b->arena, sizeof(*e));

	e->set = SET_HAIRPIN4 + (ip->len == 16);
	e->element.ip = e->element.other = *ip;
	add_elements(b, kind, e, 1);
}

static void count_hairpin(struct ruleset *r, struct nft_batch *b, const struct ip *ip, int more)
{
	struct str key = str_make((const char *)ip->bytes, ip->len);
	intptr_t count = (intptr_t)map_get(&r->hairpins, key);

	if (count + more)
		map_set(&r->hairpins, key, (void *)(count + more)); // NOLINT
	else
		map_remove(&r->hairpins, key);
	if (!count)
		put_hairpin(b, NFT_ADD_ELEMENTS, ip);
	else if (!(count + more))
		put_hairpin(b, NFT_DELETE_ELEMENTS, ip);
}

static void change_hairpins(struct ruleset *r, struct nft_batch *b, const struct installed *old,
	const struct installed *now)
{
	size_t was = 0, is = 0, was_count = old ? old->endpoint_count : 0,
	       is_count = now ? now->endpoint_count : 0;

	while (was < was_count || is < is_count) {
		int order = was == was_count ? 1
			    : is == is_count ? -1
					     : ip_cmp(&old->endpoints[was], &now->endpoints[is]);

		if (order < 0)
			count_hairpin(r, b, &old->endpoints[was], -1);
		else if (order > 0)
			count_hairpin(r, b, &now->endpoints[is], 1);
		was += order <= 0;
		is += order >= 0;
	}
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

void ruleset_change(
	struct ruleset *r, struct nft_batch *batch, struct str key, struct compiled *fresh)
{
	struct installed *old = map_get(&r->services, key), *now;

	release(r, old);
	note_paths(r, batch->arena, old, fresh);
	now = NULL;
	if (fresh) {
		now = installed_new();
		claim(r, now, fresh);
		memories_number(&r->memories, key, old, fresh);
		installed_keep(now, &r->classes, fresh);
	}
	r->no_local_inside +=
		(size_t)(now && now->no_local_inside) - (size_t)(old && old->no_local_inside);
	r->no_local_outside +=
		(size_t)(now && now->no_local_outside) - (size_t)(old && old->no_local_outside);
	if (old)
		drop_elements(r, batch, old, now);
	if (fresh)
		add_chains(batch, old, now, fresh);
	change_ways(r, batch, old, now);
	memories_change(batch, old, now);
	memories_release(&r->memories, old, now);
	change_hairpins(r, batch, old, now);
	for (size_t n = 0; fresh && n < fresh->element_count; n++)
		if (!installed_has(old, &fresh->elements[n]))
			add_elements(batch, NFT_ADD_ELEMENTS, &fresh->elements[n], 1);
	if (old)
		drop_chains(batch, old, now);
	installed_free(now ? map_set(&r->services, key, now) : map_remove(&r->services, key));
}

void ruleset_settle(struct ruleset *r, struct nft_batch *batch)
{
	classes_settle(&r->classes, batch, &r->node);
}

static void begin_table(struct ruleset *r, const struct base_options *o)
{
	ruleset_done(r);
	ruleset_init(r);
	if (o->node)
		r->node = *o->node;
}

static void add_sets(struct nft_batch *batch)
{
	for (size_t n = 0; n < TABLE_SETS; n++)
		nft_batch_add(
			batch, (struct nft_change){.kind = NFT_ADD_SET, .set = &table_sets[n]});
}

static void add_base(struct nft_batch *batch, const struct base_options *o)
{
	struct compiled base;

	compile_base(batch->arena, o, &base);
	add_chains(batch, NULL, NULL, &base);
}

void ruleset_restart(struct ruleset *r, struct nft_batch *batch, const struct base_options *o)
{
	begin_table(r, o);
	/* Deleting what is not there is an error, adding what is there is none. */
	nft_batch_add(batch, (struct nft_change){.kind = NFT_ADD_TABLE});
	nft_batch_add(batch, (struct nft_change){.kind = NFT_DELETE_TABLE});
	nft_batch_add(batch, (struct nft_change){.kind = NFT_ADD_TABLE});
	add_sets(batch);
	add_base(batch, o);
}

static bool has_chain(const struct str *chains, size_t count, struct str name)
{
	for (size_t n = 0; n < count; n++)
		if (str_eq(chains[n], name))
			return true;
	return false;
}

void ruleset_restart_over(struct ruleset *r, struct nft_batch *batch, const struct base_options *o,
	const struct str *chains, size_t count)
{
	if (!has_chain(chains, count, table_form(batch->arena))) {
		ruleset_restart(r, batch, o);
		return;
	}
	begin_table(r, o);
	add_sets(batch); /* one may be gone */
	nft_batch_add(batch, (struct nft_change){.kind = NFT_FLUSH_TABLE});
	for (size_t n = 0; n < TABLE_SETS; n++)
		if (!table_sets[n].size) /* what packets are remembered in has a size */
			nft_batch_add(batch,
				(struct nft_change){.kind = NFT_FLUSH_SET, .set = &table_sets[n]});
	for (size_t n = 0; n < count; n++)
		nft_batch_add(batch, (struct nft_change){.kind = NFT_DELETE_CHAIN,
					     .chain = name_only(batch, chains[n])});
	add_base(batch, o);
}

void ruleset_forget_paths(struct ruleset *r)
{
	map_done(&r->paths);
	map_init(&r->paths);
}
