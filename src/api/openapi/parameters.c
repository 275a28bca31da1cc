#include "parts.h"

#include "types.h"

static const struct parameter {
	const char *name, *in, *type, *key;
	const char *doc;         /* OWN */
	const struct schema *of; /* SHARED: described there */
} parameters[] = {
#define SHARED(id, name, in, type, key, package, schema)                                           \
	{name, in, type, key, NULL, SCHEMA(package, schema)},
#define OWN(id, name, in, type, key, doc) {name, in, type, key, doc, NULL},
#include "parameters.def"
#undef SHARED
#undef OWN
};

/* ---- which ---- */

static const enum parameter_id of_reading[] = {PARAMETER_CONTINUE, PARAMETER_FIELD_SELECTOR,
	PARAMETER_LABEL_SELECTOR, PARAMETER_LIMIT, PARAMETER_RESOURCE_VERSION,
	PARAMETER_RESOURCE_VERSION_MATCH, PARAMETER_SEND_INITIAL, PARAMETER_SHARD_SELECTOR,
	PARAMETER_TIMEOUT};
static const enum parameter_id of_watching[] = {PARAMETER_ALLOW_BOOKMARKS, PARAMETER_WATCH};
static const enum parameter_id of_deleting[] = {PARAMETER_DRY_RUN, PARAMETER_GRACE,
	PARAMETER_IGNORE_READ_ERROR, PARAMETER_ORPHAN, PARAMETER_PROPAGATION};
static const enum parameter_id of_writing[] = {
	PARAMETER_DRY_RUN, PARAMETER_FIELD_MANAGER, PARAMETER_FIELD_VALIDATION};
static const enum parameter_id of_patching[] = {
	PARAMETER_DRY_RUN, PARAMETER_PATCH_MANAGER, PARAMETER_FIELD_VALIDATION, PARAMETER_FORCE};

static void add_all(struct parameter_set *set, const enum parameter_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		set->has[ids[i]] = true;
}

#define ADD(set, ids) add_all(set, ids, ARRAY_LEN(ids))

static void add_options(struct parameter_set *set, const struct schema *options)
{
	for (size_t i = 0; options && i < PARAMETERS; i++)
		if (parameters[i].of == options)
			set->has[i] = true;
}

struct parameter_set part_parameters(const struct route *r, enum action action)
{
	struct parameter_set set = {0};

	if (r->plain)
		return set;
	set.has[PARAMETER_NAME] = r->named;
	set.has[PARAMETER_NAMESPACE] = r->resource->namespaced && !r->everywhere;
	set.has[PARAMETER_PATH] = r->tail;
	set.has[PARAMETER_PRETTY] = action != ACTION_CONNECT;
	add_options(&set, route_options(r));
	switch (action) {
	case ACTION_LIST:
	case ACTION_WATCH:
	case ACTION_WATCH_LIST:
		ADD(&set, of_reading);
		ADD(&set, of_watching);
		break;
	case ACTION_POST:
	case ACTION_PUT:
		ADD(&set, of_writing);
		break;
	case ACTION_PATCH:
		ADD(&set, of_patching);
		break;
	case ACTION_DELETE_COLLECTION:
		ADD(&set, of_reading);
		/* fallthrough */
	case ACTION_DELETE:
		ADD(&set, of_deleting);
		break;
	case ACTION_NONE:
	case ACTION_GET:
	case ACTION_CONNECT:
		break;
	}
	return set;
}

/* ---- as trees ---- */

const char *part_parameter_key(size_t id)
{
	return parameters[id].key;
}

struct cJSON *part_parameter(struct parts *p, size_t id, const struct route *r)
{
	const struct parameter *q = &parameters[id];
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);
	struct cJSON *type = p->v3 ? json_new(&p->scratch, JSON_OBJECT) : tree;
	const struct schema_field *f = q->of ? schema_field(q->of, str_from(q->name)) : NULL;

	if (id == PARAMETER_NAME && r)
		part_add_text(p, tree, "description",
			arena_print(&p->scratch, "The name of the %.*s.", STRF(r->resource->kind)));
	else
		part_add_description(p, tree, f ? f->doc : q->doc);
	part_add_text(p, tree, "in", str_from(q->in));
	part_add_text(p, tree, "name", str_from(q->name));
	part_add_text(p, type, "type", str_from(q->type));
	part_add(p, type, "uniqueItems", json_new_bool(&p->scratch, true));
	if (str_eq_text(str_from(q->in), "path"))
		part_add(p, tree, "required", json_new_bool(&p->scratch, true));
	if (p->v3)
		part_add(p, tree, "schema", type);
	return tree;
}

static struct cJSON *shared(struct parts *p, size_t id)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);

	p->parameters[id] = true;
	part_add_text(
		p, tree, "$ref", arena_print(&p->scratch, "#/parameters/%s", parameters[id].key));
	return tree;
}

/* Upstream orders them by name; there is one of a name at most in each place. */
static bool next_by_name(const struct parameter_set *set, const char *after, size_t *found)
{
	bool any = false;

	for (size_t i = 0; i < PARAMETERS; i++) {
		if (!set->has[i] || (after && strcmp(parameters[i].name, after) <= 0))
			continue;
		if (!any || strcmp(parameters[i].name, parameters[*found].name) < 0)
			*found = i;
		any = true;
	}
	return any;
}

static void append(struct parts *p, struct cJSON *list, size_t id, const struct route *r)
{
	bool by_key = !p->v3 && parameters[id].key[0];

	json_append(list, by_key ? shared(p, id) : part_parameter(p, id, r));
}

struct cJSON *part_parameter_list(
	struct parts *p, const struct parameter_set *set, const struct route *r, struct cJSON *body)
{
	struct cJSON *list = json_new(&p->scratch, JSON_ARRAY);
	struct parameter_set queries = *set;
	const char *last = NULL;
	size_t id = 0;

	/* The path's own {path} comes before the query's of the same name. */
	queries.has[PARAMETER_PATH] = false;
	while (next_by_name(&queries, last, &id)) {
		last = parameters[id].name;
		if (body && strcmp(last, "body") > 0)
			json_append(list, TAKE(body));
		if (set->has[PARAMETER_PATH] && str_eq_text(str_from(last), "path"))
			append(p, list, PARAMETER_PATH, r);
		append(p, list, id, r);
	}
	if (body)
		json_append(list, body);
	return json_first(list) ? list : NULL;
}
