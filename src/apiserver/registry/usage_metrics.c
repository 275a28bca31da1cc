/* metrics.k8s.io: what nodes and pods use now. Not stored: asked of the kubelets. */
#include "registry.h"
#include "usage.h"

#include <kube/time.h>

/* ---- one ---- */

static void set_figure(struct arena *a, struct cJSON *o, const struct usage_figure *f)
{
	struct cJSON *usage = json_new(a, JSON_OBJECT);

	json_add(a, usage, STR("cpu"),
		json_new_str(a, arena_print(a, "%lldn", (long long)f->nano_cores)));
	json_add(a, usage, STR("memory"),
		json_new_str(a, arena_print(a, "%lldKi", (long long)(f->memory / (int64_t)KIB))));
	json_add(a, o, STR("usage"), usage);
}

static void set_time(struct arena *a, struct cJSON *o, const struct usage_figure *f)
{
	_cleanup_(buf_done) struct buf at = BUF_INIT(64), window = BUF_INIT(64);

	time_print(&at, f->at);
	duration_print(&window, f->window / MSEC * MSEC);
	tree_set_str(a, o, "timestamp", buf_str(&at));
	tree_set_str(a, o, "window", buf_str(&window));
}

static struct cJSON *begin(struct api_request *r, const struct cJSON *of)
{
	struct arena *a = r->arena;
	struct cJSON *o = json_new(a, JSON_OBJECT);
	const struct cJSON *labels = json_path(of, "metadata.labels");

	tree_set_str(a, o, "kind", r->resource->kind);
	tree_set_str(a, o, "apiVersion", r->resource->api_version);
	tree_set_str(a, o, "metadata.name", tree_str(of, "metadata.name"));
	if (tree_str(of, "metadata.namespace").len)
		tree_set_str(a, o, "metadata.namespace", tree_str(of, "metadata.namespace"));
	if (labels)
		tree_set(a, o, "metadata.labels", json_copy(a, labels));
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);
	time_print(&now, r->now);
	tree_set_str(a, o, "metadata.creationTimestamp", buf_str(&now));
	return o;
}

/* NULL: nothing is known of it, or not of all of it. */
static struct cJSON *node_metrics(struct api_request *r, const struct cJSON *node)
{
	struct usage_figure f;

	if (!usage_of(r->server->usage, STR(""), tree_str(node, "metadata.name"), STR(""), &f) ||
		f.nano_cores < 0)
		return NULL;
	struct cJSON *o = begin(r, node);
	set_time(r->arena, o, &f);
	set_figure(r->arena, o, &f);
	return o;
}

static struct cJSON *pod_metrics(struct api_request *r, const struct cJSON *pod)
{
	struct arena *a = r->arena;
	struct cJSON *o = begin(r, pod), *containers = json_new(a, JSON_ARRAY);
	struct usage_figure f, first = {.at = INT64_MAX};

	json_each (spec, json_path(pod, "spec.containers")) {
		struct cJSON *container = json_new(a, JSON_OBJECT);
		struct str name = tree_str(spec, "name");

		if (!usage_of(r->server->usage, tree_str(pod, "metadata.namespace"),
			    tree_str(pod, "metadata.name"), name, &f) ||
			f.nano_cores < 0)
			continue;
		if (f.at < first.at)
			first = f;
		tree_set_str(a, container, "name", name);
		set_figure(a, container, &f);
		json_append(containers, container);
	}
	if (!json_count(containers))
		return NULL;
	set_time(a, o, &first);
	json_add(a, o, STR("containers"), containers);
	return o;
}

static struct cJSON *metrics_of(struct api_request *r, const struct cJSON *of)
{
	return str_eq_text(r->plural, "nodes") ? node_metrics(r, of) : pod_metrics(r, of);
}

/* ---- the request ---- */

static const struct resource *measured(const struct api_request *r)
{
	return resource_find(STR(""), STR("v1"), r->plural);
}

static void answer_one(struct api_request *r)
{
	const struct resource *of = measured(r);
	struct cJSON *object =
		server_read(r->server, r->arena, "", of->plural.at, r->namespace, r->name);
	struct cJSON *metrics = object ? metrics_of(r, object) : NULL;

	if (metrics)
		answer_tree(r, 200, r->resource->schema, metrics);
	else
		request_fail(r, status_not_found(r->arena, r->resource, r->name));
}

static void answer_all(struct api_request *r)
{
	struct arena *a = r->arena;
	const struct resource *of = measured(r);
	struct str prefix =
		r->namespace.len ? arena_print(a, "%.*s/", STRF(r->namespace)) : STR("");
	struct store_iter it = store_seek(server_bucket(r->server, of), prefix, STR(""));
	struct cJSON *list = json_new(a, JSON_OBJECT), *items = json_new(a, JSON_ARRAY);

	tree_set_str(a, list, "kind", r->resource->list_kind);
	tree_set_str(a, list, "apiVersion", r->resource->api_version);
	tree_set(a, list, "metadata", json_new(a, JSON_OBJECT));
	while (store_next(&it)) {
		if (!registry_selects(r, it.object))
			continue;
		struct cJSON *metrics = metrics_of(r, object_tree(a, it.object));

		if (metrics)
			json_append(items, metrics);
	}
	json_add(a, list, STR("items"), items);
	answer_tree(r, 200,
		schema_find(arena_print(a, "io.k8s.metrics.pkg.apis.metrics.v1beta1.%.*s",
			STRF(r->resource->list_kind))),
		list);
}

static void refreshed(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	if (err->code)
		request_fail_err(r, err);
	else if (r->has_name)
		answer_one(r);
	else
		answer_all(r);
}

void serve_usage(struct api_request *r)
{
	op_init(&r->op, &r->x->scope, refreshed, r->deadline);
	usage_refresh(r->server->usage, &r->op);
}
