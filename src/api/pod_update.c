#include "pod_update.h"

#include "ip_rules.h"

/* ---- the pod itself ---- */

static const char immutable_text[] =
	"pod updates may not change fields other than `spec.containers[*].image`,"
	"`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
	"additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
	"set to 1 if it was previously negative)";

static void take_images(
	struct arena *a, struct cJSON *munged, const struct cJSON *old, const char *list)
{
	size_t i = 0;

	json_each (container, json_path(munged, list)) {
		struct str image = tree_str(json_at(json_path(old, list), i++), "image");

		if (image.len)
			tree_set_str(a, container, "image", image);
	}
}

static void take(struct arena *a, struct cJSON *munged, const struct cJSON *old, const char *path)
{
	const struct cJSON *value = json_path(old, path);

	tree_set(a, munged, path, value ? json_copy(a, value) : NULL);
}

static void check_images(struct change *c, struct field_errors *e, const char *name)
{
	struct path spec = PATH(NULL, "spec"), list_at = PATH(&spec, name);
	size_t i = 0;

	json_each (container, json_get(json_get(c->object, STR("spec")), str_from(name))) {
		struct path at = PATH_INDEX(&list_at, i++), image_at = PATH(&at, "image");
		struct str image = tree_str(container, "image");

		if (rule_text(e, &at, container, "image") && str_trim(image).len != image.len)
			field_invalid_str(e, &image_at, image,
				"must not have leading or trailing whitespace");
	}
}

/* Counted down, never up. */
static void check_deadline(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "activeDeadlineSeconds");
	const struct cJSON *now = json_path(c->object, "spec.activeDeadlineSeconds");
	const struct cJSON *was = json_path(c->old, "spec.activeDeadlineSeconds");
	int64_t left = tree_int(c->object, "spec.activeDeadlineSeconds", 0);
	int64_t before = tree_int(c->old, "spec.activeDeadlineSeconds", 0);

	if (now && (left < 0 || left > INT32_MAX))
		field_invalid_int(e, &at, left, "must be between 0 and %d, inclusive", INT32_MAX);
	else if (now && was && before < left)
		field_invalid_int(e, &at, left, "must be less than or equal to previous value");
	else if (!now && was)
		field_invalid(e, &at, NULL, "must not update from a positive integer to nil value");
}

/* Gates go, and none comes. */
static void check_gates(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), list_at = PATH(&spec, "schedulingGates");
	const struct cJSON *old = json_path(c->old, "spec.schedulingGates");
	size_t i = 0;

	json_each (gate, json_path(c->object, "spec.schedulingGates")) {
		struct path item = PATH_INDEX(&list_at, i++), at = PATH(&item, "name");
		struct str name = tree_str(gate, "name");

		if (!rule_came_before(old, SIZE_MAX, "name", name))
			field_forbidden(e, &at,
				"only deletion is allowed, but found new scheduling gate '%.*s'",
				STRF(name));
	}
}

/* What stood there stays; only how long it is tolerated may change. */
static void check_tolerations(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "tolerations");
	const struct cJSON *now = json_path(c->object, "spec.tolerations");

	json_each (old, json_path(c->old, "spec.tolerations")) {
		bool found = false;

		json_each (t, now)
			found |= str_eq(tree_str(t, "key"), tree_str(old, "key")) &&
				 str_eq(tree_str(t, "effect"), tree_str(old, "effect")) &&
				 str_eq(tree_str(t, "operator"), tree_str(old, "operator")) &&
				 str_eq(tree_str(t, "value"), tree_str(old, "value"));
		if (!found) {
			field_forbidden(e, &at,
				"existing toleration can not be modified except its "
				"tolerationSeconds");
			return;
		}
	}
}

static bool counts_differ(struct change *c, struct field_errors *e)
{
	static const char *const lists[] = {"containers", "initContainers", NULL};
	struct path spec = PATH(NULL, "spec");
	bool differ = false;

	for (size_t i = 0; lists[i]; i++) {
		struct path at = PATH(&spec, lists[i]);
		struct str name = str_from(lists[i]);

		if (json_count(json_get(json_get(c->object, STR("spec")), name)) ==
			json_count(json_get(json_get(c->old, STR("spec")), name)))
			continue;
		field_forbidden(e, &at, "pod updates may not add or remove containers");
		differ = true;
	}
	return differ;
}

/* A pod that waits at a gate can still be narrowed to fewer nodes. */
static void take_gated(struct change *c, struct cJSON *munged)
{
	const struct cJSON *old = json_path(c->old, "spec.nodeSelector");
	const struct cJSON *now = json_path(c->object, "spec.nodeSelector");

	if (!json_count(json_path(c->old, "spec.schedulingGates")))
		return;
	take(c->arena, munged, c->old, "spec.schedulingGates");
	json_each (label, old)
		if (!json_equal(json_get(now, json_key(label)), label))
			return;
	take(c->arena, munged, c->old, "spec.nodeSelector");
	if (!json_path(c->old, "spec.affinity.nodeAffinity"))
		take(c->arena, munged, c->old, "spec.affinity");
}

static void check_munged(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");
	struct cJSON *munged = json_copy(c->arena, c->object);

	take_images(c->arena, munged, c->old, "spec.containers");
	take_images(c->arena, munged, c->old, "spec.initContainers");
	take(c->arena, munged, c->old, "spec.activeDeadlineSeconds");
	take(c->arena, munged, c->old, "spec.tolerations");
	take_gated(c, munged);
	if (tree_int(c->old, "spec.terminationGracePeriodSeconds", 0) < 0 &&
		tree_int(c->object, "spec.terminationGracePeriodSeconds", 0) == 1)
		take(c->arena, munged, c->old, "spec.terminationGracePeriodSeconds");
	munged = api_canonical(c->arena, SCHEMA(core_v1, Pod), munged);
	if (!json_equal(json_get(munged, STR("spec")), json_get(c->old, STR("spec"))))
		field_forbidden(e, &spec, "%s\n%.*s", immutable_text,
			STRF(pod_spec_diff(c->arena, json_get(c->old, STR("spec")),
				json_get(munged, STR("spec")))));
}

void pod_check_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	check_pod_spec(e, &spec, json_get(c->object, STR("spec")));
	if (counts_differ(c, e))
		return;
	check_images(c, e, "containers");
	check_images(c, e, "initContainers");
	check_deadline(c, e);
	check_gates(c, e);
	check_tolerations(c, e);
	check_munged(c, e);
}

/* ---- status ---- */

/* One address is both members. Old kubelets know the one alone: it decides where they differ. */
void pod_status_defaults(struct arena *a, struct cJSON *pod)
{
	struct str one = tree_str(pod, "status.podIP");
	struct str first = tree_str(json_first(json_path(pod, "status.podIPs")), "ip");
	struct cJSON *items, *item;

	if (!one.len && first.len)
		tree_set_str(a, pod, "status.podIP", first);
	if (!one.len || str_eq(one, first))
		return;
	items = json_new(a, JSON_ARRAY);
	item = json_new(a, JSON_OBJECT);
	json_add(a, item, STR("ip"), json_new_str(a, one));
	json_append(items, item);
	tree_set(a, pod, "status.podIPs", items);
}

void pod_prepare_status(struct change *c)
{
	const struct cJSON *owners = json_path(c->old, "metadata.ownerReferences");

	tree_set(c->arena, c->object, "metadata.ownerReferences",
		owners ? json_copy(c->arena, owners) : NULL);
	if (!tree_str(c->object, "status.qosClass").len && tree_str(c->old, "status.qosClass").len)
		tree_set_str(c->arena, c->object, "status.qosClass",
			tree_str(c->old, "status.qosClass"));
}

static void check_addresses(struct change *c, struct field_errors *e, const char *name,
	const char *single, bool must_match)
{
	struct path status = PATH(NULL, "status"), list_at = PATH(&status, name);
	const struct cJSON *list = json_get(json_get(c->object, STR("status")), str_from(name));
	struct str first = tree_str(json_first(list), "ip");
	size_t families[2] = {0}, i = 0;

	if (must_match && json_count(list) &&
		!str_eq(first, tree_str(json_get(c->object, STR("status")), single))) {
		struct path item = PATH_INDEX(&list_at, 0), at = PATH(&item, "ip");

		field_invalid_str(e, &at, first, "must be equal to `%s`", single);
	}
	json_each (item, list) {
		struct path at = PATH_INDEX(&list_at, i++);
		struct ip ip;

		if (check_ip(e, &at, tree_str(item, "ip"), &ip))
			families[str_find_char(tree_str(item, "ip"), ':') >= 0]++;
	}
	if (families[0] < 2 && families[1] < 2 && json_count(list) < 3)
		return;
	_cleanup_(buf_done) struct buf go = BUF_INIT(64 * KIB);
	buf_add_char(&go, '[');
	json_each (item, list) {
		buf_add_text(&go, item == json_first(list) ? "" : ",");
		api_print_go(&go, SCHEMA(core_v1, PodIP), item);
	}
	buf_add_char(&go, ']');
	field_invalid_raw(e, &list_at, arena_str(c->arena, buf_str(&go)),
		"may specify no more than one IP for each IP family");
}

static void check_conditions(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), list_at = PATH(&status, "conditions");
	size_t i = 0;

	json_each (condition, json_path(c->object, "status.conditions")) {
		struct path item = PATH_INDEX(&list_at, i++), at = PATH(&item, "type");
		struct str type = tree_str(condition, "type");

		if (str_find_char(type, '/') >= 0)
			field_check_name(e, &at, type, name_check_qualified);
	}
}

/* A container that has ended for good does not run again. */
static void check_restarts(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), list_at = PATH(&status, "containerStatuses");
	struct str policy = tree_str(c->object, "spec.restartPolicy");
	size_t i = 0;

	if (str_eq_text(policy, "Always"))
		return;
	json_each (old, json_path(c->old, "status.containerStatuses")) {
		struct path item = PATH_INDEX(&list_at, i++), at = PATH(&item, "state");
		const struct cJSON *ended = json_path(old, "state.terminated");

		if (!ended || (str_eq_text(policy, "OnFailure") && tree_int(ended, "exitCode", 0)))
			continue;
		json_each (now, json_path(c->object, "status.containerStatuses"))
			if (str_eq(tree_str(now, "name"), tree_str(old, "name")) &&
				!json_path(now, "state.terminated"))
				field_forbidden(
					e, &at, "may not be transitioned to non-terminated state");
	}
}

void pod_check_status(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), qos_at = PATH(&status, "qosClass");
	struct str qos = tree_str(c->object, "status.qosClass");

	rule_name(e, &status, json_get(c->object, STR("status")), "nominatedNodeName",
		name_check_dns_subdomain);
	check_conditions(c, e);
	check_restarts(c, e);
	if (tree_str(c->old, "status.qosClass").len &&
		!str_eq(qos, tree_str(c->old, "status.qosClass")))
		field_invalid_str(e, &qos_at, qos, "field is immutable");
	check_addresses(c, e, "podIPs", "podIP", false);
	check_addresses(c, e, "hostIPs", "hostIP", true);
}

/* ---- ephemeral containers ---- */

void pod_prepare_ephemeral(struct change *c)
{
	struct cJSON *list = json_path(c->object, "spec.ephemeralContainers");
	struct cJSON *meta = json_get(c->object, STR("metadata"));
	struct cJSON *whole = json_copy(c->arena, c->old);

	tree_set(c->arena, whole, "spec.ephemeralContainers",
		list ? json_copy(c->arena, list) : NULL);
	tree_set(c->arena, whole, "metadata.managedFields",
		json_get(meta, STR("managedFields"))
			? json_copy(c->arena, json_get(meta, STR("managedFields")))
			: NULL);
	c->object = whole;
	pod_spec_defaults(c->arena, json_get(c->object, STR("spec")), true);
}

static const struct cJSON *by_name(const struct cJSON *list, struct str name)
{
	json_each (item, list)
		if (str_eq(tree_str(item, "name"), name))
			return item;
	return NULL;
}

static struct str container_diff(struct arena *a, const struct cJSON *old, const struct cJSON *now)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

	api_diff_go(&text, a, SCHEMA(core_v1, EphemeralContainer), old, now);
	return arena_str(a, buf_str(&text));
}

void pod_check_ephemeral_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "ephemeralContainers");
	const struct cJSON *list = json_path(c->object, "spec.ephemeralContainers");

	check_pod_spec(e, &spec, json_get(c->object, STR("spec")));
	json_each (old, json_path(c->old, "spec.ephemeralContainers")) {
		const struct cJSON *now = by_name(list, tree_str(old, "name"));

		if (!now)
			field_forbidden(e, &at,
				"existing ephemeral containers \"%.*s\" may not be removed\n",
				STRF(tree_str(old, "name")));
		else if (!json_equal(now, old))
			field_forbidden(e, &at,
				"existing ephemeral containers \"%.*s\" may not be changed\n%.*s",
				STRF(tree_str(old, "name")),
				STRF(container_diff(c->arena, old, now)));
	}
}

/* ---- resizing ---- */

static void take_resources(struct change *c, struct cJSON *whole, const char *name)
{
	struct cJSON *target = json_get(json_get(whole, STR("spec")), str_from(name));

	json_each (container, json_get(json_get(c->object, STR("spec")), str_from(name))) {
		struct cJSON *into =
			(struct cJSON *)(uintptr_t)by_name(target, tree_str(container, "name"));
		const struct cJSON *resources = json_get(container, STR("resources"));
		const struct cJSON *policy = json_get(container, STR("resizePolicy"));

		if (!into)
			continue;
		tree_set(c->arena, into, "resources",
			resources ? json_copy(c->arena, resources) : NULL);
		tree_set(c->arena, into, "resizePolicy",
			policy ? json_copy(c->arena, policy) : NULL);
	}
}

/* Only resources and how they are resized come from the client. */
void pod_prepare_resize(struct change *c)
{
	struct cJSON *whole = json_copy(c->arena, c->old);
	const struct cJSON *managed = json_path(c->object, "metadata.managedFields");

	take_resources(c, whole, "containers");
	take_resources(c, whole, "initContainers");
	tree_set(c->arena, whole, "metadata.managedFields",
		managed ? json_copy(c->arena, managed) : NULL);
	c->object = whole;
	pod_spec_defaults(c->arena, json_get(c->object, STR("spec")), true);
}

static void drop_compute(struct cJSON *container)
{
	static const char *const lists[] = {"resources.limits", "resources.requests", NULL};

	for (size_t i = 0; lists[i]; i++) {
		struct cJSON *list = json_path(container, lists[i]);

		json_remove(list, json_get(list, STR("cpu")));
		json_remove(list, json_get(list, STR("memory")));
	}
	tree_drop(container, "resizePolicy");
}

static struct cJSON *without_compute(struct change *c, const struct cJSON *pod)
{
	struct cJSON *copy = json_copy(c->arena, pod);

	json_each (container, json_path(copy, "spec.containers"))
		drop_compute(container);
	json_each (container, json_path(copy, "spec.initContainers"))
		drop_compute(container);
	return api_canonical(c->arena, SCHEMA(core_v1, Pod), copy);
}

/* What had a request or a limit keeps one. */
static bool removes_any(const struct cJSON *now, const struct cJSON *old)
{
	json_each (amount, old)
		if (!json_get(now, json_key(amount)))
			return true;
	return false;
}

static void check_removals(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), list_at = PATH(&spec, "containers");
	size_t i = 0;

	json_each (container, json_path(c->object, "spec.containers")) {
		const struct cJSON *old =
			by_name(json_path(c->old, "spec.containers"), tree_str(container, "name"));
		struct path item = PATH_INDEX(&list_at, i++), at = PATH(&item, "resources");
		struct path limits = PATH(&at, "limits"), requests = PATH(&at, "requests");

		if (removes_any(json_path(container, "resources.limits"),
			    json_path(old, "resources.limits")))
			field_forbidden(e, &limits, "resource limits cannot be removed");
		if (removes_any(json_path(container, "resources.requests"),
			    json_path(old, "resources.requests")))
			field_forbidden(e, &requests, "resource requests cannot be removed");
	}
}

void pod_check_resize(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");
	struct str qos = tree_str(c->old, "status.qosClass");

	check_pod_spec(e, &spec, json_get(c->object, STR("spec")));
	if (e->count)
		return;
	if (str_eq_text(tree_str(c->old, "spec.os.name"), "windows"))
		field_forbidden(e, &spec, "windows pods cannot be resized");
	if (!str_eq_text(qos, pod_qos(json_get(c->object, STR("spec")))))
		field_invalid_str(
			e, &spec, qos, "Pod QOS Class may not change as a result of resizing");
	check_removals(c, e);
	if (!json_equal(json_get(without_compute(c, c->object), STR("spec")),
		    json_get(without_compute(c, c->old), STR("spec"))))
		field_forbidden(e, &spec, "only cpu and memory resources are mutable");
}
