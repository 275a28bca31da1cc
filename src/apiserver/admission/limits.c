/* LimitRanger: what a namespace's LimitRanges give to containers, and what they demand. */
#include "plugins.h"

#include <kube/pods.h>
#include <kube/quantity.h>

#define ANNOTATION "kubernetes.io/limit-ranger"
#define FAULTS_MAX 100

static bool is_new_pod(const struct admission_review *a)
{
	return resource_is(a->resource, "pods") && !a->subresource.len &&
	       a->operation == ADMIT_CREATE;
}

static struct store_iter ranges_of(struct admission_review *a)
{
	return store_seek(
		server_bucket(a->server, resource_find(STR(""), STR("v1"), STR("limitranges"))),
		arena_print(a->arena, "%.*s/", STRF(a->namespace)), STR(""));
}

/* ---- giving ---- */

/* Adds what the defaults have and the container lacks; answers the names, sorted as they stand. */
static struct str give(struct admission_review *a, struct cJSON *container, const char *member,
	const struct cJSON *defaults)
{
	struct str added = {0};

	json_each (value, defaults) {
		const char *path = arena_print(a->arena, "resources.%s", member).at;
		struct cJSON *list = json_path(container, path);

		if (json_get(list, json_key(value)))
			continue;
		if (!list) {
			tree_set(a->arena, container, path, json_new(a->arena, JSON_OBJECT));
			list = json_path(container, path);
		}
		json_set(a->arena, list, json_key(value), json_copy(a->arena, value));
		added = arena_print(a->arena, "%.*s%s%.*s", STRF(added), added.len ? ", " : "",
			STRF(json_key(value)));
	}
	return added;
}

static void note(struct admission_review *a, struct str *notes, struct str names, const char *what,
	const char *kind, struct str container)
{
	if (names.len)
		*notes = arena_print(a->arena, "%.*s%s%.*s %s for %s %.*s", STRF(*notes),
			notes->len ? "; " : "", STRF(names), what, kind, STRF(container));
}

static void give_all(struct admission_review *a, const struct cJSON *limit, const char *containers,
	const char *kind, struct str *notes)
{
	json_each (container, json_path(a->object, containers)) {
		struct str name = tree_str(container, "name");
		struct str limits = give(a, container, "limits", json_get(limit, STR("default")));
		struct str requests =
			give(a, container, "requests", json_get(limit, STR("defaultRequest")));

		note(a, notes, requests, "request", kind, name);
		note(a, notes, limits, "limit", kind, name);
	}
}

/* The defaults of all of one range together: a later limit's win. */
static struct cJSON *defaults_of(struct arena *arena, const struct cJSON *range)
{
	static const char *const members[] = {"default", "defaultRequest"};
	struct cJSON *all = json_new(arena, JSON_OBJECT);

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		struct cJSON *list = json_new(arena, JSON_OBJECT);

		json_each (limit, json_path(range, "spec.limits"))
			if (str_eq_text(tree_str(limit, "type"), "Container"))
				json_each (value, json_get(limit, str_from(members[i])))
					json_set(arena, list, json_key(value),
						json_copy(arena, value));
		json_add_borrowed(all, str_from(members[i]), list);
	}
	return all;
}

struct status *mutate_limits(struct admission_review *a)
{
	struct store_iter it;

	if (!is_new_pod(a))
		return NULL;
	it = ranges_of(a);
	while (store_next(&it)) {
		struct cJSON *defaults = defaults_of(a->arena, object_tree(a->arena, it.object));
		struct str notes = {0};

		give_all(a, defaults, "spec.containers", "container", &notes);
		give_all(a, defaults, "spec.initContainers", "init container", &notes);
		if (!notes.len)
			continue;
		if (!json_path(a->object, "metadata.annotations"))
			tree_set(a->arena, a->object, "metadata.annotations",
				json_new(a->arena, JSON_OBJECT));
		json_set(a->arena, json_path(a->object, "metadata.annotations"), STR(ANNOTATION),
			json_new_str(a->arena, arena_print(a->arena, "LimitRanger plugin set: %.*s",
						       STRF(notes))));
	}
	return NULL;
}

/* ---- demanding ---- */

struct demand {
	struct admission_review *review;
	struct str type; /* "Container" */
	const struct cJSON *requests, *limits;
	struct str faults[FAULTS_MAX];
	size_t count;
};

static bool amount(const struct cJSON *list, struct str name, struct quantity *q, struct str *text)
{
	const struct cJSON *value = json_get(list, name);

	*text = json_str(value);
	*q = (struct quantity){0};
	return value && !quantity_parse(*text, q, NULL);
}

static void fault(struct demand *d, struct str text)
{
	if (d->count < FAULTS_MAX)
		d->faults[d->count++] = text;
}

/* `minimum cpu usage per Container is 1` and what is wrong with that. */
static void usage(struct demand *d, const char *bound, const struct cJSON *enforced,
	const char *joint, struct str value)
{
	fault(d, arena_print(d->review->arena, "%s %.*s usage per %.*s is %.*s%s%.*s", bound,
			 STRF(json_key(enforced)), STRF(d->type), STRF(json_str(enforced)), joint,
			 STRF(value)));
}

static void check_min(struct demand *d, const struct cJSON *enforced)
{
	struct quantity least, request, limit;
	struct str name = json_key(enforced), request_text, limit_text;
	bool has_request = amount(d->requests, name, &request, &request_text);
	bool has_limit = amount(d->limits, name, &limit, &limit_text);

	if (quantity_parse(json_str(enforced), &least, NULL))
		return;
	if (!has_request)
		usage(d, "minimum", enforced, ".  No request is specified", STR(""));
	else if (quantity_cmp(request, least) < 0)
		usage(d, "minimum", enforced, ", but request is ", request_text);
	else if (has_limit && quantity_cmp(limit, least) < 0)
		usage(d, "minimum", enforced, ", but limit is ", limit_text);
}

static void check_max(struct demand *d, const struct cJSON *enforced)
{
	struct quantity most, request, limit;
	struct str name = json_key(enforced), request_text, limit_text;
	bool has_request = amount(d->requests, name, &request, &request_text);
	bool has_limit = amount(d->limits, name, &limit, &limit_text);

	if (quantity_parse(json_str(enforced), &most, NULL))
		return;
	if (!has_limit)
		usage(d, "maximum", enforced, ".  No limit is specified", STR(""));
	else if (quantity_cmp(limit, most) > 0)
		usage(d, "maximum", enforced, ", but limit is ", limit_text);
	else if (has_request && quantity_cmp(request, most) > 0)
		usage(d, "maximum", enforced, ", but request is ", request_text);
}

static void check_ratio(struct demand *d, const struct cJSON *enforced)
{
	struct quantity most, request, limit;
	struct str name = json_key(enforced), text;
	struct arena *a = d->review->arena;
	struct str prefix = arena_print(a, "%.*s max limit to request ratio per %.*s is %.*s, but ",
		STRF(name), STRF(d->type), STRF(json_str(enforced)));

	if (quantity_parse(json_str(enforced), &most, NULL))
		return;
	if (!amount(d->requests, name, &request, &text) || !quantity_sign(request)) {
		fault(d, arena_print(
				 a, "%.*sno request is specified or request is 0", STRF(prefix)));
		return;
	}
	if (!amount(d->limits, name, &limit, &text) || !quantity_sign(limit)) {
		fault(d, arena_print(a, "%.*sno limit is specified or limit is 0", STRF(prefix)));
		return;
	}
	double ratio = (double)limit.nano / (double)request.nano;
	if (ratio > (double)most.nano / 1e9)
		fault(d, arena_print(a, "%.*sprovided ratio is %f", STRF(prefix), ratio));
}

static void check_all(struct demand *d, const struct cJSON *limit)
{
	json_each (enforced, json_get(limit, STR("min")))
		check_min(d, enforced);
	json_each (enforced, json_get(limit, STR("max")))
		check_max(d, enforced);
	json_each (enforced, json_get(limit, STR("maxLimitRequestRatio")))
		check_ratio(d, enforced);
}

/* ---- pods ---- */

static void check_containers(struct demand *d, const struct cJSON *limit, const char *containers)
{
	json_each (container, json_path(d->review->object, containers)) {
		d->requests = json_path(container, "resources.requests");
		d->limits = json_path(container, "resources.limits");
		check_all(d, limit);
	}
}

static void check_pod(struct demand *d, const struct cJSON *limit)
{
	struct arena *a = d->review->arena;
	const struct cJSON *spec = json_get(d->review->object, STR("spec"));

	d->requests = pod_sum(a, spec, "resources.requests");
	d->limits = pod_sum(a, spec, "resources.limits");
	check_all(d, limit);
}

/* ---- claims ---- */

static void check_claim(struct demand *d, const struct cJSON *limit)
{
	d->requests = json_path(d->review->object, "spec.resources.requests");
	d->limits = NULL;
	json_each (enforced, json_get(limit, STR("min")))
		check_min(d, enforced);
	json_each (enforced, json_get(limit, STR("max"))) {
		struct quantity most, request;
		struct str text;

		if (quantity_parse(json_str(enforced), &most, NULL))
			continue;
		if (!amount(d->requests, json_key(enforced), &request, &text))
			usage(d, "maximum", enforced, ".  No request is specified", STR(""));
		else if (quantity_cmp(request, most) > 0)
			usage(d, "maximum", enforced, ", but request is ", text);
	}
}

/* ---- together ---- */

static void check_range(struct demand *d, const struct cJSON *range, bool pod)
{
	json_each (limit, json_path(range, "spec.limits")) {
		d->type = tree_str(limit, "type");
		if (pod && str_eq_text(d->type, "Container")) {
			check_containers(d, limit, "spec.containers");
			check_containers(d, limit, "spec.initContainers");
		} else if (pod && str_eq_text(d->type, "Pod")) {
			check_pod(d, limit);
		} else if (!pod && str_eq_text(d->type, "PersistentVolumeClaim")) {
			check_claim(d, limit);
		}
	}
}

static struct status *refuse(struct demand *d)
{
	struct str text = d->faults[0];

	for (size_t i = 1; i < d->count; i++)
		text = arena_print(d->review->arena, "%.*s, %.*s", STRF(text), STRF(d->faults[i]));
	return d->count == 1 ? admission_forbidden(d->review, "%.*s", STRF(text))
			     : admission_forbidden(d->review, "[%.*s]", STRF(text));
}

static bool concerns(const struct admission_review *a, bool *pod)
{
	*pod = resource_is(a->resource, "pods");
	if (*pod)
		return is_new_pod(a) || str_eq_text(a->subresource, "resize");
	return resource_is(a->resource, "persistentvolumeclaims") && !a->subresource.len;
}

struct status *validate_limits(struct admission_review *a)
{
	struct demand d = {.review = a};
	struct store_iter it;
	bool pod;

	if (!a->object || !concerns(a, &pod) || tree_has(a->old, "metadata.deletionTimestamp"))
		return NULL;
	it = ranges_of(a);
	while (store_next(&it)) {
		check_range(&d, object_tree(a->arena, it.object), pod);
		if (d.count)
			return refuse(&d);
	}
	return NULL;
}
