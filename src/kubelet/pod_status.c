#include "pod_status_parts.h"

#include <kube/api_codec.h>

static void set_ips(struct arena *a, struct cJSON *status, const char *one, const char *all,
	const struct ip *ips, size_t count)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < count; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(64);
		struct cJSON *entry = json_new(a, JSON_OBJECT);

		ip_print(&text, &ips[i]);
		tree_set_str(a, entry, "ip", buf_str(&text));
		json_append(list, entry);
		if (i == 0)
			tree_set_str(a, status, one, buf_str(&text));
	}
	if (count)
		tree_set(a, status, all, list);
}

static void keep(struct arena *a, struct cJSON *status, const struct cJSON *old, const char *name)
{
	const struct cJSON *value = json_get(old, str_from(name));

	if (value)
		json_set(a, status, str_from(name), json_copy(a, value));
}

static void set_addresses(struct arena *a, const struct pod_status_input *in, struct cJSON *status)
{
	const struct pod_view *v = in->view;
	const struct sandbox *s = v->sandbox_count ? v->sandboxes[0] : NULL;

	set_ips(a, status, "hostIP", "hostIPs", in->host_ips, in->host_ip_count);
	if (tree_true(v->pod, "spec.hostNetwork")) {
		keep(a, status, in->old, "podIP");
		keep(a, status, in->old, "podIPs");
		if (!tree_has(status, "podIP"))
			set_ips(a, status, "podIP", "podIPs", in->host_ips, in->host_ip_count);
	} else if (s && s->state == SANDBOX_READY && s->ip_count) {
		set_ips(a, status, "podIP", "podIPs", s->ips, s->ip_count);
	} else {
		/* Where it was is still told when it has ended, until it is somewhere else. */
		keep(a, status, in->old, "podIP");
		keep(a, status, in->old, "podIPs");
	}
}

static bool is_terminal(struct str phase)
{
	return str_eq(phase, STR("Succeeded")) || str_eq(phase, STR("Failed"));
}

static struct str decide_phase(const struct pod_status_input *in, const struct cJSON *status)
{
	struct str old = tree_str(in->old, "phase");
	struct str phase = in->phase.len ? in->phase : str_from(pod_phase(in, status));

	/* What has ended does not come back. */
	if (is_terminal(old))
		return old;
	if (in->terminal && !is_terminal(phase) && !pod_is_static(in->view->pod))
		return STR("Failed");
	return phase;
}

/* An end that was decided is told when nothing runs any more: whoever replaces the pod waits for
 * it. */
static void wait_with_phase(struct arena *a, struct cJSON *status, const struct cJSON *old)
{
	static const char *const members[] = {"phase", "reason", "message"};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		tree_drop(status, members[i]);
		keep(a, status, old, members[i]);
	}
	if (!tree_has(status, "phase"))
		tree_set_str(a, status, "phase", STR("Pending"));
}

/* Of a pod that has resources of its own: what it is allocated, and what it has. */
static void set_whole(struct arena *a, const struct pod_view *v, struct cJSON *status)
{
	const struct cJSON *resources = json_path(v->pod, "spec.resources");
	const struct cJSON *actual = json_get(v->actual, RESIZE_WHOLE);
	const struct cJSON *requests = json_get(resources, STR("requests"));

	if (!resources)
		return;
	if (json_count(requests))
		json_set(a, status, STR("allocatedResources"), json_copy(a, requests));
	json_set(a, status, STR("resources"), json_copy(a, actual ? actual : resources));
}

static void set_start(struct arena *a, const struct pod_status_input *in, struct cJSON *status)
{
	keep(a, status, in->old, "startTime");
	if (!tree_has(status, "startTime"))
		tree_set_str(a, status, "startTime", status_time(a, in->view->now));
}

/* By the last kubelet, or it has failed elsewhere. */
static bool was_rejected(const struct pod_status_input *in)
{
	return str_eq(tree_str(in->old, "phase"), STR("Failed")) &&
	       !tree_has(in->old, "containerStatuses") && !in->view->sandbox_count;
}

/* Nothing of it has ever been here: nothing is said but that, and what others say. */
static struct cJSON *rejected(struct arena *a, const struct pod_status_input *in)
{
	const struct cJSON *before = json_get(in->view->pod, STR("status"));
	int64_t generation = tree_int(in->view->pod, "metadata.generation", 0);
	struct cJSON *status = json_new(a, JSON_OBJECT);

	if (!in->rejected)
		return json_copy(a, in->old);
	if (generation)
		tree_set_int(a, status, "observedGeneration", generation);
	tree_set_str(a, status, "phase", in->phase);
	tree_set_str(a, status, "reason", in->reason);
	tree_set_str(a, status, "message", in->message);
	set_start(a, in, status);
	keep(a, status, before, "qosClass");
	keep(a, status, before, "conditions");
	return status;
}

struct cJSON *pod_status_make(struct arena *a, const struct pod_status_input *in)
{
	const struct pod_view *v = in->view;
	struct cJSON *status = json_new(a, JSON_OBJECT);
	int64_t generation = tree_int(v->pod, "metadata.generation", 0);

	if (in->rejected || was_rejected(in))
		return rejected(a, in);
	static const enum container_role roles[] = {ROLE_INIT, ROLE_APP, ROLE_EPHEMERAL};
	static const char *const names[] = {
		"initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"};

	if (generation)
		tree_set_int(a, status, "observedGeneration", generation);
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		struct cJSON *list = container_statuses(a, in, roles[i]);

		if (json_count(list))
			json_set(a, status, str_from(names[i]), list);
	}
	struct str phase = decide_phase(in, status);
	if (in->terminal)
		container_statuses_end(a, v, status);
	tree_set_str(a, status, "phase", phase);
	if (in->reason.len || in->message.len) {
		tree_set_str(a, status, "reason", in->reason);
		tree_set_str(a, status, "message", in->message);
	} else if (str_eq(phase, tree_str(in->old, "phase"))) {
		keep(a, status, in->old, "reason");
		keep(a, status, in->old, "message");
	}
	set_addresses(a, in, status);
	set_start(a, in, status);
	/* The API server decided it at creation. */
	keep(a, status, json_get(v->pod, STR("status")), "qosClass");
	set_whole(a, v, status);
	pod_status_conditions(a, in, status);
	if (in->phase.len && !in->terminal)
		wait_with_phase(a, status, in->old);
	return status;
}

/* ---- patches ---- */

/* Others' fields: their values are never ours to change. */
static bool is_foreign(struct str key)
{
	return str_eq(key, STR("nominatedNodeName")) || str_eq(key, STR("resize")) ||
	       str_eq(key, STR("resourceClaimStatuses")) || str_eq(key, STR("qosClass")) ||
	       str_eq(key, STR("extendedResourceClaimStatus"));
}

static const struct cJSON *condition_of(const struct cJSON *list, struct str type)
{
	json_each (condition, list)
		if (str_eq(tree_str(condition, "type"), type))
			return condition;
	return NULL;
}

/* Others' conditions are left alone; of ours these two are there as long as they hold. */
static bool comes_and_goes(struct str type)
{
	return str_eq(type, STR("PodResizePending")) || str_eq(type, STR("PodResizeInProgress"));
}

static struct cJSON *patch_conditions(
	struct arena *a, const struct cJSON *old, const struct cJSON *fresh, struct cJSON *patch)
{
	struct cJSON *order = json_new(a, JSON_ARRAY), *changed = json_new(a, JSON_ARRAY);

	json_each (condition, fresh) {
		struct str type = tree_str(condition, "type");
		struct cJSON *name = json_new(a, JSON_OBJECT);

		tree_set_str(a, name, "type", type);
		json_append(order, name);
		const struct cJSON *before = condition_of(old, type);
		if (json_equal(before, condition))
			continue;
		struct cJSON *entry = json_copy(a, condition);
		/* Merged by type: what is said no more has to be taken away. */
		json_each (member, before)
			if (!json_get(entry, json_key(member)))
				json_set(a, entry, json_key(member), json_new(a, JSON_NULL));
		json_append(changed, entry);
	}
	json_each (condition, old) {
		struct str type = tree_str(condition, "type");

		if (!comes_and_goes(type) || condition_of(fresh, type))
			continue;
		struct cJSON *entry = json_new(a, JSON_OBJECT);
		tree_set_str(a, entry, "$patch", STR("delete"));
		tree_set_str(a, entry, "type", type);
		json_append(changed, entry);
	}
	if (!json_count(changed))
		return patch;
	json_set(a, patch, STR("$setElementOrder/conditions"), order);
	json_set(a, patch, STR("conditions"), changed);
	return patch;
}

/* Addresses are merged by patches, and are to be replaced. */
static struct cJSON *replacement(
	struct arena *a, const struct cJSON *old, const struct cJSON *fresh)
{
	struct cJSON *list = json_copy(a, fresh), *directive = json_new(a, JSON_OBJECT);

	if (!json_count(old) || !json_is(fresh, JSON_ARRAY))
		return list;
	tree_set_str(a, directive, "$patch", STR("replace"));
	json_insert(list, 0, directive);
	return list;
}

static bool is_merged(struct str key)
{
	return str_eq(key, STR("podIPs")) || str_eq(key, STR("hostIPs"));
}

struct cJSON *pod_status_patch(
	struct arena *a, struct str uid, const struct cJSON *old, const struct cJSON *fresh)
{
	struct cJSON *changes = json_new(a, JSON_OBJECT), *patch = json_new(a, JSON_OBJECT);

	json_each (value, fresh) {
		struct str key = json_key(value);

		if (str_eq(key, STR("conditions")))
			patch_conditions(a, json_get(old, key), value, changes);
		else if (!is_foreign(key) && !json_equal(json_get(old, key), value))
			json_set(a, changes, key,
				is_merged(key) ? replacement(a, json_get(old, key), value)
					       : json_copy(a, value));
	}
	json_each (value, old)
		if (!is_foreign(json_key(value)) && !json_get(fresh, json_key(value)))
			json_set(a, changes, json_key(value), json_new(a, JSON_NULL));
	if (!json_count(changes))
		return NULL;
	tree_set_str(a, patch, "metadata.uid", uid);
	json_set(a, patch, STR("status"), changes);
	return patch;
}
