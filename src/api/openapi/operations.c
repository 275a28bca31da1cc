#include "parts.h"

#include "types.h"

#include <kube/strategy.h>

#define OBJECT_TYPES                                                                               \
	"application/json,application/yaml,application/vnd.kubernetes.protobuf,application/cbor"
#define WATCH_TYPES                                                                                \
	OBJECT_TYPES                                                                               \
	",application/json;stream=watch,application/vnd.kubernetes.protobuf;stream=watch,"         \
	"application/cbor-seq"
#define PATCH_TYPES                                                                                \
	"application/json-patch+json,application/merge-patch+json,"                                \
	"application/strategic-merge-patch+json,application/apply-patch+yaml,"                     \
	"application/apply-patch+cbor"

#define CUSTOM_TYPES "application/json,application/yaml"
#define CUSTOM_PATCH_TYPES                                                                         \
	"application/json-patch+json,application/merge-patch+json,application/apply-patch+yaml"

/* One operation of a path. */
struct operation {
	const struct route *route;
	enum http_method method;
	enum action action;
	const char *consumes, *produces;
	const struct schema *body; /* NULL: none */
	bool body_required;
	const struct schema *answer; /* NULL: a string */
	bool created, accepted;      /* answers 201 and 202, too */
};

/* ---- what it takes and gives ---- */

/* Kinds whose deletion takes time or whose end is worth knowing answer themselves. */
static bool delete_answers_object(const struct resource *r)
{
	static const char *const kinds[] = {"PersistentVolumeClaim", "Pod", "PersistentVolume",
		"VolumeAttributesClass", "ResourcePoolStatusRequest"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq_text(r->kind, kinds[i]))
			return true;
	return r->strategy && r->strategy->delete_answers_object;
}

static void fill_writing(struct operation *op, const struct schema *object)
{
	op->body = op->answer = object;
	op->body_required = true;
	op->created = true;
	op->accepted = op->action == ACTION_POST;
}

static void fill_deleting(struct operation *op, const struct schema *object)
{
	const struct schema *status = SCHEMA(meta_v1, Status);

	op->body = SCHEMA(meta_v1, DeleteOptions);
	op->accepted = op->action == ACTION_DELETE;
	op->answer = op->accepted && delete_answers_object(op->route->resource) ? object : status;
}

/* What goes in and out: the object itself, or what the subresource takes. */
static const struct schema *written(struct parts *p, const struct route *r)
{
	if (r->sub && r->sub->schema != r->resource->schema)
		return r->sub->schema;
	return part_object_schema(p, r->resource);
}

/* Upstream builds these by other means, and knows fewer types for them. */
static void fill_custom(struct parts *p, struct operation *op, const struct schema *object)
{
	op->consumes = op->produces = CUSTOM_TYPES;
	switch (op->action) {
	case ACTION_LIST:
		op->answer = part_list_schema(p, op->route->resource);
		break;
	case ACTION_PATCH:
		fill_writing(op, object);
		op->created = false;
		op->body = SCHEMA(meta_v1, Patch);
		op->consumes = CUSTOM_PATCH_TYPES;
		break;
	case ACTION_POST:
	case ACTION_PUT:
		fill_writing(op, object);
		break;
	case ACTION_DELETE:
	case ACTION_DELETE_COLLECTION:
		op->answer = SCHEMA(meta_v1, Status);
		op->accepted = op->action == ACTION_DELETE;
		if (op->accepted)
			op->body = SCHEMA(meta_v1, DeleteOptions);
		break;
	default:
		op->answer = object;
	}
}

static void fill(struct parts *p, struct operation *op)
{
	const struct route *r = op->route;
	const struct schema *object = r->plain ? NULL : written(p, r);

	op->consumes = "*/*";
	op->produces = OBJECT_TYPES;
	if (!r->plain && r->resource->custom) {
		fill_custom(p, op, object);
		return;
	}
	switch (op->action) {
	case ACTION_LIST:
		op->produces = WATCH_TYPES;
		op->answer = part_list_schema(p, r->resource);
		break;
	case ACTION_WATCH:
	case ACTION_WATCH_LIST:
		op->produces = WATCH_TYPES;
		op->answer = SCHEMA(meta_v1, WatchEvent);
		break;
	case ACTION_POST:
	case ACTION_PUT:
		fill_writing(op, object);
		break;
	case ACTION_PATCH:
		fill_writing(op, object);
		op->body = SCHEMA(meta_v1, Patch);
		op->consumes = PATCH_TYPES;
		break;
	case ACTION_DELETE:
	case ACTION_DELETE_COLLECTION:
		fill_deleting(op, object);
		break;
	case ACTION_GET:
		op->answer = object;
		if (route_options(r)) {
			op->answer = NULL;
			op->produces = "text/plain," OBJECT_TYPES;
		}
		break;
	case ACTION_CONNECT:
		op->produces = "*/*";
		break;
	case ACTION_NONE:
		op->produces = r->plain->produces;
		op->consumes = r->plain->consumes;
		op->answer = r->plain->answer;
		break;
	}
}

/* ---- in words ---- */

/* "Reads the status of one Pod." */
static struct str describe(struct parts *p, const struct operation *op)
{
	const struct route *r = op->route;
	static const struct {
		const char *verb, *what, *more;
	} words[] = {
		[ACTION_NONE] = {"", "", ""},
		[ACTION_GET] = {"Reads", "one", ""},
		[ACTION_LIST] = {"Lists or watches", "objects of kind", ""},
		[ACTION_WATCH] = {"Watches", "one",
			"; a list with `watch` and a field selector does the same"},
		[ACTION_WATCH_LIST] = {"Watches", "objects of kind",
			"; a list with `watch` does the same"},
		[ACTION_POST] = {"Creates", "a", ""},
		[ACTION_PUT] = {"Replaces", "one", ""},
		[ACTION_PATCH] = {"Changes parts of", "one", ""},
		[ACTION_DELETE] = {"Deletes", "one", ""},
		[ACTION_DELETE_COLLECTION] = {"Deletes", "all selected objects of kind", ""},
		[ACTION_CONNECT] = {"Connects to", "one", ""},
	};
	struct str sub = r->sub ? r->sub->name : STR("");

	if (r->plain)
		return STR("");
	return arena_print(&p->scratch, "%s %s%.*s%s%s %.*s%s.", words[op->action].verb,
		sub.len ? "the " : "", STRF(sub), sub.len ? " of " : "", words[op->action].what,
		STRF(r->resource->kind), words[op->action].more);
}

/* ---- as a tree ---- */

static struct cJSON *answer_schema(struct parts *p, const struct operation *op)
{
	struct cJSON *tree;

	if (op->answer)
		return part_reference(p, op->answer);
	tree = json_new(&p->scratch, JSON_OBJECT);
	part_add_text(p, tree, "type", STR("string"));
	return tree;
}

/* OpenAPI v3 says for each media type what stands in it. */
static struct cJSON *content(struct parts *p, const char *types,
	struct cJSON *(*schema)(struct parts *, const void *), const void *of)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);
	struct str rest = str_from(types), type;

	while (str_next(&rest, ',', &type)) {
		struct cJSON *media = json_new(&p->scratch, JSON_OBJECT);

		part_add(p, media, "schema", schema(p, of));
		json_add(&p->scratch, tree, type, media);
	}
	return tree;
}

static struct cJSON *content_answer(struct parts *p, const void *operation)
{
	return answer_schema(p, operation);
}

static struct cJSON *content_body(struct parts *p, const void *operation)
{
	return part_reference(p, ((const struct operation *)operation)->body);
}

static void add_answer(struct parts *p, struct cJSON *responses, const struct operation *op,
	const char *code, const char *text)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);

	part_add_text(p, tree, "description", str_from(text));
	if (p->v3)
		part_add(p, tree, "content", content(p, op->produces, content_answer, op));
	else
		part_add(p, tree, "schema", answer_schema(p, op));
	part_add(p, responses, code, tree);
}

static struct cJSON *responses_tree(struct parts *p, const struct operation *op)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);
	struct cJSON *refused = json_new(&p->scratch, JSON_OBJECT);

	add_answer(p, tree, op, "200", "OK");
	if (op->created)
		add_answer(p, tree, op, "201", "Created");
	if (op->accepted)
		add_answer(p, tree, op, "202", "Accepted");
	part_add_text(p, refused, "description", STR("Unauthorized"));
	part_add(p, tree, "401", refused);
	return tree;
}

/* The body among the parameters, as OpenAPI v2 has it. */
static struct cJSON *body_parameter(struct parts *p, const struct operation *op)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);
	const char *key = op->action == ACTION_PATCH ? PATCH_BODY_KEY
			  : op->body_required        ? NULL
						     : DELETE_BODY_KEY;

	if (!op->body || p->v3)
		return NULL;
	if (key) {
		part_reference(p, op->body);
		part_add_text(p, tree, "$ref", arena_print(&p->scratch, "#/parameters/%s", key));
		return tree;
	}
	part_add_text(p, tree, "in", STR("body"));
	part_add_text(p, tree, "name", STR("body"));
	part_add(p, tree, "required", json_new_bool(&p->scratch, true));
	part_add(p, tree, "schema", part_reference(p, op->body));
	return tree;
}

static void add_request_body(struct parts *p, struct cJSON *tree, const struct operation *op)
{
	struct cJSON *body = json_new(&p->scratch, JSON_OBJECT);

	if (!op->body)
		return;
	part_add(p, body, "content", content(p, op->consumes, content_body, op));
	if (op->body_required)
		part_add(p, body, "required", json_new_bool(&p->scratch, true));
	part_add(p, tree, "requestBody", body);
}

static const char *action_name(enum action action)
{
	static const char *const names[] = {
		[ACTION_NONE] = NULL,
		[ACTION_GET] = "get",
		[ACTION_LIST] = "list",
		[ACTION_WATCH] = "watch",
		[ACTION_WATCH_LIST] = "watchlist",
		[ACTION_POST] = "post",
		[ACTION_PUT] = "put",
		[ACTION_PATCH] = "patch",
		[ACTION_DELETE] = "delete",
		[ACTION_DELETE_COLLECTION] = "deletecollection",
		[ACTION_CONNECT] = "connect",
	};

	return names[action];
}

static void add_kind(struct parts *p, struct cJSON *tree, const struct operation *op)
{
	const struct resource *r = op->route->resource;
	const struct subresource *sub = op->route->sub;

	if (!r)
		return;
	part_add_text(p, tree, "x-kubernetes-action", str_from(action_name(op->action)));
	part_add(p, tree, "x-kubernetes-group-version-kind",
		part_group_version_kind(p, sub ? sub->group : r->group,
			sub ? sub->version : r->version, sub ? sub->kind : r->kind));
}

static struct cJSON *operation_tree(
	struct parts *p, const struct operation *op, const struct parameter_set *set)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT), *list;
	struct str text = describe(p, op);

	if (text.len)
		part_add_text(p, tree, "description", text);
	part_add_text(p, tree, "operationId",
		route_operation_id(&p->scratch, op->route, op->method, op->action));
	part_add(p, tree, "tags", part_words(p, route_tag(&p->scratch, op->route).at));
	list = part_parameter_list(p, set, op->route, body_parameter(p, op));
	if (list)
		part_add(p, tree, "parameters", list);
	if (p->v3) {
		add_request_body(p, tree, op);
	} else {
		if (op->consumes)
			part_add(p, tree, "consumes", part_words(p, op->consumes));
		part_add(p, tree, "produces", part_words(p, op->produces));
		part_add(p, tree, "schemes", part_words(p, "https"));
	}
	part_add(p, tree, "responses", responses_tree(p, op));
	add_kind(p, tree, op);
	return tree;
}

/* What all operations of a path have stands beside them, once. */
struct cJSON *part_path(struct parts *p, const struct route *r)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT), *list;
	struct parameter_set sets[METHODS], common;
	enum action actions[METHODS];
	bool allowed[METHODS];

	memset(&common, true, sizeof(common));
	for (enum http_method m = 0; m < METHODS; m++) {
		allowed[m] = route_action(r, m, &actions[m]);
		sets[m] = part_parameters(r, actions[m]);
		for (size_t i = 0; allowed[m] && i < PARAMETERS; i++)
			common.has[i] &= sets[m].has[i];
	}
	for (enum http_method m = 0; m < METHODS; m++) {
		struct operation op = {.route = r, .method = m, .action = actions[m]};

		if (!allowed[m])
			continue;
		for (size_t i = 0; i < PARAMETERS; i++)
			sets[m].has[i] &= !common.has[i];
		fill(p, &op);
		part_add(p, tree, method_name(m), operation_tree(p, &op, &sets[m]));
	}
	list = part_parameter_list(p, &common, r, NULL);
	if (list)
		part_add(p, tree, "parameters", list);
	return tree;
}
