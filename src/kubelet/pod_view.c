#include "pod_view.h"

#include <kube/api_codec.h>
#include <kube/hash.h>
#include <kube/time.h>

#include <stdlib.h>

#define BACK_OFF_FIRST  (10 * SEC)
#define BACK_OFF_FORGET (600 * SEC)

/* ---- back-off ---- */

static bool is_forgotten(const struct back_off *b, int64_t since)
{
	return !b->delay || since - b->updated > BACK_OFF_FORGET;
}

int64_t back_off_until(const struct back_off *b, int64_t since, int64_t now)
{
	int64_t until = since + b->delay;

	return is_forgotten(b, since) || !time_waits(until, b->delay + SEC, now) ? 0 : until;
}

void back_off_next(struct back_off *b, int64_t since, int64_t now, int64_t most)
{
	b->delay = MIN(is_forgotten(b, since) ? BACK_OFF_FIRST : 2 * b->delay, most);
	b->updated = now;
}

/* ---- order ---- */

static int newer_sandbox(const void *a, const void *b)
{
	const struct sandbox *x = *(const struct sandbox *const *)a;
	const struct sandbox *y = *(const struct sandbox *const *)b;

	/* The count is surer than a clock that may jump. */
	if (x->attempt != y->attempt)
		return x->attempt < y->attempt ? 1 : -1;
	if (x->created != y->created)
		return x->created < y->created ? 1 : -1;
	return str_cmp(x->id, y->id);
}

static int newer_container(const void *a, const void *b)
{
	const struct container *x = *(const struct container *const *)a;
	const struct container *y = *(const struct container *const *)b;

	/* Of one name the count of restarts is surer than a clock that may jump. */
	if (str_eq(x->name, y->name) && x->attempt != y->attempt)
		return x->attempt < y->attempt ? 1 : -1;
	if (x->created != y->created)
		return x->created < y->created ? 1 : -1;
	return str_cmp(x->id, y->id);
}

void pod_view_sort_sandboxes(const struct sandbox **list, size_t count)
{
	if (count)
		qsort(list, count, sizeof(*list), newer_sandbox);
}

void pod_view_sort_containers(const struct container **list, size_t count)
{
	if (count)
		qsort(list, count, sizeof(*list), newer_container);
}

/* ---- looking ---- */

const struct container *pod_view_container(const struct pod_view *v, struct str name)
{
	const struct container *newest = NULL;

	/* The order above is none between names when clocks jump: the largest attempt it is. */
	for (size_t i = 0; i < v->container_count; i++)
		if (str_eq(v->containers[i]->name, name) &&
			(!newest || v->containers[i]->attempt > newest->attempt))
			newest = v->containers[i];
	return newest;
}

const struct container_note *pod_view_note(const struct pod_view *v, struct str name)
{
	for (size_t i = 0; i < v->note_count; i++)
		if (str_eq(v->notes[i].name, name))
			return &v->notes[i];
	return NULL;
}

enum verdict pod_view_verdict(
	const struct pod_view *v, const struct container *c, enum probe_kind kind)
{
	const struct container_note *note = pod_view_note(v, c->name);

	return note && str_eq(note->id, c->id) ? note->verdicts[kind] : VERDICT_NONE;
}

static bool uses_host_network(const struct cJSON *pod)
{
	return tree_true(pod, "spec.hostNetwork");
}

const struct sandbox *pod_view_sandbox(const struct pod_view *v)
{
	const struct sandbox *s = v->sandbox_count ? v->sandboxes[0] : NULL;
	size_t ready = 0;

	for (size_t i = 0; i < v->sandbox_count; i++)
		ready += v->sandboxes[i]->state == SANDBOX_READY;
	if (!s || s->state != SANDBOX_READY || ready > 1)
		return NULL;
	return s->ip_count || uses_host_network(v->pod) ? s : NULL;
}

bool pod_is_static(const struct cJSON *pod)
{
	struct str source = json_str(json_get(
		json_path(pod, "metadata.annotations"), STR("kubernetes.io/config.source")));

	return source.len && !str_eq(source, STR("api"));
}

bool pod_is_deleted(const struct cJSON *pod)
{
	return tree_has(pod, "metadata.deletionTimestamp");
}

bool container_is_sidecar(const struct cJSON *init_container)
{
	return str_eq(tree_str(init_container, "restartPolicy"), STR("Always"));
}

bool container_has_probe(const struct cJSON *container, enum probe_kind kind)
{
	static const char *const names[] = {"startupProbe", "readinessProbe", "livenessProbe"};

	return tree_has(container, names[kind]);
}

static bool rule_matches(const struct cJSON *rule, int32_t exit_code)
{
	struct str how = tree_str(rule, "exitCodes.operator");
	bool among = false;

	json_each (value, json_path(rule, "exitCodes.values")) {
		int64_t code;

		among |= json_int(value, &code) && code == exit_code;
	}
	return str_eq(how, STR("In")) ? among : str_eq(how, STR("NotIn")) && !among;
}

const struct cJSON *container_rule(const struct cJSON *container, int32_t exit_code)
{
	json_each (rule, json_get(container, STR("restartPolicyRules")))
		if (rule_matches(rule, exit_code))
			return rule;
	return NULL;
}

bool container_restarts(const struct cJSON *pod, const struct cJSON *container, int32_t exit_code)
{
	struct str own = tree_str(container, "restartPolicy");
	struct str policy = own.len ? own : tree_str(pod, "spec.restartPolicy");
	const struct cJSON *rule = own.len ? container_rule(container, exit_code) : NULL;

	if (rule)
		return str_starts(tree_str(rule, "action"), STR("Restart"));
	if (str_eq(policy, STR("Never")))
		return false;
	return !str_eq(policy, STR("OnFailure")) || exit_code != 0;
}

bool container_is_due(const struct pod_view *v, const struct cJSON *container)
{
	const struct container *c = pod_view_container(v, tree_str(container, "name"));

	if (pod_is_deleted(v->pod))
		return false;
	if (!c)
		return true;
	if (c->state == CONTAINER_RUNNING)
		return false;
	if (c->state != CONTAINER_EXITED)
		return true;
	return container_restarts(v->pod, container, c->exit_code);
}

struct str pod_title(struct arena *a, const struct cJSON *pod)
{
	return arena_print(a, "%.*s_%.*s(%.*s)", STRF(tree_str(pod, "metadata.name")),
		STRF(tree_str(pod, "metadata.namespace")), STRF(tree_str(pod, "metadata.uid")));
}

struct str container_hash(struct arena *a, const struct cJSON *container)
{
	struct str what = arena_print(a, "%.*s\n%.*s", STRF(tree_str(container, "name")),
		STRF(tree_str(container, "image")));

	return arena_print(a, "%x", hash_fnv32a(what));
}

struct str pair_get(const struct runtime_pairs *pairs, struct str key)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (str_eq(pairs->items[i].key, key))
			return pairs->items[i].value;
	return STR("");
}
