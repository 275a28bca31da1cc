/* The two controllers of tokens with which nodes join. Off, unless they are asked for. */
#include "bootstrap_tokens.h"

#define SPACE     "kube-system"
#define MAP_SPACE "kube-public"
#define MAP       "cluster-info"

static bool is_secret_of_system(struct object *o)
{
	return str_eq_text(client_object_namespace(o), SPACE) &&
	       str_eq_text(object_scan(o, "type"), "bootstrap.kubernetes.io/token");
}

/* ---- signing ---- */

static void map_changed(struct usual *u, struct object *old, struct object *fresh)
{
	struct object *o = fresh ? fresh : old;

	if (str_eq_text(client_object_namespace(o), MAP_SPACE) &&
		str_eq_text(client_object_name(o), MAP))
		usual_enqueue(u, STR(MAP));
}

static void signer_changed(struct usual *u, struct object *old, struct object *fresh)
{
	if (is_secret_of_system(fresh ? fresh : old))
		usual_enqueue(u, STR(MAP));
}

struct found {
	struct arena *arena;
	struct cJSON **items;
	size_t count, cap;
};

static void add_secret(struct found *f, struct object *o)
{
	if (!is_secret_of_system(o))
		return;
	ARENA_ROOM(f->arena, f->items, f->count, f->cap, 16);
	f->items[f->count++] = object_lean_tree(f->arena, o);
}

static void sign(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get(usual_informer(u, "configmaps"), STR(MAP_SPACE), STR(MAP));
	struct found found = {.arena = p->arena};

	(void)key;
	if (!o)
		return;
	struct cJSON *map = object_tree(p->arena, o);
	informer_each(it, informer_by(usual_informer(u, "secrets"), "namespace", STR(SPACE)))
		add_secret(&found, it.object);
	if (bootstrap_sign(p->arena, map, found.items, found.count, now))
		plan_update(p, usual_resource(u, "configmaps"), map);
}

static struct part *start_signing(
	const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {
		{"", "v1", "configmaps", map_changed}, {"", "v1", "secrets", signer_changed}, {0}};

	return usual_new(w, k, &(struct usual_options){.sources = sources, .reconcile = sign});
}

const struct controller_kind bootstrap_signer_kind = {.name = "bootstrap-signer-controller",
	.aliases = "bootstrapsigner",
	.off = true,
	.start = start_signing};

/* ---- cleaning ---- */

static void token_changed(struct usual *u, struct object *old, struct object *fresh)
{
	(void)old;
	if (fresh && is_secret_of_system(fresh))
		usual_enqueue_object(u, fresh);
}

static void clean(void *ctx, struct str key, int64_t now, struct plan *p)
{
	struct usual *u = ctx;
	struct object *o = informer_get_key(usual_informer(u, "secrets"), key);

	if (o)
		bootstrap_clean(
			p, usual_resource(u, "secrets"), object_lean_tree(p->arena, o), now);
}

static struct part *start_cleaning(
	const struct controllers_world *w, const struct controller_kind *k)
{
	static const struct usual_source sources[] = {{"", "v1", "secrets", token_changed}, {0}};

	return usual_new(w, k, &(struct usual_options){.sources = sources, .reconcile = clean});
}

const struct controller_kind token_cleaner_kind = {.name = "token-cleaner-controller",
	.aliases = "tokencleaner",
	.off = true,
	.start = start_cleaning};
