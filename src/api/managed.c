#include "managed.h"

#include <kube/time.h>

#include <stdlib.h>

#define UPDATERS_MAX 10

/* ---- entries ---- */

static bool is_path_element(struct str key)
{
	return str_eq_text(key, ".") || str_starts(key, STR("f:")) || str_starts(key, STR("k:")) ||
	       str_starts(key, STR("v:")) || str_starts(key, STR("i:"));
}

static bool is_field_set(const struct cJSON *fields)
{
	json_each (item, fields)
		if (!is_path_element(json_key(item)) || !json_is(item, JSON_OBJECT) ||
			!is_field_set(item))
			return false;
	return true;
}

static int check_entry(const struct cJSON *entry, size_t index, struct err *err)
{
	struct str operation = tree_str(entry, "operation"), type = tree_str(entry, "fieldsType");

	if (!str_eq_text(operation, "Apply") && !str_eq_text(operation, "Update"))
		return err_set(err, ERR_INVALID, "operation must be `Apply` or `Update`");
	if (!tree_str(entry, "apiVersion").len)
		return err_set(err, ERR_INVALID, "apiVersion must not be empty");
	if (!type.len)
		return err_set(
			err, ERR_INVALID, "missing fieldsType in managed fields entry %zu", index);
	if (!str_eq_text(type, "FieldsV1"))
		return err_set(err, ERR_INVALID,
			"invalid fieldsType \"%.*s\" in managed fields entry %zu", STRF(type),
			index);
	if (!is_field_set(json_get(entry, STR("fieldsV1"))))
		return err_set(err, ERR_INVALID,
			"error decoding versioned set from the entry of \"%.*s\"",
			STRF(tree_str(entry, "manager")));
	return 0;
}

int managed_fields_check(const struct cJSON *object, struct err *err)
{
	size_t index = 0;

	json_each (entry, json_path(object, "metadata.managedFields")) {
		int code = check_entry(entry, index++, err);

		if (code)
			return code;
	}
	return 0;
}

bool managed_read(struct arena *a, const struct cJSON *object, struct managed *m)
{
	const struct cJSON *list = json_path(object, "metadata.managedFields");

	*m = (struct managed){
		.arena = a, .items = arena_alloc(a, (json_count(list) + 2) * sizeof(*m->items))};
	json_each (entry, list) {
		if (check_entry(entry, 0, NULL)) {
			m->count = 0;
			return false;
		}
		m->items[m->count++] = (struct manager){
			.name = tree_str(entry, "manager"),
			.apply = str_eq_text(tree_str(entry, "operation"), "Apply"),
			.api_version = tree_str(entry, "apiVersion"),
			.subresource = tree_str(entry, "subresource"),
			.time = tree_str(entry, "time"),
			.set = field_set_parse(a, json_get(entry, STR("fieldsV1"))),
		};
	}
	return true;
}

/* An entry without a time has changed nothing: it comes last. */
static int by_time(const struct manager *a, const struct manager *b)
{
	if (!a->time.len || !b->time.len)
		return (int)!a->time.len - (int)!b->time.len;
	return str_cmp(a->time, b->time);
}

static int by_rank(const void *x, const void *y)
{
	const struct manager *a = x, *b = y;
	int order = (int)b->apply - (int)a->apply;

	if (!order)
		order = by_time(a, b);
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

void managed_write(struct managed *m, struct cJSON *object)
{
	struct arena *a = m->arena;
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

struct manager *managed_find(struct managed *m, const struct apply_request *r, bool apply)
{
	struct str version = r->resource->api_version;

	for (size_t i = 0; i < m->count; i++) {
		struct manager *w = &m->items[i];

		if (w->apply == apply && str_eq(w->name, r->manager) &&
			str_eq(w->subresource, r->subresource) &&
			(apply || str_eq(w->api_version, version)))
			return w;
	}
	struct manager *made = &m->items[m->count++];
	*made = (struct manager){.name = r->manager,
		.apply = apply,
		.api_version = version,
		.subresource = r->subresource,
		.set = field_set_new(m->arena)};
	return made;
}

void managed_drop(struct managed *m, struct manager *w)
{
	*w = m->items[--m->count];
}

struct str managed_time(struct arena *a, int64_t now)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	time_print(&text, now / SEC * SEC);
	return arena_str(a, buf_str(&text));
}

/* ---- too many of them ---- */

static int by_age(const void *x, const void *y)
{
	const struct manager *a = x, *b = y;
	int order = str_cmp(a->time, b->time);

	if (!order)
		order = str_cmp(a->api_version, b->api_version);
	return order ? order : str_cmp(a->name, b->name);
}

static bool is_bucket(const struct manager *w, struct str version)
{
	return !w->apply && !w->subresource.len && str_eq_text(w->name, "ancient-changes") &&
	       str_eq(w->api_version, version);
}

/* The older one of the same version that `w` is folded into; NULL: it is the oldest itself. */
static struct manager *older(struct managed *m, size_t of)
{
	for (size_t i = 0; i < m->count; i++)
		if (is_bucket(&m->items[i], m->items[of].api_version) && i != of)
			return &m->items[i];
	for (size_t i = 0; i < of; i++)
		if (!m->items[i].apply && str_eq(m->items[i].api_version, m->items[of].api_version))
			return &m->items[i];
	return NULL;
}

void managed_fold(struct managed *m)
{
	size_t updaters = 0, i = 0;

	for (size_t n = 0; n < m->count; n++)
		updaters += !m->items[n].apply;
	if (updaters <= UPDATERS_MAX)
		return;
	qsort(m->items, m->count, sizeof(*m->items), by_age);
	while (i < m->count && updaters > UPDATERS_MAX) {
		struct manager *w = &m->items[i], *into = w->apply ? NULL : older(m, i);

		if (!into || is_bucket(w, w->api_version)) {
			i++;
			continue;
		}
		field_set_unite(m->arena, into->set, w->set);
		into->name = STR("ancient-changes");
		into->subresource = (struct str){0};
		into->time = w->time;
		memmove(w, w + 1, (m->count - i - 1) * sizeof(*w));
		m->count--;
		updaters--;
	}
}

/* ---- what nobody owns ---- */

static bool is_identity(struct str element)
{
	static const struct str fields[] = {STR_INIT("f:name"), STR_INIT("f:namespace"),
		STR_INIT("f:creationTimestamp"), STR_INIT("f:selfLink"), STR_INIT("f:uid"),
		STR_INIT("f:clusterName"), STR_INIT("f:generation"), STR_INIT("f:managedFields"),
		STR_INIT("f:resourceVersion")};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_eq(element, fields[i]))
			return true;
	return false;
}

void managed_strip(struct field_set *s)
{
	struct field_set *metadata = field_set_find(s, STR("f:metadata"));

	field_set_cut(s, "apiVersion");
	field_set_cut(s, "kind");
	if (!metadata)
		return;
	metadata->member = false;
	for (struct field_set *c = metadata->children; c; c = c->next)
		if (is_identity(c->element)) {
			c->member = false;
			c->children = c->last = NULL;
		}
}

void managed_filter(struct field_set *s, const struct apply_request *r)
{
	for (size_t i = 0; r->reset_fields && r->reset_fields[i]; i++)
		field_set_cut(s, r->reset_fields[i]);
}
