#include "pod_status_parts.h"

#include <kube/api_codec.h>

struct fresh {
	const char *type;
	bool holds;
	struct str reason, message;
	int64_t generation; /* 0: the pod's */
};

/* ---- names, as Go prints lists ---- */

struct names {
	struct buf text;
	size_t count;
};

static void names_add(struct names *n, struct str name)
{
	buf_print(&n->text, "%s%.*s", n->count++ ? " " : "", STRF(name));
}

/* `containers with unready status: [a b]`, parts joined by ", ". */
static struct str complain(
	struct arena *a, struct names *unknown, const char *how, struct names *others)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	if (unknown->count)
		buf_print(&text, "containers with unknown status: [%s]", buf_text(&unknown->text));
	if (others->count)
		buf_print(&text, "%scontainers with %s status: [%s]", text.len ? ", " : "", how,
			buf_text(&others->text));
	buf_done(&unknown->text);
	buf_done(&others->text);
	return arena_str(a, buf_str(&text));
}

#define NAMES_INIT                                                                                 \
	{                                                                                          \
		.text = BUF_INIT(32 * KIB)                                                         \
	}

/* ---- the rules ---- */

static struct fresh containers_ready(
	struct arena *a, const struct pod_view *v, const struct cJSON *status, struct str phase)
{
	struct fresh f = {.type = "ContainersReady"};
	struct names unknown = NAMES_INIT, unready = NAMES_INIT;
	static const char *const lists[] = {"spec.initContainers", "spec.containers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(v->pod, lists[i])) {
			struct str name = tree_str(container, "name");
			const struct cJSON *entry = status_entry(status, name);

			if (i == 0 && !container_is_sidecar(container))
				continue;
			if (!entry)
				names_add(&unknown, name);
			else if (!tree_true(entry, "ready"))
				names_add(&unready, name);
		}
	bool all_known = !unknown.count;
	f.message = complain(a, &unknown, "unready", &unready);
	if (str_eq(phase, STR("Succeeded")) && all_known) {
		f.reason = STR("PodCompleted");
		f.message = STR("");
	} else if (str_eq(phase, STR("Failed"))) {
		f.reason = STR("PodFailed");
		f.message = STR("");
	} else if (f.message.len) {
		f.reason = STR("ContainersNotReady");
	} else {
		f.holds = true;
	}
	return f;
}

static const struct cJSON *condition_in(const struct cJSON *list, struct str type)
{
	json_each (condition, list)
		if (str_eq(tree_str(condition, "type"), type))
			return condition;
	return NULL;
}

static struct fresh pod_ready(
	struct arena *a, const struct pod_view *v, const struct fresh *containers)
{
	struct fresh f = *containers;
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	f.type = "Ready";
	if (!f.holds)
		return f;
	json_each (gate, json_path(v->pod, "spec.readinessGates")) {
		struct str type = tree_str(gate, "conditionType");
		const struct cJSON *condition =
			condition_in(json_path(v->pod, "status.conditions"), type);

		if (!condition)
			buf_print(&text,
				"%scorresponding condition of pod readiness gate \"%.*s\" does "
				"not exist.",
				text.len ? ", " : "", STRF(type));
		else if (!str_eq(tree_str(condition, "status"), STR("True")))
			buf_print(&text,
				"%sthe status of pod readiness gate \"%.*s\" is not \"True\", but "
				"%.*s",
				text.len ? ", " : "", STRF(type),
				STRF(tree_str(condition, "status")));
	}
	if (text.len) {
		f.holds = false;
		f.reason = STR("ReadinessGatesNotReady");
		f.message = arena_str(a, buf_str(&text));
	}
	return f;
}

static struct fresh initialized(
	struct arena *a, const struct pod_view *v, const struct cJSON *status, struct str phase)
{
	struct fresh f = {.type = "Initialized", .holds = true};
	struct names unknown = NAMES_INIT, incomplete = NAMES_INIT;

	json_each (container, json_path(v->pod, "spec.initContainers")) {
		struct str name = tree_str(container, "name");
		const struct cJSON *entry = status_entry(status, name);
		const char *wanted = container_is_sidecar(container) ? "started" : "ready";

		if (!entry)
			names_add(&unknown, name);
		else if (!tree_true(entry, wanted))
			names_add(&incomplete, name);
	}
	bool all_known = !unknown.count;
	struct str message = complain(a, &unknown, "incomplete", &incomplete);
	if (str_eq(phase, STR("Succeeded")) && all_known) {
		f.reason = STR("PodCompleted");
	} else if (message.len && !any_main_started(v->pod, status)) {
		f.holds = false;
		f.reason = STR("ContainersNotInitialized");
		f.message = message;
	}
	return f;
}

static struct fresh restarting(const struct pod_view *v, struct str phase)
{
	struct fresh f = {.type = "AllContainersRestarting"};

	if (str_eq(phase, STR("Succeeded"))) {
		f.reason = STR("PodCompleted");
	} else if (str_eq(phase, STR("Failed"))) {
		f.reason = STR("PodFailed");
	} else if (pod_restarts_all(v)) {
		f.holds = true;
		f.reason = STR("RestartAllContainersStarted");
		f.message = STR("container exited with restart policy rule");
	}
	return f;
}

/* ---- writing ---- */

static void add_condition(struct arena *a, const struct pod_status_input *in, struct cJSON *list,
	const struct fresh *f)
{
	const struct cJSON *old =
		condition_in(json_get(in->old, STR("conditions")), str_from(f->type));
	struct cJSON *c = json_new(a, JSON_OBJECT);
	int64_t generation =
		f->generation ? f->generation : tree_int(in->view->pod, "metadata.generation", 0);
	struct str status = f->holds ? STR("True") : STR("False");

	tree_set_str(a, c, "type", str_from(f->type));
	if (generation)
		tree_set_int(a, c, "observedGeneration", generation);
	tree_set_str(a, c, "status", status);
	json_set(a, c, STR("lastProbeTime"), json_new(a, JSON_NULL));
	tree_set_str(a, c, "lastTransitionTime",
		old && str_eq(tree_str(old, "status"), status) &&
				tree_str(old, "lastTransitionTime").len
			? tree_str(old, "lastTransitionTime")
			: status_time(a, in->view->now));
	if (f->reason.len)
		tree_set_str(a, c, "reason", f->reason);
	if (f->message.len)
		tree_set_str(a, c, "message", f->message);
	json_append(list, c);
}

static bool is_ours(struct str type)
{
	static const char *const ours[] = {"PodReadyToStartContainers", "Initialized", "Ready",
		"ContainersReady", "PodScheduled", "PodResizePending", "PodResizeInProgress",
		"AllContainersRestarting"};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (str_eq_text(type, ours[i]))
			return true;
	return false;
}

static void add_resize(struct arena *a, const struct pod_status_input *in, struct cJSON *list)
{
	const struct resize_told *r = in->resize;

	if (r->pending)
		add_condition(a, in, list,
			&(struct fresh){.type = "PodResizePending",
				.holds = true,
				.reason = str_from(r->pending),
				.message = r->pending_message,
				.generation = r->pending_generation});
	if (r->in_progress)
		add_condition(a, in, list,
			&(struct fresh){.type = "PodResizeInProgress",
				.holds = true,
				.reason = r->error.len ? STR("Error") : STR(""),
				.message = r->error,
				.generation = r->generation});
}

void pod_status_conditions(struct arena *a, const struct pod_status_input *in, struct cJSON *status)
{
	const struct pod_view *v = in->view;
	struct cJSON *list = json_new(a, JSON_ARRAY);
	struct str phase = tree_str(status, "phase");

	json_each (condition, json_path(v->pod, "status.conditions"))
		if (!is_ours(tree_str(condition, "type")))
			json_append(list, json_copy(a, condition));
	if (in->disruption.len && in->terminal && !condition_in(list, STR("DisruptionTarget")))
		add_condition(a, in, list,
			&(struct fresh){.type = "DisruptionTarget",
				.holds = true,
				.reason = STR("TerminationByKubelet"),
				.message = in->disruption});
	if (in->resize && !in->terminal)
		add_resize(a, in, list);
	const struct fresh containers = containers_ready(a, v, status, phase);
	const struct fresh all[] = {
		{.type = "PodReadyToStartContainers", .holds = pod_view_sandbox(v) != NULL},
		initialized(a, v, status, phase),
		pod_ready(a, v, &containers),
		containers,
		{.type = "PodScheduled", .holds = true},
	};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		add_condition(a, in, list, &all[i]);
	if (pod_may_restart_all(v->pod)) {
		const struct fresh f = restarting(v, phase);

		add_condition(a, in, list, &f);
	}
	json_set(a, status, STR("conditions"), list);
}
