/* What becomes of a new pod, or of a changed one, before its rules are asked. */
#include "pod_update.h"

static const char *const container_lists[] = {
	"initContainers", "containers", "ephemeralContainers", NULL};

/* ---- members behind gates that are closed ---- */

/* A member that is dropped: where its parents stand ("*": every element), and its name. */
struct closed {
	const char *parents, *name;
	bool with_empty; /* a parent that has nothing else goes too */
};

static const struct closed closed[] = {
	{"volumes.*.projected.sources.*", "clusterTrustBundle", false},
	{"volumes.*.projected.sources.*", "podCertificate", false},
	{"volumes.*.ephemeral.volumeClaimTemplate.spec.dataSourceRef", "namespace", false},
	{"initContainers.*.lifecycle", "stopSignal", true},
	{"containers.*.lifecycle", "stopSignal", true},
	{"ephemeralContainers.*.lifecycle", "stopSignal", true},
	{"", "schedulingGroup", false},
};

/* Visits the parents; answers whether any of them has the member, and drops it when told to. */
static bool visit(
	struct cJSON *at, struct cJSON *above, struct str rest, const struct closed *c, bool drop)
{
	struct str step;
	bool found = false;

	if (!at)
		return false;
	if (!rest.len) {
		struct cJSON *member = json_get(at, str_from(c->name));

		if (member && drop)
			json_remove(at, member);
		if (member && drop && c->with_empty && !json_count(at))
			json_remove(above, at);
		return member != NULL;
	}
	str_cut(rest, '.', &step, &rest);
	if (!str_eq_text(step, "*"))
		return visit(json_get(at, step), at, rest, c, drop);
	json_each (item, at)
		found |= visit(item, at, rest, c, drop);
	return found;
}

/* What stood there before the gate was closed may stay. */
void pod_drop_closed(struct cJSON *spec, const struct cJSON *old)
{
	struct cJSON *before = (struct cJSON *)(uintptr_t)old;

	for (size_t i = 0; i < ARRAY_LEN(closed); i++)
		if (!visit(before, NULL, str_from(closed[i].parents), &closed[i], false))
			visit(spec, NULL, str_from(closed[i].parents), &closed[i], true);
}

/* ---- keys whose values are the pod's own ---- */

static void add_requirement(
	struct arena *a, struct cJSON *selector, struct str key, const char *how, struct str value)
{
	struct cJSON *expression = json_new(a, JSON_OBJECT), *values = json_new(a, JSON_ARRAY);

	json_append(values, json_new_str(a, value));
	json_add(a, expression, STR("key"), json_new_str(a, key));
	json_add(a, expression, STR("operator"), json_new_str(a, str_from(how)));
	json_add(a, expression, STR("values"), values);
	if (!json_is(json_get(selector, STR("matchExpressions")), JSON_ARRAY))
		json_set(a, selector, STR("matchExpressions"), json_new(a, JSON_ARRAY));
	json_append(json_get(selector, STR("matchExpressions")), expression);
}

static void join_keys(struct arena *a, const struct cJSON *labels, struct cJSON *term,
	const char *keys, const char *how)
{
	struct cJSON *selector = json_get(term, STR("labelSelector"));

	if (!selector)
		return;
	json_each (key, json_get(term, str_from(keys))) {
		const struct cJSON *label = json_get(labels, json_str(key));

		if (label)
			add_requirement(a, selector, json_str(key), how, json_str(label));
	}
}

static void join_terms(
	struct arena *a, const struct cJSON *labels, struct cJSON *spec, const char *member)
{
	struct cJSON *affinity = json_get(json_get(spec, STR("affinity")), str_from(member));

	json_each (
		term, json_get(affinity, STR("requiredDuringSchedulingIgnoredDuringExecution"))) {
		join_keys(a, labels, term, "matchLabelKeys", "In");
		join_keys(a, labels, term, "mismatchLabelKeys", "NotIn");
	}
	json_each (weighted,
		json_get(affinity, STR("preferredDuringSchedulingIgnoredDuringExecution"))) {
		struct cJSON *term = json_get(weighted, STR("podAffinityTerm"));

		join_keys(a, labels, term, "matchLabelKeys", "In");
		join_keys(a, labels, term, "mismatchLabelKeys", "NotIn");
	}
}

static void join_label_keys(struct arena *a, struct cJSON *pod)
{
	const struct cJSON *labels = json_path(pod, "metadata.labels");
	struct cJSON *spec = json_get(pod, STR("spec"));

	join_terms(a, labels, spec, "podAffinity");
	join_terms(a, labels, spec, "podAntiAffinity");
	json_each (constraint, json_get(spec, STR("topologySpreadConstraints")))
		join_keys(a, labels, constraint, "matchLabelKeys", "In");
}

/* ---- AppArmor in annotations ---- */

struct cJSON *pod_apparmor_of_annotation(struct arena *a, struct str text)
{
	static const struct str localhost = STR_INIT("localhost/");
	struct cJSON *profile = json_new(a, JSON_OBJECT);

	if (str_eq_text(text, "unconfined")) {
		json_add(a, profile, STR("type"), json_new_str(a, STR("Unconfined")));
	} else if (str_eq_text(text, "runtime/default")) {
		json_add(a, profile, STR("type"), json_new_str(a, STR("RuntimeDefault")));
	} else if (str_starts(text, localhost) && text.len > localhost.len) {
		json_add(a, profile, STR("type"), json_new_str(a, STR("Localhost")));
		json_add(a, profile, STR("localhostProfile"),
			json_new_str(a, str_skip(text, localhost.len)));
	} else {
		return NULL;
	}
	return profile;
}

/* Old clients name profiles in annotations only: what runs the pod reads the members. */
static void take_apparmor(struct arena *a, struct cJSON *pod)
{
	const struct cJSON *annotations = json_path(pod, "metadata.annotations");
	const struct cJSON *of_pod = json_path(pod, "spec.securityContext.appArmorProfile");

	if (str_eq_text(tree_str(pod, "spec.os.name"), "windows"))
		return;
	for (size_t i = 0; container_lists[i]; i++)
		json_each (container,
			json_get(json_get(pod, STR("spec")), str_from(container_lists[i]))) {
			struct str key = arena_print(
				a, POD_APPARMOR "%.*s", STRF(tree_str(container, "name")));
			const struct cJSON *text = json_get(annotations, key);
			struct cJSON *profile =
				text ? pod_apparmor_of_annotation(a, json_str(text)) : NULL;

			if (profile && !json_equal(profile, of_pod) &&
				!tree_has(container, "securityContext.appArmorProfile"))
				tree_set(a, container, "securityContext.appArmorProfile", profile);
		}
}

/* ---- all of it ---- */

static void add_gated_condition(struct change *c)
{
	static const struct pod_condition waits = {.type = "PodScheduled",
		.status = "False",
		.reason = "SchedulingGated",
		.message = "Scheduling is blocked due to non-empty scheduling gates"};

	if (json_count(json_path(c->object, "spec.schedulingGates")))
		pod_set_condition(c->arena, c->object, &waits, c->now);
}

void pod_prepare_create(struct change *c)
{
	struct str qos = tree_str(c->object, "status.qosClass");
	struct cJSON *spec = json_get(c->object, STR("spec"));

	tree_drop(c->object, "status");
	pod_drop_closed(spec, NULL);
	tree_set_str(c->arena, c->object, "status.phase", STR("Pending"));
	tree_set_str(
		c->arena, c->object, "status.qosClass", qos.len ? qos : str_from(pod_qos(spec)));
	add_gated_condition(c);
	join_label_keys(c->arena, c->object);
	take_apparmor(c->arena, c->object);
}

void pod_prepare_update(struct change *c)
{
	pod_drop_closed(json_get(c->object, STR("spec")), json_get(c->old, STR("spec")));
}
