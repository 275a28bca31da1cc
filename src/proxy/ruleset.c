#include "ruleset.h"
#include "compile_parts.h"

#include <kube/hash.h>
#include <kube/mem.h>

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
}

void ruleset_done(struct ruleset *r)
{
	map_each (it, &r->services)
		installed_free(it.value);
	map_done(&r->services);
	map_done(&r->owners);
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

static bool same_element(const struct table_element *a, const struct table_element *b)
{
	char x[32], y[32];

	return str_eq(element_key(x, a), element_key(y, b)) &&
	       a->element.verdict == b->element.verdict &&
	       str_eq(a->element.chain, b->element.chain);
}

static bool has_element(
	const struct table_element *list, size_t count, const struct table_element *e)
{
	for (size_t i = 0; i < count; i++)
		if (same_element(&list[i], e))
			return true;
	return false;
}

static const struct installed_chain *find_chain(const struct installed *i, struct str name)
{
	for (size_t n = 0; i && n < i->chain_count; n++)
		if (str_eq(i->chains[n].name, name))
			return &i->chains[n];
	return NULL;
}

static bool has_chain(const struct compiled *c, struct str name)
{
	for (size_t n = 0; c && n < c->chain_count; n++)
		if (str_eq(c->chains[n].name, name))
			return true;
	return false;
}

/* A set whose timeout changes is another set: by its name it is not told, so both are looked at. */
static bool has_set(const struct nft_set *list, size_t count, const struct nft_set *set)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(list[i].name, set->name) && list[i].timeout == set->timeout)
			return true;
	return false;
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

static void keep_chains(struct installed *i, const struct compiled *c)
{
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

static void keep_elements(struct installed *i, const struct compiled *c)
{
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
	const struct compiled *fresh)
{
	for (size_t n = 0; n < old->element_count; n++) {
		struct table_element *e;

		if (fresh && has_element(fresh->elements, fresh->element_count, &old->elements[n]))
			continue;
		r->let_go |= r->contested;
		e = arena_copy(b->arena, &old->elements[n], sizeof(*e));
		e->element.chain = arena_str(b->arena, e->element.chain);
		add_elements(b, NFT_DELETE_ELEMENTS, e, 1);
	}
}

/* All that is to go first lets go of each other. */
static void drop_chains(
	struct nft_batch *b, const struct installed *old, const struct compiled *fresh)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t n = 0; n < old->chain_count; n++)
			if (!has_chain(fresh, old->chains[n].name))
				nft_batch_add(b,
					(struct nft_change){
						.kind = pass ? NFT_DELETE_CHAIN : NFT_FLUSH_CHAIN,
						.chain = name_only(b, old->chains[n].name)});
	for (size_t n = 0; n < old->set_count; n++)
		if (!fresh || !has_set(fresh->sets, fresh->set_count, &old->sets[n])) {
			struct nft_set *s = arena_copy(b->arena, &old->sets[n], sizeof(*s));

			s->name = arena_str(b->arena, s->name);
			nft_batch_add(b, (struct nft_change){.kind = NFT_DELETE_SET, .set = s});
		}
}

static void add_chains(
	struct nft_batch *b, const struct installed *old, const struct compiled *fresh)
{
	for (size_t n = 0; n < fresh->set_count; n++)
		if (!old || !has_set(old->sets, old->set_count, &fresh->sets[n]))
			nft_batch_add(b,
				(struct nft_change){.kind = NFT_ADD_SET, .set = &fresh->sets[n]});
	for (size_t n = 0; n < fresh->chain_count; n++)
		if (!find_chain(old, fresh->chains[n].name))
			nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_CHAIN,
						 .chain = &fresh->chains[n]});
	for (size_t n = 0; n < fresh->chain_count; n++) {
		const struct nft_chain *c = &fresh->chains[n];
		const struct installed_chain *was = find_chain(old, c->name);

		if (was && was->digest == digest_rules(c))
			continue;
		if (was)
			nft_batch_add(b, (struct nft_change){.kind = NFT_FLUSH_CHAIN, .chain = c});
		nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_RULES, .chain = c});
	}
}

static bool sets_change(const struct installed *old, const struct compiled *fresh)
{
	for (size_t n = 0; n < old->set_count; n++)
		for (size_t k = 0; k < fresh->set_count; k++)
			if (str_eq(old->sets[n].name, fresh->sets[k].name) &&
				old->sets[n].timeout != fresh->sets[k].timeout)
				return true;
	return false;
}

/* ---- datagrams ---- */

static bool same_path(const struct datagram_path *a, const struct datagram_path *b)
{
	return a->port == b->port && a->ip.len == b->ip.len &&
	       (!a->ip.len || ip_eq(&a->ip, &b->ip));
}

static void note_paths(struct ruleset *r, struct arena *a, const struct installed *old,
	const struct compiled *fresh)
{
	for (size_t n = 0; fresh && n < fresh->path_count; n++)
		*LIST_ADD(a, r->paths, r->path_count) = fresh->paths[n];
	for (size_t n = 0; old && n < old->path_count; n++) {
		bool goes_on = false;

		for (size_t k = 0; fresh && k < fresh->path_count; k++)
			goes_on |= same_path(&old->paths[n], &fresh->paths[k]);
		if (!goes_on)
			*LIST_ADD(a, r->paths, r->path_count) = (struct datagram_path){
				.ip = old->paths[n].ip, .port = old->paths[n].port};
	}
}

/* ---- a service ---- */

void ruleset_change(
	struct ruleset *r, struct nft_batch *batch, struct str key, struct compiled *fresh)
{
	struct installed *old = map_get(&r->services, key), *now = NULL;

	release(r, old);
	note_paths(r, batch->arena, old, fresh);
	if (fresh) {
		now = mem_new(sizeof(*now));
		arena_init(&now->arena);
		claim(r, now, fresh);
		keep_chains(now, fresh);
		keep_elements(now, fresh);
	}
	/* A set cannot change its timeout: all of the service is made anew. */
	if (old && fresh && sets_change(old, fresh)) {
		drop_elements(r, batch, old, NULL);
		drop_chains(batch, old, NULL);
		installed_free(map_remove(&r->services, key));
		old = NULL;
	}
	if (old)
		drop_elements(r, batch, old, fresh);
	if (fresh)
		add_chains(batch, old, fresh);
	for (size_t n = 0; fresh && n < fresh->element_count; n++)
		if (!old || !has_element(old->elements, old->element_count, &fresh->elements[n]))
			add_elements(batch, NFT_ADD_ELEMENTS, &fresh->elements[n], 1);
	if (old)
		drop_chains(batch, old, fresh);
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
	add_chains(batch, NULL, &base);
}
