#include "pod_admission.h"
#include "eviction.h"
#include "pod_view.h"

#include <kube/api_codec.h>
#include <kube/pods.h>
#include <kube/quantity.h>

#define OS_LABEL "kubernetes.io/os"

/* ---- amounts ---- */

static struct quantity amount(const struct cJSON *list, struct str name)
{
	struct quantity q = {0};
	struct str text = json_str(json_get(list, name));

	if (text.len && quantity_parse(text, &q, NULL))
		q = (struct quantity){0};
	return q;
}

/* As numbers in messages are: cores by the thousandth, all else whole. */
static int64_t shown(struct str name, struct quantity q)
{
	return str_eq(name, STR("cpu")) ? quantity_milli(q) : quantity_value(q);
}

struct room {
	struct pod_shortage *shortages;
	size_t count;
	struct str reason, message; /* of the first */
};

static void look_at(
	struct arena *a, const struct pod_admission *in, struct str name, struct room *room)
{
	int64_t most = shown(name, amount(in->allocatable, name)), used = 0;
	int64_t wanted = pod_asks(in->pod, name);

	for (size_t i = 0; i < in->other_count; i++)
		used += pod_asks(in->others[i], name);
	if (wanted <= 0 || used + wanted <= most)
		return;
	room->shortages[room->count++] = (struct pod_shortage){name, used + wanted - most};
	if (room->count > 1)
		return;
	room->reason = arena_print(a, "OutOf%.*s", STRF(name));
	room->message = arena_print(a,
		"Node didn't have enough resource: %.*s, requested: %lld, used: %lld, capacity: "
		"%lld",
		STRF(name), (long long)wanted, (long long)used, (long long)most);
}

static struct room look_for_room(struct arena *a, const struct pod_admission *in)
{
	static const struct str first[] = {STR_INIT("pods"), STR_INIT("cpu"), STR_INIT("memory"),
		STR_INIT("ephemeral-storage")};
	struct room room = {0};
	size_t most = (size_t)json_count(in->allocatable) + ARRAY_LEN(first);

	room.shortages = arena_alloc(a, most * sizeof(*room.shortages));
	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		if (i == 0 || json_get(in->allocatable, first[i]))
			look_at(a, in, first[i], &room);
	json_each (item, in->allocatable) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_LEN(first); i++)
			known |= str_eq(json_key(item), first[i]);
		if (!known)
			look_at(a, in, json_key(item), &room);
	}
	return room;
}

/* ---- the node's labels ---- */

static bool is_among(const struct cJSON *values, struct str value)
{
	json_each (item, values)
		if (str_eq(json_str(item), value))
			return true;
	return false;
}

static bool holds(const struct cJSON *requirement, const struct cJSON *label)
{
	struct str op = tree_str(requirement, "operator");
	const struct cJSON *values = json_get(requirement, STR("values"));
	int64_t has, limit;

	if (str_eq(op, STR("Exists")))
		return label != NULL;
	if (str_eq(op, STR("DoesNotExist")))
		return !label;
	if (str_eq(op, STR("In")))
		return label && is_among(values, json_str(label));
	if (str_eq(op, STR("NotIn")))
		return !label || !is_among(values, json_str(label));
	if (!label || !str_to_i64(json_str(label), &has) ||
		!str_to_i64(json_str(json_at(values, 0)), &limit))
		return false;
	return str_eq(op, STR("Gt")) ? has > limit : has < limit;
}

static bool term_holds(const struct cJSON *term, const struct cJSON *node)
{
	const struct cJSON *labels = json_path(node, "metadata.labels");
	const struct cJSON *expressions = json_get(term, STR("matchExpressions"));
	const struct cJSON *fields = json_get(term, STR("matchFields"));

	/* A term that says nothing is for no node. */
	if (!json_count(expressions) && !json_count(fields))
		return false;
	json_each (r, expressions)
		if (!holds(r, json_get(labels, tree_str(r, "key"))))
			return false;
	json_each (r, fields)
		if (!holds(r, json_path(node, "metadata.name")))
			return false;
	return true;
}

static bool likes_node(const struct cJSON *pod, const struct cJSON *node)
{
	const struct cJSON *labels = json_path(node, "metadata.labels");
	const struct cJSON *terms = json_path(pod,
		"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		"nodeSelectorTerms");
	bool any = !terms;

	json_each (wish, json_path(pod, "spec.nodeSelector"))
		if (!json_get(labels, json_key(wish)) ||
			!str_eq(json_str(json_get(labels, json_key(wish))), json_str(wish)))
			return false;
	json_each (term, terms)
		any |= term_holds(term, node);
	return any;
}

/* ---- ports of the node ---- */

static struct str text_or(const struct cJSON *object, const char *key, const char *otherwise)
{
	struct str text = tree_str(object, key);

	return text.len ? text : str_from(otherwise);
}

static bool ports_clash(const struct cJSON *one, const struct cJSON *other)
{
	static const struct str any = STR_INIT("0.0.0.0");
	int64_t port = tree_int(one, "hostPort", 0);
	struct str ip = text_or(one, "hostIP", "0.0.0.0");
	struct str ip_of_other = text_or(other, "hostIP", "0.0.0.0");

	return port > 0 && port == tree_int(other, "hostPort", 0) &&
	       str_eq(text_or(one, "protocol", "TCP"), text_or(other, "protocol", "TCP")) &&
	       (str_eq(ip, any) || str_eq(ip_of_other, any) || str_eq(ip, ip_of_other));
}

/* Of the containers that run along: what runs at the beginning alone has its ports later. */
static size_t collect_ports(struct arena *a, const struct cJSON *pod, const struct cJSON ***out)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers"};
	size_t count = 0, most = 0;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (c, json_path(pod, lists[i]))
			most += json_count(json_get(c, STR("ports")));
	*out = arena_alloc(a, (most + 1) * sizeof(**out));
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (c, json_path(pod, lists[i]))
			if (i == 0 || container_is_sidecar(c))
				json_each (port, json_get(c, STR("ports")))
					if (tree_int(port, "hostPort", 0) > 0)
						(*out)[count++] = port;
	return count;
}

static bool ports_are_free(struct arena *a, const struct pod_admission *in)
{
	const struct cJSON **own, **taken;
	size_t own_count = collect_ports(a, in->pod, &own);

	for (size_t i = 0; own_count && i < in->other_count; i++) {
		size_t count = collect_ports(a, in->others[i], &taken);

		for (size_t k = 0; k < own_count * count; k++)
			if (ports_clash(own[k / count], taken[k % count]))
				return false;
	}
	return true;
}

/* ---- taints ---- */

static bool covers(const struct cJSON *toleration, const struct cJSON *taint)
{
	struct str effect = tree_str(toleration, "effect"), key = tree_str(toleration, "key");

	if (effect.len && !str_eq(effect, tree_str(taint, "effect")))
		return false;
	if (key.len && !str_eq(key, tree_str(taint, "key")))
		return false;
	if (str_eq(tree_str(toleration, "operator"), STR("Exists")))
		return true;
	return key.len && str_eq(tree_str(toleration, "value"), tree_str(taint, "value"));
}

/* A taint that only keeps new ones away is the scheduler's affair. */
static bool bears_taints(const struct pod_admission *in)
{
	json_each (taint, json_path(in->node, "spec.taints")) {
		bool borne = !str_eq(tree_str(taint, "effect"), STR("NoExecute"));

		json_each (toleration, json_path(in->pod, "spec.tolerations"))
			borne |= covers(toleration, taint);
		if (!borne)
			return false;
	}
	return true;
}

/* ---- the system ---- */

static bool is_for_linux(const struct cJSON *pod, struct str *reason, struct str *message)
{
	struct str os = json_str(json_get(json_path(pod, "metadata.labels"), STR(OS_LABEL)));

	if (os.len && !str_eq(os, STR("linux"))) {
		*reason = STR("PodOSSelectorNodeLabelDoesNotMatch");
		*message = STR(
			"Failed to admit pod as the `" OS_LABEL "` label doesn't match node label");
		return false;
	}
	os = tree_str(pod, "spec.os.name");
	if (!os.len || str_eq(os, STR("linux")))
		return true;
	*reason = STR("PodOSNotSupported");
	*message = STR("Failed to admit pod as the OS field doesn't match node OS");
	return false;
}

/* ---- profiles ---- */

static bool wants_profile(const struct cJSON *security)
{
	struct str type = tree_str(security, "appArmorProfile.type");

	return type.len && !str_eq(type, STR("Unconfined"));
}

static bool any_wants_profile(const struct cJSON *spec)
{
	static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};

	if (wants_profile(json_get(spec, STR("securityContext"))))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_get(spec, str_from(lists[i])))
			if (wants_profile(json_get(container, STR("securityContext"))))
				return true;
	return false;
}

/* What runs already does so as it can. */
static bool profiles_can_be_had(
	const struct pod_admission *in, struct str *reason, struct str *message)
{
	if (in->apparmor ||
		!str_eq(text_or(json_get(in->pod, STR("status")), "phase", "Pending"),
			STR("Pending")) ||
		!any_wants_profile(json_get(in->pod, STR("spec"))))
		return true;
	*reason = STR("AppArmor");
	*message = STR("Cannot enforce AppArmor: AppArmor is not enabled on the host");
	return false;
}

/* ---- all of it, in upstream's order ---- */

static bool suits_node(
	struct arena *a, const struct pod_admission *in, struct str *reason, struct str *message)
{
	const struct {
		bool holds;
		const char *name, *why;
	} predicates[] = {
		{likes_node(in->pod, in->node), "NodeAffinity",
			"node(s) didn't match Pod's node affinity/selector"},
		{ports_are_free(a, in), "NodePorts",
			"node(s) didn't have free ports for the requested pod ports"},
		{pod_is_static(in->pod) || bears_taints(in), "TaintToleration",
			"node(s) had taints that the pod didn't tolerate"},
	};

	for (size_t i = 0; i < ARRAY_LEN(predicates); i++)
		if (!predicates[i].holds) {
			*reason = str_from(predicates[i].name);
			*message = arena_print(a, "Predicate %s failed: %s", predicates[i].name,
				predicates[i].why);
			return false;
		}
	return true;
}

/* Nothing but room is missing, and that can be had from others. */
static bool makes_room(struct arena *a, const struct pod_admission *in, const struct room *room,
	struct pod_victims *victims, struct str *reason, struct str *message)
{
	struct str failure;

	if (pod_victims_choose(a, in->pod, in->others, in->other_count, room->shortages,
		    room->count, victims, &failure))
		return true;
	*reason = STR("UnexpectedAdmissionError");
	*message = arena_print(a,
		"Unexpected error while attempting to recover from admission failure: preemption: "
		"error finding a set of pods to preempt: %.*s",
		STRF(failure));
	return false;
}

bool pod_is_admitted(struct arena *a, const struct pod_admission *in, struct pod_victims *victims,
	struct str *reason, struct str *message)
{
	*victims = (struct pod_victims){0};
	if (!eviction_admits(a, in->pressure, in->pod, message)) {
		*reason = STR("Evicted");
		return false;
	}
	if (!sysctls_are_allowed(a, in->pod, in->unsafe_sysctls, message)) {
		*reason = STR("SysctlForbidden");
		return false;
	}
	if (!is_for_linux(in->pod, reason, message))
		return false;
	struct room room = look_for_room(a, in);
	if (room.count && !pod_is_critical(in->pod)) {
		*reason = room.reason;
		*message = room.message;
		return false;
	}
	return suits_node(a, in, reason, message) && profiles_can_be_had(in, reason, message) &&
	       (!room.count || makes_room(a, in, &room, victims, reason, message));
}

/* ---- resizes ---- */

bool pod_can_ever_fit(struct arena *a, const struct pod_admission *in, struct str *message)
{
	static const struct str names[] = {STR_INIT("memory"), STR_INIT("cpu")};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		int64_t most = shown(names[i], amount(in->allocatable, names[i]));
		int64_t wanted = pod_asks(in->pod, names[i]);

		if (wanted <= most)
			continue;
		*message = arena_print(a,
			"Node didn't have enough capacity: %.*s, requested: %lld, capacity: %lld",
			STRF(names[i]), (long long)wanted, (long long)most);
		return false;
	}
	return true;
}

bool pod_fits(struct arena *a, const struct pod_admission *in, struct str *message)
{
	struct room room = look_for_room(a, in);

	*message = room.message;
	return room.count == 0;
}
