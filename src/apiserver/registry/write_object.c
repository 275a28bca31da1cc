/* What becomes of the client's tree: what every object gets, the kind's strategy, validation. */
#include "write.h"

#include "access.h"

#include <kube/pods.h>
#include <kube/random.h>
#include <kube/time.h>

/* ---- what every object gets ---- */

static void random_of_env(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

static void fill_new_meta(struct writing *w)
{
	static const char *const dropped[] = {"metadata.deletionTimestamp",
		"metadata.deletionGracePeriodSeconds", "metadata.selfLink", NULL};
	struct arena *a = w->r->arena;
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);
	char uid[37];

	for (size_t i = 0; dropped[i]; i++)
		tree_drop(w->tree, dropped[i]);
	uuid_make(uid, random_of_env, w->r->server->env);
	time_print(&now, w->r->now / SEC * SEC);
	tree_set_str(a, w->tree, "metadata.uid", str_from(uid));
	tree_set_str(a, w->tree, "metadata.creationTimestamp", buf_str(&now));
	if (w->strategy->generation == GENERATION_SPEC)
		tree_set_int(a, w->tree, "metadata.generation", 1);
}

static void generate_name_of(struct writing *w)
{
	struct str base = tree_str(w->tree, "metadata.generateName");
	uint8_t random[5];

	w->given_name = tree_str(w->tree, "metadata.name");
	w->generated = !w->given_name.len && base.len;
	if (w->generated) {
		env_random(w->r->server->env, random, sizeof(random));
		tree_set_str(w->r->arena, w->tree, "metadata.name",
			generate_name(w->r->arena, base, random));
	}
	w->name = tree_str(w->tree, "metadata.name");
}

static void keep(struct writing *w, const char *path, bool always)
{
	const struct cJSON *old = json_path(w->old_tree, path);

	if (old && (always || !json_path(w->tree, path)))
		tree_set(w->r->arena, w->tree, path, json_copy(w->r->arena, old));
}

/* What a client may leave out, and what it may not touch. */
static void fill_old_meta(struct writing *w)
{
	keep(w, "metadata.uid", false);
	keep(w, "metadata.creationTimestamp", true);
	keep(w, "metadata.deletionTimestamp", false);
	keep(w, "metadata.deletionGracePeriodSeconds", false);
	tree_drop(w->tree, "metadata.selfLink");
	tree_drop(w->tree, "metadata.generation");
	keep(w, "metadata.generation", true);
}

void writing_complete_meta(struct writing *w)
{
	if (w->creating) {
		fill_new_meta(w);
		generate_name_of(w);
	} else {
		fill_old_meta(w);
	}
}

static void bump_generation(struct writing *w)
{
	const struct strategy *s = w->strategy;
	bool changed;

	if (s->generation != GENERATION_SPEC || w->what == WRITE_STATUS)
		return;
	if (s->changed)
		changed = s->changed(w->tree, w->old_tree);
	else
		changed = !json_equal(
			json_get(w->tree, STR("spec")), json_get(w->old_tree, STR("spec")));
	if (changed)
		tree_set_int(w->r->arena, w->tree, "metadata.generation",
			tree_int(w->old_tree, "metadata.generation", 0) + 1);
}

/* ---- the strategy ---- */

static void take_from_old(struct writing *w, const char *member)
{
	tree_drop(w->tree, member);
	keep(w, member, true);
}

/* /status takes status (and most metadata) from the client, all else from what stands there. */
static void prepare_status(struct writing *w, struct change *c)
{
	struct arena *a = w->r->arena;
	struct cJSON *status = json_get(w->tree, STR("status"));
	struct cJSON *meta = json_get(w->tree, STR("metadata"));
	struct cJSON *managed = json_get(meta, STR("managedFields"));
	struct cJSON *whole = json_copy(a, w->old_tree);

	if (status)
		tree_set(a, whole, "status", json_copy(a, status));
	else
		tree_drop(whole, "status");
	if (!w->strategy->status_keeps_metadata)
		tree_set(a, whole, "metadata", json_copy(a, meta));
	else if (managed)
		tree_set(a, whole, "metadata.managedFields", json_copy(a, managed));
	w->tree = c->object = whole;
	if (w->strategy->prepare_status)
		w->strategy->prepare_status(c);
}

/* Templates lose what pods made of them would lose. */
static void drop_closed(struct writing *w)
{
	const char *path = w->strategy->template_spec;

	if (path && w->what == WRITE_OBJECT)
		pod_drop_closed(json_path(w->tree, path), json_path(w->old_tree, path));
}

static void prepare(struct writing *w, struct change *c)
{
	const struct strategy *s = w->strategy;

	drop_closed(w);
	if (w->creating) {
		if (s->drops_status && !s->create_reads_status && !s->creates_status)
			tree_drop(w->tree, "status");
		if (s->prepare_create)
			s->prepare_create(c);
	} else if (w->what == WRITE_STATUS) {
		prepare_status(w, c);
	} else if (w->what == WRITE_PART) {
		w->part->prepare(c);
	} else {
		if (s->drops_status)
			take_from_old(w, "status");
		if (s->prepare_update)
			s->prepare_update(c);
	}
	w->tree = c->object;
	if (!w->creating)
		bump_generation(w);
}

static struct status *validate(struct writing *w, struct change *c)
{
	struct field_errors errors = {.arena = w->r->arena};
	struct path meta = PATH(NULL, "metadata");
	const struct strategy *s = w->strategy;
	change_check_fn *check = s->validate;

	if (w->creating)
		check_object_meta(&errors, &meta, json_get(w->tree, STR("metadata")),
			w->hub->namespaced, s->name_rule);
	/* twice, as upstream: the generic rules, and the kind's own that begin with the same */
	for (int i = s->update_checks_metadata_once; i < 2 && !w->creating; i++)
		check_object_meta_update(&errors, &meta, json_get(w->tree, STR("metadata")),
			json_get(w->old_tree, STR("metadata")));
	if (w->what == WRITE_STATUS && !w->creating)
		check = s->validate_status;
	else if (w->what == WRITE_PART)
		check = w->part->validate;
	else if (!w->creating)
		check = s->validate_update;
	if (check)
		check(c, &errors);
	struct str group = w->hub->group, kind = w->hub->kind, version;
	if (w->hub->custom) { /* as what they present themselves */
		kind = tree_str(w->tree, "kind");
		api_version_split(tree_str(w->tree, "apiVersion"), &group, &version);
	}
	return status_invalid(w->r->arena, group, kind, w->name, &errors);
}

static void hand_on_warnings(struct writing *w, struct change *c)
{
	if (w->strategy->warn && w->what == WRITE_OBJECT)
		w->strategy->warn(c);
	for (size_t i = 0; i < c->warning_count; i++)
		request_warn(w->r, c->warnings[i]);
}

/* Rules see empty lists as they were sent, the store does not. */
static bool any_empty(const struct cJSON *n)
{
	if (json_is(n, JSON_ARRAY) && !json_count(n))
		return true;
	json_each (child, n)
		if (any_empty(child))
			return true;
	return false;
}

struct status *writing_run_strategy(struct writing *w)
{
	struct change c = {.arena = w->r->arena,
		.resource = w->hub,
		.requested = w->r->resource,
		.subresource = w->subresource,
		.namespace = w->namespace,
		.name = w->name,
		.object = w->tree,
		.old = w->old_tree,
		.now = w->r->now,
		.user = w->r->user->name};

	if (w->strategy->records_user)
		c.user_info = access_user_tree(w->r->arena, w->r->user);
	prepare(w, &c);
	if (w->creating) /* a strategy may name what has no name */
		w->name = tree_str(c.object, "metadata.name");
	w->tree = c.object = api_canonical_sent(w->r->arena, w->hub->schema, w->tree);
	struct status *s = validate(w, &c);
	if (!s && any_empty(w->tree))
		w->tree = c.object = api_canonical(w->r->arena, w->hub->schema, w->tree);
	if (!s && w->strategy->settle)
		w->strategy->settle(&c);
	if (!s)
		hand_on_warnings(w, &c);
	return s;
}
