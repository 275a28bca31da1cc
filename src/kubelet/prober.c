#include "prober.h"
#include "probe.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/time.h>

/* A command that cannot be run is tried so often at once. */
#define RETRIES 3

static const char *const members[PROBE_KINDS] = {"startupProbe", "readinessProbe", "livenessProbe"};
static const char *const titles[PROBE_KINDS] = {"Startup", "Readiness", "Liveness"};

struct prober {
	struct link in_worker;
	struct pod_worker *w; /* NULL: nobody waits for it any more */
	struct kubelet *k;
	enum probe_kind kind;
	struct str name, id;
	int64_t started, asked; /* wall; asked 0: not yet */
	int64_t delay;          /* before the first one, after a start of the kubelet */
	struct prober_count count;
	int64_t results[PROBE_ERROR + 1]; /* by outcome */
	int retries;
	bool held, waiting, asking;
	struct op op;
	struct probe probe;
	struct pod_state *state; /* while asking */
	struct arena arena;      /* of one question */
	struct arena names;
};

/* ---- decisions ---- */

enum verdict prober_take(struct prober_count *c, const struct cJSON *spec, bool good)
{
	enum verdict now = good ? VERDICT_SUCCESS : VERDICT_FAILURE;
	int64_t threshold =
		tree_int(spec, good ? "successThreshold" : "failureThreshold", good ? 1 : 3);

	c->run = c->last == now ? c->run + 1 : 1;
	c->last = now;
	return c->run >= threshold ? now : VERDICT_NONE;
}

int64_t prober_due(const struct cJSON *spec, int64_t started, int64_t last, int64_t now)
{
	int64_t period = MAX(tree_int(spec, "periodSeconds", 10), 1) * SEC;
	int64_t wait = last ? period : tree_int(spec, "initialDelaySeconds", 0) * SEC;
	int64_t due = (last ? last : started) + wait;

	return time_waits(due, wait + SEC, now) ? due : now;
}

/* ---- one ---- */

static void wait_for_turn(struct prober *p);

static void prober_free(struct prober *p)
{
	pod_state_unref(p->state);
	arena_done(&p->arena);
	arena_done(&p->names);
	mem_free(p);
}

/* Nobody asks for it: it goes at once, or when what is in flight has come back. */
static void drop(struct prober *p)
{
	link_remove(&p->in_worker);
	p->w = NULL;
	if (p->waiting || p->asking)
		op_cancel(&p->op);
	else
		prober_free(p);
}

static const struct cJSON *container_spec(const struct prober *p, const struct cJSON *pod)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i]))
			if (str_eq(tree_str(container, "name"), p->name))
				return container;
	return NULL;
}

static void judge(struct prober *p, const struct cJSON *spec, bool good)
{
	struct container_note *note = pod_worker_note(p->w, p->name);
	enum verdict verdict = prober_take(&p->count, spec, good);

	if (!verdict || !str_eq(note->id, p->id))
		return;
	bool changed = note->verdicts[p->kind] != verdict;
	note->verdicts[p->kind] = verdict;
	/* These are answered by a new container, or for good. */
	if (p->kind == PROBE_STARTUP || (p->kind == PROBE_LIVENESS && !good))
		p->held = true;
	if (changed)
		pod_worker_wake(p->w);
}

static void say(struct prober *p, const struct cJSON *container, const char *reason,
	const char *what, struct str text)
{
	_cleanup_(buf_done) struct buf message = BUF_INIT(16 * KIB);

	buf_print(&message, "%s probe %s: %.*s", titles[p->kind], what, STRF(text));
	kubelet_event(p->k, p->state->pod, container, "Warning", reason, buf_str(&message));
}

static void take_answer(struct prober *p, const struct cJSON *container)
{
	const struct cJSON *spec = json_get(container, str_from(members[p->kind]));
	struct str text = p->probe.text;

	p->results[p->probe.outcome]++;
	switch (p->probe.outcome) {
	case PROBE_GOOD:
		judge(p, spec, true);
		return;
	case PROBE_WARNING:
		say(p, container, "ProbeWarning", "warning", text);
		judge(p, spec, true);
		return;
	case PROBE_BAD:
		say(p, container, "Unhealthy", "failed", text);
		judge(p, spec, false);
		return;
	case PROBE_ERROR:
		/* It says nothing about the container: the next one is waited for. */
		if (p->retries >= RETRIES)
			say(p, container, "Unhealthy", "errored and resulted in unknown state",
				text);
		return;
	}
}

static void answered(struct op *op, struct err *err)
{
	struct prober *p = CONTAINER_OF(op, struct prober, op);

	p->asking = false;
	if (p->w && !err->code)
		take_answer(p, p->probe.container);
	bool again = p->w && !err->code && p->probe.outcome == PROBE_ERROR && p->retries < RETRIES;
	probe_done(&p->probe);
	pod_state_unref(TAKE(p->state));
	if (!p->w) {
		prober_free(p);
		return;
	}
	p->retries = again ? p->retries + 1 : 0;
	if (again)
		p->asked = 0;
	wait_for_turn(p);
}

static void ask(struct prober *p)
{
	struct kubelet *k = p->k;

	arena_done(&p->arena);
	arena_init(&p->arena);
	p->state = pod_state_ref(p->w->state);
	const struct cJSON *container = container_spec(p, p->state->pod);
	const struct cJSON *spec = json_get(container, str_from(members[p->kind]));
	p->asked = env_wall(kubelet_env(k));
	p->probe = (struct probe){.k = k,
		.handler = spec,
		.container = container,
		.id = p->id,
		.ip = pod_worker_ip(p->w, &p->arena),
		.timeout = MAX(tree_int(spec, "timeoutSeconds", 1), 1) * SEC,
		.user_agent = "kube-probe/1.36"};
	p->asking = true;
	op_init(&p->op, &k->scope, answered, OP_NO_DEADLINE);
	probe_start(&p->probe, &p->op);
}

static void turn_has_come(struct op *op, struct err *err)
{
	struct prober *p = CONTAINER_OF(op, struct prober, op);

	p->waiting = false;
	if (!p->w)
		prober_free(p);
	else if (!err->code)
		ask(p);
}

/* The others wait for the startup probe's verdict. */
static bool has_turn(const struct prober *p)
{
	const struct cJSON *container = container_spec(p, p->w->state->pod);
	const struct container_note *note = pod_worker_note(p->w, p->name);

	if (p->held || scope_closing(&p->k->scope) || !tree_has(container, members[p->kind]))
		return false;
	return p->kind == PROBE_STARTUP || !container_has_probe(container, PROBE_STARTUP) ||
	       note->verdicts[PROBE_STARTUP] == VERDICT_SUCCESS;
}

static void wait_for_turn(struct prober *p)
{
	if (p->waiting || p->asking || !has_turn(p))
		return;
	const struct cJSON *spec =
		json_get(container_spec(p, p->w->state->pod), str_from(members[p->kind]));
	int64_t now = env_wall(kubelet_env(p->k));
	int64_t in = prober_due(spec, p->started, p->asked, now) - now + p->delay;

	p->delay = 0;
	p->waiting = true;
	op_init(&p->op, &p->k->scope, turn_has_come, OP_NO_DEADLINE);
	timer_wait(&p->op, loop_in(kubelet_loop(p->k), in));
}

/* ---- all ---- */

static struct prober *find(const struct pod_worker *w, struct str id, enum probe_kind kind)
{
	list_each (l, &w->probers) {
		struct prober *p = LIST_ENTRY(l, struct prober, in_worker);

		if (p->kind == kind && str_eq(p->id, id))
			return p;
	}
	return NULL;
}

/* Probes of what ran before the kubelet began do not all come at once. */
static int64_t first_delay(struct kubelet *k, const struct container *c, const struct cJSON *spec)
{
	uint64_t random;
	uint64_t period = (uint64_t)(MAX(tree_int(spec, "periodSeconds", 10), 1) * SEC);

	if (c->started >= k->began)
		return 0;
	env_random(kubelet_env(k), &random, sizeof(random));
	return (int64_t)(random % period);
}

static void begin(struct pod_worker *w, const struct container *c, const struct cJSON *spec,
	enum probe_kind kind)
{
	struct prober *p = mem_new(sizeof(*p));

	arena_init(&p->arena);
	arena_init(&p->names);
	p->w = w;
	p->k = w->k;
	p->kind = kind;
	p->name = arena_str(&p->names, c->name);
	p->id = arena_str(&p->names, c->id);
	p->started = c->started;
	p->delay = first_delay(w->k, c, spec);
	list_push(&w->probers, &p->in_worker);
}

/* What the API was told of a container that ran before the kubelet began still holds. */
static void remember(struct pod_worker *w, struct container_note *note, const struct container *c)
{
	static const char *const lists[] = {
		"status.containerStatuses", "status.initContainerStatuses"};

	for (size_t i = 0; c->started < w->k->began && i < ARRAY_LEN(lists); i++)
		json_each (status, json_path(w->state->pod, lists[i])) {
			if (!str_ends(tree_str(status, "containerID"), c->id))
				continue;
			if (tree_true(status, "ready"))
				note->verdicts[PROBE_READINESS] = VERDICT_SUCCESS;
			if (tree_true(status, "started"))
				note->verdicts[PROBE_STARTUP] = VERDICT_SUCCESS;
		}
}

static void take_container(struct pod_worker *w, const struct container *c)
{
	struct container_note *note = pod_worker_note(w, c->name);

	if (str_eq(note->id, c->id))
		return;
	list_each_safe (l, &w->probers) {
		struct prober *p = LIST_ENTRY(l, struct prober, in_worker);

		if (str_eq(p->name, c->name))
			drop(p);
	}
	mem_free((void *)note->id.at);
	note->id = str_make(str_dup(c->id), c->id.len);
	memset(note->verdicts, 0, sizeof(note->verdicts));
	remember(w, note, c);
}

static bool still_runs(const struct pod_view *v, const struct prober *p)
{
	const struct container *c = pod_view_container(v, p->name);

	return c && str_eq(c->id, p->id) && c->state == CONTAINER_RUNNING;
}

static void sync_container(
	struct pod_worker *w, const struct pod_view *v, const struct cJSON *container)
{
	const struct container *c = pod_view_container(v, tree_str(container, "name"));

	if (!c || c->state != CONTAINER_RUNNING)
		return;
	take_container(w, c);
	for (int kind = 0; kind < PROBE_KINDS; kind++) {
		const struct cJSON *spec = json_get(container, str_from(members[kind]));
		struct container_note *note = pod_worker_note(w, c->name);

		if (!spec || (kind != PROBE_READINESS && w->life != LIFE_SYNC) ||
			(kind == PROBE_STARTUP && note->verdicts[kind] == VERDICT_SUCCESS))
			continue;
		if (!find(w, c->id, (enum probe_kind)kind))
			begin(w, c, spec, (enum probe_kind)kind);
		wait_for_turn(find(w, c->id, (enum probe_kind)kind));
	}
}

void probers_sync(struct pod_worker *w, const struct pod_view *v)
{
	list_each_safe (l, &w->probers) {
		struct prober *p = LIST_ENTRY(l, struct prober, in_worker);
		/* Who is about to end need not prove that it lives. */
		bool pointless = w->life != LIFE_SYNC && p->kind != PROBE_READINESS;

		if (pointless || !still_runs(v, p))
			drop(p);
	}
	json_each (container, json_path(v->pod, "spec.initContainers"))
		if (container_is_sidecar(container))
			sync_container(w, v, container);
	json_each (container, json_path(v->pod, "spec.containers"))
		sync_container(w, v, container);
}

static void print_result(const struct pod_worker *w, const struct prober *p, const char *result,
	int64_t count, struct buf *out)
{
	const struct cJSON *pod = w->state->pod;

	if (count)
		buf_print(out,
			"prober_probe_total{container=\"%.*s\",namespace=\"%.*s\",pod=\"%.*s\","
			"pod_uid=\"%s\",probe_type=\"%s\",result=\"%s\"} %lld\n",
			STRF(p->name), STRF(tree_str(pod, "metadata.namespace")),
			STRF(tree_str(pod, "metadata.name")), w->uid, titles[p->kind], result,
			(long long)count);
}

void probers_print(const struct pod_worker *w, struct buf *out)
{
	list_each (l, &w->probers) {
		const struct prober *p = LIST_ENTRY(l, struct prober, in_worker);

		print_result(w, p, "successful", p->results[PROBE_GOOD] + p->results[PROBE_WARNING],
			out);
		print_result(w, p, "failed", p->results[PROBE_BAD], out);
		print_result(w, p, "unknown", p->results[PROBE_ERROR], out);
	}
}

void probers_stop(struct pod_worker *w)
{
	list_each_safe (l, &w->probers)
		drop(LIST_ENTRY(l, struct prober, in_worker));
}
