/* Ingresses, endpoint slices and disruption budgets of the betas. */
#include "convert.h"

#define NOTHING_KEY "pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match"

void convert_rename(struct arena *a, struct cJSON *object, const char *from, const char *to)
{
	struct cJSON *value = json_get(object, str_from(from));

	if (!value)
		return;
	json_remove(object, value);
	json_set(a, object, str_from(to), value);
}

/* ---- ingresses ---- */

static void each_backend(struct arena *a, struct cJSON *object, const char *top, convert_fn *fn)
{
	struct cJSON *spec = json_get(object, STR("spec"));
	struct cJSON *first = json_get(spec, str_from(top));

	if (first)
		fn(a, first);
	json_each (rule, json_get(spec, STR("rules")))
		json_each (path, json_path(rule, "http.paths"))
			if (json_get(path, STR("backend")))
				fn(a, json_get(path, STR("backend")));
}

static void backend_to_hub(struct arena *a, struct cJSON *backend)
{
	struct cJSON *port = json_get(backend, STR("servicePort"));
	struct str name = tree_str(backend, "serviceName");
	int64_t number = 0;

	if (name.len || (port && !json_get(backend, STR("resource"))))
		tree_set_str(a, backend, "service.name", name);
	if (json_int(port, &number) && number)
		tree_set_int(a, backend, "service.port.number", number);
	else if (json_str(port).len)
		tree_set_str(a, backend, "service.port.name", json_str(port));
}

static void backend_from_hub(struct arena *a, struct cJSON *backend)
{
	struct str name = tree_str(backend, "service.port.name");

	if (!json_get(backend, STR("service")))
		return;
	tree_set_str(a, backend, "serviceName", tree_str(backend, "service.name"));
	if (name.len)
		tree_set_str(a, backend, "servicePort", name);
	else
		tree_set_int(
			a, backend, "servicePort", tree_int(backend, "service.port.number", 0));
	tree_drop(backend, "service");
}

void ingress_defaults_beta1(struct arena *a, struct cJSON *object)
{
	json_each (rule, json_path(object, "spec.rules"))
		json_each (path, json_path(rule, "http.paths"))
			if (!tree_has(path, "pathType"))
				tree_set_str(a, path, "pathType", STR("ImplementationSpecific"));
}

void ingress_to_hub(struct arena *a, struct cJSON *object)
{
	each_backend(a, object, "backend", backend_to_hub);
	convert_rename(a, json_get(object, STR("spec")), "backend", "defaultBackend");
}

void ingress_from_hub(struct arena *a, struct cJSON *object)
{
	each_backend(a, object, "defaultBackend", backend_from_hub);
	convert_rename(a, json_get(object, STR("spec")), "defaultBackend", "backend");
}

/* ---- endpoint slices: zone and node stood in the topology ---- */

static struct str take(struct cJSON *map, const char *key)
{
	struct cJSON *found = json_get(map, str_from(key));
	struct str text = json_str(found);

	json_remove(map, found);
	return text;
}

void endpointslice_to_hub(struct arena *a, struct cJSON *object)
{
	json_each (endpoint, json_get(object, STR("endpoints"))) {
		struct cJSON *topology;

		convert_rename(a, endpoint, "topology", "deprecatedTopology");
		topology = json_get(endpoint, STR("deprecatedTopology"));
		struct str zone = take(topology, "topology.kubernetes.io/zone");
		struct str node = take(topology, "kubernetes.io/hostname");
		if (zone.len)
			tree_set_str(a, endpoint, "zone", zone);
		if (node.len && !tree_has(endpoint, "nodeName"))
			tree_set_str(a, endpoint, "nodeName", node);
	}
}

void endpointslice_from_hub(struct arena *a, struct cJSON *object)
{
	json_each (endpoint, json_get(object, STR("endpoints"))) {
		struct str zone = tree_str(endpoint, "zone");

		convert_rename(a, endpoint, "deprecatedTopology", "topology");
		if (!zone.len)
			continue;
		if (!json_get(endpoint, STR("topology")))
			tree_set(a, endpoint, "topology", json_new(a, JSON_OBJECT));
		json_set(a, json_get(endpoint, STR("topology")), STR("topology.kubernetes.io/zone"),
			json_new_str(a, zone));
	}
}

/* ---- budgets: an empty selector meant nothing, and means everything today ---- */

void budget_to_hub(struct arena *a, struct cJSON *object)
{
	struct cJSON *selector = json_path(object, "spec.selector"), *list, *one;

	if (!selector || json_count(json_get(selector, STR("matchLabels"))) ||
		json_count(json_get(selector, STR("matchExpressions"))))
		return;
	list = json_new(a, JSON_ARRAY);
	one = json_new(a, JSON_OBJECT);
	json_add(a, one, STR("key"), json_new_str(a, STR(NOTHING_KEY)));
	json_add(a, one, STR("operator"), json_new_str(a, STR("Exists")));
	json_append(list, one);
	json_set(a, selector, STR("matchExpressions"), list);
}

void budget_from_hub(struct arena *a, struct cJSON *object)
{
	const struct cJSON *list = json_path(object, "spec.selector.matchExpressions");

	if (json_count(list) == 1 && str_eq_text(tree_str(json_first(list), "key"), NOTHING_KEY))
		tree_set(a, object, "spec.selector", json_new(a, JSON_OBJECT));
}
