/* PodNodeSelector: the nodes that a namespace's pods may run on, by labels. */
#include "plugins.h"
#include "settings.h"

#include <kube/names.h>

#define ANNOTATION "scheduler.alpha.kubernetes.io/node-selector"

/* `a=b,c=d` as an object of strings. */
static struct status *read_labels(struct admission_review *r, struct str text, struct cJSON **out)
{
	struct str pair, rest = text;

	*out = json_new(r->arena, JSON_OBJECT);
	while (rest.len && str_next(&rest, ',', &pair)) {
		struct name_faults faults = {0};
		struct str key, value;

		if (!str_cut(pair, '=', &key, &value) || memchr(value.at, '=', value.len))
			return admission_failed(r, "invalid selector: [%.*s]", STRF(pair));
		key = str_trim(key);
		value = str_trim(value);
		name_check_qualified(key, &faults);
		name_check_label_value(value, &faults);
		if (faults.count)
			return admission_failed(
				r, "invalid selector: [%.*s]: %s", STRF(pair), faults.items[0]);
		json_set(r->arena, *out, key, json_new_str(r->arena, value));
	}
	return NULL;
}

static struct status *of_namespace(struct admission_review *r, struct cJSON **out)
{
	const struct cJSON *selectors = admission_settings(r->server->admission)->selectors;
	const struct cJSON *namespace =
		server_read(r->server, r->arena, "", "namespaces", STR(""), r->namespace);
	const struct cJSON *own =
		json_get(json_path(namespace, "metadata.annotations"), STR(ANNOTATION));

	if (!namespace)
		return status_internal(
			r->arena, "namespace %.*s does not exist", STRF(r->namespace));
	if (!own)
		own = json_get(selectors, STR("clusterDefaultNodeSelector"));
	return read_labels(r, json_str(own), out);
}

static bool conflict(const struct cJSON *a, const struct cJSON *b)
{
	json_each (label, a) {
		const struct cJSON *other = json_get(b, json_key(label));

		if (other && !str_eq(json_str(other), json_str(label)))
			return true;
	}
	return false;
}

/* Of all that is listed, when anything is. */
static bool is_listed(const struct cJSON *labels, const struct cJSON *listed)
{
	json_each (label, labels) {
		const struct cJSON *other = json_get(listed, json_key(label));

		if (!other || !str_eq(json_str(other), json_str(label)))
			return !json_count(listed);
	}
	return true;
}

static bool concerns(const struct admission_review *r)
{
	return resource_is(r->resource, "pods") && !r->resource->group.len && !r->subresource.len;
}

struct status *validate_node_selector(struct admission_review *r)
{
	const struct cJSON *selectors = admission_settings(r->server->admission)->selectors;
	const struct cJSON *own = json_path(r->object, "spec.nodeSelector");
	struct cJSON *wanted, *listed;
	struct status *no;

	if (!concerns(r))
		return NULL;
	no = of_namespace(r, &wanted);
	if (no)
		return no;
	if (conflict(wanted, own))
		return admission_forbidden(r, "pod node label selector conflicts with its "
					      "namespace node label selector");
	no = read_labels(r, json_str(json_get(selectors, r->namespace)), &listed);
	if (no || is_listed(own, listed))
		return no;
	return admission_forbidden(
		r, "pod node label selector labels conflict with its namespace whitelist");
}

/* What the pod says itself wins here; that it must not contradict is for the judging to say. */
struct status *mutate_node_selector(struct admission_review *r)
{
	struct cJSON *wanted;
	struct status *no;

	if (!concerns(r))
		return NULL;
	no = of_namespace(r, &wanted);
	if (no)
		return no;
	json_each (label, json_path(r->object, "spec.nodeSelector"))
		json_set(r->arena, wanted, json_key(label), json_copy(r->arena, label));
	if (json_count(wanted))
		tree_set(r->arena, r->object, "spec.nodeSelector", wanted);
	return validate_node_selector(r);
}
