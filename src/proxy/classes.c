#include "classes.h"
#include "compile_parts.h"

#include <kube/hash.h>
#include <kube/mem.h>

#include <stdio.h>

#define NAME_MAX 64

struct known_class {
	struct class class;
	char name[NAME_MAX];
	uint32_t number;
	size_t uses;
	bool installed;
};

void classes_init(struct classes *c)
{
	map_init(&c->by_name);
	map_init(&c->by_number);
	map_init(&c->parts);
	map_init(&c->changed);
}

void classes_done(struct classes *c)
{
	map_each (it, &c->by_name)
		mem_free(it.value);
	map_done(&c->by_name);
	map_done(&c->by_number);
	map_done(&c->parts);
	map_done(&c->changed);
}

/* ---- names and numbers ---- */

static struct str number_key(const uint32_t *number)
{
	return str_make((const char *)number, sizeof(*number));
}

static void name_of(char name[NAME_MAX], const struct class *k, const char *what)
{
	int at = snprintf(name, NAME_MAX, "%s%s-%u", k->node_port ? "node-" : "", what, k->count);

	if (k->affinity)
		snprintf(name + at, NAME_MAX - (size_t)at, "-%us%s", k->affinity,
			k->v6 ? "-v6" : "");
}

static void class_name(char name[NAME_MAX], const struct class *k)
{
	static const char *const names[CLASS_KINDS][2] = {{"inside", "guarded-inside"},
		{"outside", "guarded-outside"}, {"short", "guarded-short"}, {"here", "here"}};

	name_of(name, k,
		k->kind == CLASS_INSIDE && k->here ? "inside-here" : names[k->kind][k->guarded]);
}

static void draw_name(char name[NAME_MAX], const struct class *k)
{
	name_of(name, k, k->here ? "here" : "to");
}

static void known_name(char name[NAME_MAX], const struct class *k)
{
	snprintf(name, NAME_MAX, "known-%s%us%s", k->here ? "here-" : "", k->affinity,
		k->v6 ? "-v6" : "");
}

/* By its name, so that the same services always make the same table. */
static uint32_t free_number(const struct classes *c, const char *name)
{
	uint32_t n = hash_fnv32a(str_from(name));

	for (;; n++) {
		uint32_t number = NFT_NUMBER | (n & NFT_NUMBER_BITS);

		if (!map_has(&c->by_number, number_key(&number)))
			return number;
	}
}

/* ---- counting ---- */

static void note_change(struct classes *c, struct known_class *k)
{
	map_set(&c->changed, str_from(k->name), k);
}

uint32_t classes_use(struct classes *c, const struct class *class)
{
	char name[NAME_MAX];
	struct known_class *k;

	class_name(name, class);
	k = map_get(&c->by_name, str_from(name));
	if (!k) {
		k = mem_new(sizeof(*k));
		k->class = *class;
		memcpy(k->name, name, sizeof(name));
		k->number = free_number(c, name);
		map_set(&c->by_name, str_from(name), k);
		map_set(&c->by_number, number_key(&k->number), k);
	}
	if (!k->uses++)
		note_change(c, k);
	return k->number;
}

void classes_drop(struct classes *c, uint32_t number)
{
	struct known_class *k = map_get(&c->by_number, number_key(&number));

	assert(k && k->uses);
	if (!--k->uses)
		note_change(c, k);
}

/* True: the first has come. */
static bool use_part(struct classes *c, const char *name)
{
	size_t uses = (size_t)(uintptr_t)map_get(&c->parts, str_from(name));

	map_set(&c->parts, str_from(name), (void *)(uintptr_t)(uses + 1)); // NOLINT
	return uses == 0;
}

/* True: the last has gone. */
static bool drop_part(struct classes *c, const char *name)
{
	size_t uses = (size_t)(uintptr_t)map_get(&c->parts, str_from(name));

	assert(uses);
	if (uses > 1)
		map_set(&c->parts, str_from(name), (void *)(uintptr_t)(uses - 1)); // NOLINT
	else
		map_remove(&c->parts, str_from(name));
	return uses == 1;
}

/* ---- chains ---- */

static struct chain_maker begin(struct nft_batch *b, const char *name)
{
	return (struct chain_maker){.arena = b->arena, .name = arena_str(b->arena, str_from(name))};
}

static void add_chain(struct nft_batch *b, struct chain_maker *c)
{
	struct nft_chain *chain = arena_new(b->arena, sizeof(*chain));

	*chain = (struct nft_chain){.name = c->name, .rules = c->rules, .rule_count = c->count};
	nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_CHAIN, .chain = chain});
	nft_batch_add(b, (struct nft_change){.kind = NFT_ADD_RULES, .chain = chain});
}

static void remove_chain(struct nft_batch *b, const char *name)
{
	struct nft_chain *chain = arena_new(b->arena, sizeof(*chain));

	chain->name = arena_str(b->arena, str_from(name));
	nft_batch_add(b, (struct nft_change){.kind = NFT_FLUSH_CHAIN, .chain = chain});
	nft_batch_add(b, (struct nft_change){.kind = NFT_DELETE_CHAIN, .chain = chain});
}

static bool is_for(const struct class *k, bool v6)
{
	return !k->affinity || k->v6 == v6;
}

/* One rule for each family. */
static void both(
	struct chain_maker *c, const struct class *k, struct nft_step step, enum table_set set)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct nft_step s = step_set(step.op, set + v6);

		if (!is_for(k, v6))
			continue;
		s.number = step.number;
		s.base = step.base;
		c->v6 = v6;
		nft_rule_add(chain_rule(c, true), s);
	}
}

static void draw(struct chain_maker *c, const struct class *k)
{
	uint32_t base = k->here ? CHOICES_HERE : CHOICES_OF_ALL;

	nft_rule_add(chain_rule(c, false),
		k->count == 1
			? step_number(RULE_NUMBER, base)
			: (struct nft_step){
				  .op = RULE_NUMBER_RANDOM, .number = k->count, .base = base});
}

/* ---- remembering ---- */

static enum table_set clients_of(bool here)
{
	return here ? SET_HERE_CLIENTS4 : SET_CLIENTS4;
}

static void keep_client(struct chain_maker *c, const struct class *k, enum nft_op op)
{
	struct nft_step s = {.op = op, .base = MEMORY_BITS};

	if (op == RULE_REMEMBER)
		s.number = k->affinity;
	both(c, k, s, clients_of(k->here));
}

static void translate_known(struct chain_maker *c, const struct class *k)
{
	both(c, k, step_plain(RULE_DNAT_OF), k->here ? SET_HERE_REMEMBERED4 : SET_REMEMBERED4);
}

/* Whom a client has been given may be gone, or not be offered by this way: then it returns. */
static void add_known(struct nft_batch *b, const char *name, const struct class *k)
{
	struct chain_maker c = begin(b, name);

	keep_client(&c, k, RULE_REMEMBER);
	translate_known(&c, k);
	keep_client(&c, k, RULE_FORGET);
	add_chain(b, &c);
}

static void try_known(struct nft_batch *b, struct chain_maker *c, const struct class *k, bool here)
{
	char known[NAME_MAX];
	struct nft_rule *r;

	known_name(known, k);
	c->v6 = k->v6;
	r = chain_rule(c, true);
	nft_rule_add(r, step_set(RULE_NUMBER_OF, clients_of(here) + k->v6));
	nft_rule_add(r, step_named(RULE_JUMP, arena_str(b->arena, str_from(known))));
}

static void add_remembering_draw(
	struct classes *all, struct nft_batch *b, const char *name, const struct class *k)
{
	char known[NAME_MAX];
	struct chain_maker c = begin(b, name);

	known_name(known, k);
	if (use_part(all, known))
		add_known(b, known, k);
	both(&c, k, step_plain(RULE_NUMBER_OF), k->node_port ? SET_NODE_MEMORIES4 : SET_MEMORIES4);
	try_known(b, &c, k, k->here);
	/* by another way, perhaps */
	nft_rule_add(chain_rule(&c, false), step_number(RULE_NUMBER_BITS, MEMORY_BITS));
	try_known(b, &c, k, !k->here);
	draw(&c, k);
	both(&c, k, step_plain(RULE_NUMBER_OF), k->node_port ? SET_NODE_CHOICES4 : SET_CHOICES4);
	keep_client(&c, k, RULE_REMEMBER);
	translate_known(&c, k);
	add_chain(b, &c);
}

/* ---- drawing ---- */

static void add_draw(
	struct classes *all, struct nft_batch *b, const char *name, const struct class *k)
{
	struct chain_maker c = begin(b, name);

	if (k->affinity) {
		add_remembering_draw(all, b, name, k);
		return;
	}
	draw(&c, k);
	both(&c, k, step_plain(RULE_DNAT_OF), k->node_port ? SET_NODE_ENDPOINTS4 : SET_ENDPOINTS4);
	add_chain(b, &c);
}

/* Pods and this machine itself go to any endpoint: for them there is no outside. */
static void go_short(struct chain_maker *c, const struct class *k, const struct proxy_node *node,
	struct str draw)
{
	struct nft_rule *r;

	for (size_t i = 0; i < node->pod_cidr_count; i++) {
		c->v6 = node->pod_cidrs[i].ip.len == 16;
		r = chain_rule(c, true);
		nft_rule_add(r, step_cidr(RULE_SOURCE, &node->pod_cidrs[i], false));
		nft_rule_add(r, step_named(RULE_GOTO, draw));
	}
	r = chain_rule(c, false);
	nft_rule_add(r, step_plain(RULE_FROM_LOCAL));
	nft_rule_add(r, step_number(RULE_MARK, PROXY_MARK));
	nft_rule_add(r, step_named(RULE_GOTO, draw));
	nft_rule_add(chain_rule(c, false),
		step_named(RULE_GOTO, k->node_port ? STR("node-here") : STR("here")));
}

static void add_kind(struct nft_batch *b, const struct known_class *k,
	const struct proxy_node *node, const char *drawing)
{
	struct chain_maker c = begin(b, k->name);
	struct str draw = arena_str(b->arena, str_from(drawing));

	if (k->class.guarded)
		nft_rule_add(chain_rule(&c, false), step_named(RULE_JUMP, STR("firewall")));
	switch (k->class.kind) {
	case CLASS_SHORT:
		go_short(&c, &k->class, node, draw);
		break;
	case CLASS_INSIDE:
		nft_rule_add(chain_rule(&c, false), step_named(RULE_JUMP, STR("strangers")));
		nft_rule_add(chain_rule(&c, false), step_named(RULE_GOTO, draw));
		break;
	default:
		nft_rule_add(chain_rule(&c, false), step_number(RULE_MARK, PROXY_MARK));
		nft_rule_add(chain_rule(&c, false), step_named(RULE_GOTO, draw));
		break;
	}
	add_chain(b, &c);
}

/* ---- a class ---- */

static void element(struct nft_batch *b, enum nft_change_kind kind, const struct known_class *k)
{
	struct nft_element *e = arena_new(b->arena, sizeof(*e));

	*e = (struct nft_element){.number = k->number,
		.verdict = NFT_TO_CHAIN,
		.chain = arena_str(b->arena, str_from(k->name))};
	nft_batch_add(b, (struct nft_change){.kind = kind,
				 .set = &table_sets[k->class.kind == CLASS_HERE ? SET_HERE_CLASSES
										: SET_CLASSES],
				 .elements = e,
				 .element_count = 1});
}

static void install(struct classes *c, struct nft_batch *b, struct known_class *k,
	const struct proxy_node *node)
{
	char drawing[NAME_MAX];

	draw_name(drawing, &k->class);
	if (use_part(c, drawing))
		add_draw(c, b, drawing, &k->class);
	if (k->class.kind != CLASS_HERE)
		add_kind(b, k, node, drawing);
	element(b, NFT_ADD_ELEMENTS, k);
	k->installed = true;
}

static void uninstall(struct classes *c, struct nft_batch *b, struct known_class *k)
{
	char name[NAME_MAX];

	element(b, NFT_DELETE_ELEMENTS, k);
	if (k->class.kind != CLASS_HERE)
		remove_chain(b, k->name);
	draw_name(name, &k->class);
	if (!drop_part(c, name))
		return;
	remove_chain(b, name);
	if (!k->class.affinity)
		return;
	known_name(name, &k->class);
	if (drop_part(c, name))
		remove_chain(b, name);
}

void classes_settle(struct classes *c, struct nft_batch *b, const struct proxy_node *node)
{
	/* What comes first: it may need what else would go. */
	map_each (it, &c->changed) {
		struct known_class *k = it.value;

		if (k->uses && !k->installed)
			install(c, b, k, node);
	}
	map_each (it, &c->changed) {
		struct known_class *k = it.value;

		if (k->uses)
			continue;
		if (k->installed)
			uninstall(c, b, k);
		map_remove(&c->by_name, str_from(k->name));
		map_remove(&c->by_number, number_key(&k->number));
		mem_free(k);
	}
	map_done(&c->changed);
	map_init(&c->changed);
}
