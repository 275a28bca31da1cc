/* The history of a template. */
#include "revisions.h"

int64_t revision_number(const struct cJSON *revision)
{
	return tree_int(revision, "revision", 0);
}

struct str revision_hash(const struct cJSON *revision)
{
	return json_str(json_get(json_path(revision, "metadata.labels"), STR(LABEL_REVISION)));
}

struct cJSON *revision_template(const struct cJSON *revision)
{
	return json_path(revision, "data.spec.template");
}

static int by_number(const void *left, const void *right)
{
	const struct cJSON *a = *(struct cJSON *const *)left, *b = *(struct cJSON *const *)right;
	int64_t difference = revision_number(a) - revision_number(b);

	if (difference)
		return difference < 0 ? -1 : 1;
	int order = str_cmp(tree_str(a, "metadata.creationTimestamp"),
		tree_str(b, "metadata.creationTimestamp"));
	return order ? order : str_cmp(tree_str(a, "metadata.name"), tree_str(b, "metadata.name"));
}

static struct cJSON *data_of(struct arena *a, const struct cJSON *owner)
{
	struct cJSON *data = json_new(a, JSON_OBJECT);
	struct cJSON *template = json_copy(a, json_path(owner, "spec.template"));

	json_set(a, template, STR("$patch"), json_new_str(a, STR("replace")));
	tree_set(a, data, "spec.template", template);
	return data;
}

void revisions_read(struct plan *p, struct revisions *r, const struct resource *owner_resource,
	const struct trees *candidates)
{
	struct selector selector = selector_of(p->arena, json_path(r->owner, "spec.selector"));
	struct claim claim = {.owner = r->owner,
		.owner_resource = owner_resource,
		.resource = r->resource,
		.selector = &selector};

	claim_all(p, &claim, candidates, &r->all);
	trees_sort(&r->all, by_number);
	r->data = data_of(p->arena, r->owner);
	for (size_t i = 0; i < r->all.count; i++)
		if (json_equal(json_path(r->all.items[i], "data"), r->data))
			r->fresh = r->all.items[i];
}

static struct cJSON *make(
	struct arena *a, const struct revisions *r, const struct revision_maker *m, int64_t number)
{
	struct cJSON *revision = json_new(a, JSON_OBJECT), *owners = json_new(a, JSON_ARRAY);
	struct cJSON *labels = json_copy(a, json_path(r->owner, "spec.template.metadata.labels"));

	if (!labels)
		labels = json_new(a, JSON_OBJECT);
	json_set(a, labels, STR(LABEL_REVISION), json_new_str(a, m->hash));
	tree_set_str(a, revision, "apiVersion", STR("apps/v1"));
	tree_set_str(a, revision, "kind", STR("ControllerRevision"));
	tree_set_str(a, revision, "metadata.name",
		arena_print(
			a, "%.*s-%.*s", STRF(tree_str(r->owner, "metadata.name")), STRF(m->hash)));
	tree_set_str(a, revision, "metadata.namespace", tree_str(r->owner, "metadata.namespace"));
	tree_set(a, revision, "metadata.labels", labels);
	if (json_count(m->annotations))
		tree_set(a, revision, "metadata.annotations", json_copy(a, m->annotations));
	json_append(owners, controller_ref(a, r->owner));
	tree_set(a, revision, "metadata.ownerReferences", owners);
	tree_set(a, revision, "data", r->data);
	tree_set_int(a, revision, "revision", number);
	return revision;
}

enum revision_made revisions_make(
	struct plan *p, struct revisions *r, const struct revision_maker *m)
{
	struct cJSON *last = r->all.count ? r->all.items[r->all.count - 1] : NULL;
	int64_t next = last ? revision_number(last) + 1 : 1;

	if (r->fresh && r->fresh == last)
		return REVISION_THERE;
	if (r->fresh) {
		/* A template that came back is the newest again. */
		struct cJSON *newest = json_copy(p->arena, r->fresh);

		tree_set_int(p->arena, newest, "revision", next);
		plan_update(p, r->resource, newest);
		return REVISION_WRITTEN;
	}
	if (is_being_deleted(r->owner))
		return REVISION_LET_GO;
	struct cJSON *fresh = make(p->arena, r, m, next);
	if (m->is_taken(m->ctx, tree_str(fresh, "metadata.namespace"),
		    tree_str(fresh, "metadata.name")))
		return REVISION_TAKEN;
	plan_create(p, r->resource, fresh);
	return REVISION_WRITTEN;
}

static bool is_in_use(
	const struct revisions *r, const struct cJSON *revision, const struct trees *pods)
{
	struct str name = tree_str(revision, "metadata.name"), hash = revision_hash(revision);

	if (revision == r->fresh || str_eq(name, tree_str(r->owner, "status.currentRevision")) ||
		str_eq(name, tree_str(r->owner, "status.updateRevision")))
		return true;
	for (size_t i = 0; i < pods->count; i++) {
		struct str used = revision_hash(pods->items[i]);

		if (used.len && (str_eq(used, name) || str_eq(used, hash)))
			return true;
	}
	return false;
}

void revisions_trim(struct plan *p, const struct revisions *r, const struct trees *pods)
{
	int64_t limit = tree_int(r->owner, "spec.revisionHistoryLimit", 10);
	struct trees unused = {0};

	for (size_t i = 0; i < r->all.count; i++)
		if (!is_in_use(r, r->all.items[i], pods))
			trees_add(p->arena, &unused, r->all.items[i]);
	for (size_t i = 0; (int64_t)(unused.count - i) > limit; i++)
		plan_delete(p, r->resource, tree_str(unused.items[i], "metadata.namespace"),
			tree_str(unused.items[i], "metadata.name"),
			tree_str(unused.items[i], "metadata.uid"), NULL);
}
