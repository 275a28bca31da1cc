/* Managed fields after creates and updates: what was touched belongs to whoever touched it. */
#include "apply.h"

#include <kube/time.h>

#include <stdlib.h>

/* ---- entries ---- */

struct managed managed_read(struct arena *a, const struct cJSON *object)
{
	const struct cJSON *list = json_path(object, "metadata.managedFields");
	struct managed m = {.items = arena_alloc(a, (json_count(list) + 2) * sizeof(*m.items))};

	json_each (entry, list)
		m.items[m.count++] = (struct manager){
			.name = tree_str(entry, "manager"),
			.apply = str_eq_text(tree_str(entry, "operation"), "Apply"),
			.api_version = tree_str(entry, "apiVersion"),
			.subresource = tree_str(entry, "subresource"),
			.time = tree_str(entry, "time"),
			.set = field_set_parse(a, json_get(entry, STR("fieldsV1"))),
		};
	return m;
}

static int by_rank(const void *x, const void *y)
{
	const struct manager *a = x, *b = y;
	int order = (int)b->apply - (int)a->apply;

	if (!order)
		order = str_cmp(a->time, b->time);
	if (!order)
		order = str_cmp(a->name, b->name);
	if (!order)
		order = str_cmp(a->api_version, b->api_version);
	return order ? order : str_cmp(a->subresource, b->subresource);
}

static void add_text(struct arena *a, struct cJSON *tree, const char *key, struct str value)
{
	if (value.len)
		json_add_borrowed(tree, str_from(key), json_new_str(a, value));
}

void managed_write(struct arena *a, struct managed *m, struct cJSON *object)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	qsort(m->items, m->count, sizeof(*m->items), by_rank);
	for (size_t i = 0; i < m->count; i++) {
		const struct manager *w = &m->items[i];
		struct cJSON *entry = json_new(a, JSON_OBJECT);

		if (field_set_empty(w->set))
			continue;
		add_text(a, entry, "manager", w->name);
		add_text(a, entry, "operation", w->apply ? STR("Apply") : STR("Update"));
		add_text(a, entry, "apiVersion", w->api_version);
		add_text(a, entry, "time", w->time);
		add_text(a, entry, "fieldsType", STR("FieldsV1"));
		json_add_borrowed(entry, STR("fieldsV1"), field_set_tree(a, w->set));
		add_text(a, entry, "subresource", w->subresource);
		json_append(list, entry);
	}
	tree_set(a, object, "metadata.managedFields", json_first(list) ? list : NULL);
}

struct manager *managed_find(
	struct arena *a, struct managed *m, const struct apply_request *r, bool apply)
{
	for (size_t i = 0; i < m->count; i++) {
		struct manager *w = &m->items[i];

		if (w->apply == apply && str_eq(w->name, r->manager) &&
			str_eq(w->subresource, r->subresource) &&
			(apply || str_eq(w->api_version, r->api_version)))
			return w;
	}
	struct manager *made = &m->items[m->count++];
	*made = (struct manager){.name = r->manager,
		.apply = apply,
		.api_version = r->api_version,
		.subresource = r->subresource,
		.set = field_set_new(a)};
	return made;
}

struct str managed_time(struct arena *a, int64_t now)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print(&text, now / SEC * SEC);
	return arena_str(a, buf_str(&text));
}

/* ---- what nobody owns ---- */

static void drop(struct field_set *s, struct str element)
{
	for (struct field_set **at = &s->children; *at; at = &(*at)->next)
		if (str_eq((*at)->element, element)) {
			*at = (*at)->next;
			return;
		}
}

void managed_strip(struct field_set *s, const struct apply_request *r)
{
	static const char *const meta[] = {"f:name", "f:namespace", "f:creationTimestamp",
		"f:selfLink", "f:uid", "f:clusterName", "f:generation", "f:managedFields",
		"f:resourceVersion", "f:deletionTimestamp", "f:deletionGracePeriodSeconds", NULL};
	struct field_set *metadata = field_set_find(s, STR("f:metadata"));

	drop(s, STR("f:apiVersion"));
	drop(s, STR("f:kind"));
	for (size_t i = 0; metadata && meta[i]; i++)
		drop(metadata, str_from(meta[i]));
	if (metadata)
		metadata->member = false;
	for (size_t i = 0; r->reset_fields && r->reset_fields[i]; i++) {
		struct field_set *top = s;
		struct str rest = str_from(r->reset_fields[i]), step;
		char name[128] = "f:";

		while (top && str_cut(rest, '.', &step, &rest)) {
			memcpy(name + 2, step.at, step.len);
			top = field_set_find(top, str_make(name, step.len + 2));
		}
		memcpy(name + 2, step.at, step.len);
		if (top)
			drop(top, str_make(name, step.len + 2));
	}
}

void apply_track_update(struct arena *a, const struct apply_request *r, const struct cJSON *old,
	struct cJSON *object)
{
	struct field_set *changed = field_set_new(a), *removed = field_set_new(a);
	struct managed m = managed_read(a, object);

	/* what nobody has ever owned stays so until somebody applies */
	if (old && !m.count)
		return;
	if (!old)
		old = api_canonical(a, r->schema, json_new(a, JSON_OBJECT));
	field_set_compare(a, r->schema, old, object, changed, removed);
	managed_strip(changed, r);
	managed_strip(removed, r);
	if (field_set_empty(changed) && field_set_empty(removed))
		return;
	for (size_t i = 0; i < m.count; i++) {
		struct manager *w = &m.items[i];
		bool mine = !w->apply && str_eq(w->name, r->manager) &&
			    str_eq(w->subresource, r->subresource);

		field_set_subtract(w->set, removed);
		if (!mine)
			field_set_subtract(w->set, changed);
	}
	if (!field_set_empty(changed)) {
		struct manager *me = managed_find(a, &m, r, false);

		field_set_unite(a, me->set, changed);
		me->time = managed_time(a, r->now);
	}
	managed_write(a, &m, object);
}

int apply_check_managed_fields(const struct cJSON *managed, struct err *err)
{
	json_each (entry, managed) {
		struct str operation = json_str(json_get(entry, STR("operation")));

		if (!str_eq_text(operation, "Apply") && !str_eq_text(operation, "Update"))
			return err_set(err, ERR_BAD_REQUEST, "invalid operation type: %.*s",
				STRF(operation));
	}
	return 0;
}
