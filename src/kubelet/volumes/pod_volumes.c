/* The volumes of one pod: tokens are asked for, plans made, a worker carries them out. */
#include "pod_volumes.h"
#include "environment.h"
#include "tokens.h"
#include "volume_plan.h"

#include <kube/api_codec.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <unistd.h>

/* As upstream's operations on volumes back off. */
#define RETRY_FIRST  (500 * MSEC)
#define RETRY_MOST   (122 * SEC)
#define PATIENCE     (30 * SEC)
#define TOKEN_JITTER (10 * SEC)

struct pod_volumes {
	const struct volumes_host *host;
	char *uid;
	bool touched, ready, removed, busy;
	int64_t retry_at, delay; /* 0: the last time nothing was in the way */
	struct volume_tokens tokens;
	struct volume_claims claims;
	int64_t *groups;
	struct map
		made; /* volumes that are not made again: whatever becomes of them is the pod's */
	struct arena told;
	struct str *problems;
	size_t problem_count;
	int problem_code;
	/* in flight */
	struct task task;
	struct work work;
	struct arena arena;
	const struct cJSON *pod;
	const struct sources *sources;
	struct client_request request;
	struct volume_token *token;
	struct volume_claim *claim;
	struct volume_plan *plans;
	size_t plan_count;
};

struct pod_volumes *pod_volumes_new(const struct volumes_host *host, struct str uid)
{
	struct pod_volumes *v = mem_new(sizeof(*v));

	v->host = host;
	v->uid = str_dup(uid);
	v->touched = true;
	map_init(&v->made);
	arena_init_lasting(&v->told);
	arena_init(&v->arena);
	return v;
}

void pod_volumes_free(struct pod_volumes *v)
{
	if (!v)
		return;
	assert(!v->busy);
	tokens_done(&v->tokens);
	claims_done(&v->claims);
	map_done(&v->made);
	mem_free(v->groups);
	arena_done(&v->told);
	arena_done(&v->arena);
	mem_free(v->uid);
	mem_free(v);
}

void pod_volumes_touch(struct pod_volumes *v)
{
	v->touched = true;
}

int64_t pod_volumes_next(const struct pod_volumes *v)
{
	if (v->removed)
		return OP_NO_DEADLINE;
	if (v->touched)
		return 0;
	return MIN(v->retry_at ? v->retry_at : OP_NO_DEADLINE, tokens_when(&v->tokens));
}

bool pod_volumes_due(const struct pod_volumes *v, int64_t wall)
{
	bool again = v->retry_at && !time_waits(v->retry_at, v->delay, wall);

	return !v->removed && (v->touched || again || tokens_when(&v->tokens) <= wall);
}

bool pod_volumes_ready(const struct pod_volumes *v)
{
	return v->ready;
}

const struct str *pod_volumes_problems(const struct pod_volumes *v, size_t *count)
{
	*count = v->problem_count;
	return v->problems;
}

const int64_t *pod_volumes_groups(struct pod_volumes *v, size_t *count)
{
	v->groups = mem_resize(v->groups, (v->claims.count + 1) * sizeof(*v->groups));
	*count = 0;
	for (size_t i = 0; i < v->claims.count; i++)
		if (v->claims.items[i]->group >= 0)
			v->groups[(*count)++] = v->claims.items[i]->group;
	return v->groups;
}

const struct volume_claims *pod_volumes_claims(const struct pod_volumes *v)
{
	return &v->claims;
}

struct runtime *pod_volumes_runtime(const struct pod_volumes *v)
{
	return v->host->runtime;
}

const char *pod_volumes_root(const struct pod_volumes *v)
{
	return v->host->root.at;
}

const char *pod_volumes_uid(const struct pod_volumes *v)
{
	return v->uid;
}

/* ---- tokens ---- */

enum prepare_step { PREPARE_BEGIN, PREPARE_CLAIM, PREPARE_TOKEN, PREPARE_MADE };
static const char *const prepare_steps[] = {"begin", "claim", "token", "made"};

static void ask_token(struct pod_volumes *v)
{
	struct loop *loop = v->host->env->loop;

	client_request_init(&v->request, CLIENT_CREATE,
		resource_find(STR(""), STR("v1"), STR("serviceaccounts")),
		tree_str(v->pod, "metadata.namespace"), v->token->account);
	v->request.subresource = STR("token");
	v->request.body = token_request(&v->request.arena, v->token, v->pod);
	client_send(v->host->client, task_await(&v->task, PREPARE_TOKEN, loop_in(loop, PATIENCE)),
		&v->request);
}

static void take_token(struct pod_volumes *v, struct err *err)
{
	int64_t now = env_wall(v->host->env);
	uint64_t chance;

	env_random(v->host->env, &chance, sizeof(chance));
	if (!err->code)
		token_take(v->token, v->request.object, now, (int64_t)(chance % TOKEN_JITTER), err);
	if (err->code)
		token_failed(v->token, err, now);
	err_done(err);
	client_request_done(&v->request);
}

/* ---- claims ---- */

static void ask_claim(struct pod_volumes *v)
{
	struct loop *loop = v->host->env->loop;
	const struct resource *resource;
	struct str namespace, name;

	claim_wanted(v->claim, &resource, &namespace, &name);
	client_request_init(&v->request, CLIENT_GET, resource, namespace, name);
	client_send(v->host->client, task_await(&v->task, PREPARE_CLAIM, loop_in(loop, PATIENCE)),
		&v->request);
}

static void take_answer(struct pod_volumes *v, struct err *err)
{
	claim_take(v->claim, v->pod, v->request.object, err);
	err_done(err);
	client_request_done(&v->request);
}

/* ---- plans ---- */

static const char *make_stamp(struct pod_volumes *v)
{
	struct time_parts t = time_split(env_wall(v->host->env));
	uint32_t chance;

	env_random(v->host->env, &chance, sizeof(chance));
	return arena_print(&v->arena, "..%04d_%02d_%02d_%02d_%02d_%02d.%u", t.year, t.month, t.day,
		t.hour, t.minute, t.second, chance)
		.at;
}

static void make_plans(struct pod_volumes *v)
{
	const struct cJSON *volumes = json_path(v->pod, "spec.volumes");
	struct volume_planning in = {.arena = &v->arena,
		.host = v->host,
		.pod = v->pod,
		.sources = v->sources,
		.tokens = &v->tokens,
		.claims = &v->claims,
		.stamp = make_stamp(v)};

	v->plan_count = 0;
	v->plans = arena_new(&v->arena, (json_count(volumes) + 1) * sizeof(*v->plans));
	json_each (volume, volumes) {
		struct volume_plan *plan = &v->plans[v->plan_count++];

		in.volume = volume;
		if (map_has(&v->made, tree_str(volume, "name")))
			plan->done = true;
		else
			volume_plan_make(&in, plan);
	}
}

/* On a worker. What is in the way of one volume is not in the way of the others. */
static void make_volumes(struct work *w)
{
	struct pod_volumes *v = CONTAINER_OF(w, struct pod_volumes, work);
	int pod, code = volume_open_pod(v->host->root.at, v->uid, true, &pod, &w->err);

	for (size_t i = 0; i < v->plan_count && !code; i++) {
		struct volume_plan *plan = &v->plans[i];

		plan->directory = pod;
		plan->stop = &w->cancelled;
		if (!plan->done && !plan->err.code && !work_cancelled(w))
			volume_make(plan, &plan->err);
	}
	if (!code)
		close(pod);
	if (!code && work_cancelled(w))
		err_set(&w->err, ERR_CANCELLED, "cancelled");
}

/* ---- the outcome ---- */

/* Volumes whose claim is in the way are told together: nothing has a name for them yet. */
static struct str unknown_volumes(struct pod_volumes *v)
{
	_cleanup_(buf_done) struct buf unmounted = BUF_INIT(16 * KIB), unknown = BUF_INIT(16 * KIB),
				       why = BUF_INIT(64 * KIB);

	for (size_t i = 0; i < v->plan_count; i++) {
		const struct volume_plan *plan = &v->plans[i];

		if (plan->err.code)
			buf_print(&unmounted, "%s%s", unmounted.len ? " " : "", plan->volume);
		if (plan->unknown) {
			buf_print(&unknown, "%s%s", unknown.len ? " " : "", plan->volume);
			buf_print(&why, "%s%s", why.len ? "; " : "", err_text(&plan->err));
		}
	}
	return arena_print(&v->told,
		"Unable to attach or mount volumes: unmounted volumes=[%s], unattached volumes=[], "
		"failed to process volumes=[%s]: %s",
		buf_text(&unmounted), buf_text(&unknown), buf_text(&why));
}

static void note_problems(struct pod_volumes *v)
{
	bool unknown = false;

	v->problems = arena_alloc(&v->told, (v->plan_count + 1) * sizeof(*v->problems));
	for (size_t i = 0; i < v->plan_count; i++) {
		struct volume_plan *plan = &v->plans[i];

		if (!plan->err.code || (plan->unknown && unknown))
			continue;
		if (!v->problem_count)
			v->problem_code = plan->err.code;
		v->problems[v->problem_count++] =
			plan->unknown ? unknown_volumes(v)
				      : arena_print(&v->told, "%s for volume \"%s\" : %s",
						plan->failed, plan->name, err_text(&plan->err));
		unknown |= plan->unknown;
	}
}

static void forget_flight(struct pod_volumes *v)
{
	for (size_t i = 0; i < v->plan_count; i++)
		err_done(&v->plans[i].err);
	v->plan_count = 0;
	arena_done(&v->arena);
	v->busy = false;
}

static void back_off(struct pod_volumes *v)
{
	v->delay = v->delay ? MIN(2 * v->delay, RETRY_MOST) : RETRY_FIRST;
	v->retry_at = env_wall(v->host->env) + v->delay;
}

/* Something in the way of all of it: not a volume's own. */
static void give_up(struct pod_volumes *v, struct err *err)
{
	if (err->code == ERR_CANCELLED)
		v->touched = true;
	else
		back_off(v);
	forget_flight(v);
	task_fail(&v->task, err);
}

static void finish(struct pod_volumes *v)
{
	struct err err = {0};

	note_problems(v);
	for (size_t i = 0; i < v->plan_count; i++)
		if (!v->plans[i].done && !v->plans[i].err.code && !v->plans[i].kind->files)
			map_set(&v->made, str_from(v->plans[i].volume), NULL);
	forget_flight(v);
	if (!v->problem_count) {
		v->ready = true;
		v->retry_at = v->delay = 0;
		task_finish(&v->task, 0);
		return;
	}
	back_off(v);
	err_set(&err, v->problem_code, "%.*s", STRF(v->problems[0]));
	task_fail(&v->task, &err);
}

/* ---- prepare ---- */

static void go_on(struct pod_volumes *v)
{
	v->claim = claims_next(&v->claims);
	if (v->claim) {
		ask_claim(v);
		return;
	}
	v->token = tokens_next(&v->tokens, env_wall(v->host->env));
	if (v->token) {
		ask_token(v);
		return;
	}
	v->touched = false;
	make_plans(v);
	work_start(&v->work, task_await(&v->task, PREPARE_MADE, OP_NO_DEADLINE), WORK_DISK,
		make_volumes);
}

static void prepare_run(struct task *t, struct err *err)
{
	struct pod_volumes *v = CONTAINER_OF(t, struct pod_volumes, task);

	switch ((enum prepare_step)t->step) {
	case PREPARE_BEGIN:
		v->busy = true;
		tokens_want(&v->tokens, v->pod);
		claims_want(&v->claims, v->pod);
		go_on(v);
		return;
	case PREPARE_CLAIM:
	case PREPARE_TOKEN:
		if (err->code == ERR_CANCELLED) {
			client_request_done(&v->request);
			give_up(v, err);
			return;
		}
		if (t->step == PREPARE_CLAIM)
			take_answer(v, err);
		else
			take_token(v, err);
		go_on(v);
		return;
	case PREPARE_MADE:
		if (err->code)
			give_up(v, err);
		else
			finish(v);
		return;
	}
}

static const struct task_kind prepare_kind =
	TASK_KIND("volumes prepare", prepare_steps, prepare_run);

void pod_volumes_prepare(struct pod_volumes *v, struct op *op, const struct cJSON *pod,
	const struct sources *sources)
{
	assert(!v->busy);
	v->pod = pod;
	v->sources = sources;
	v->problem_count = 0;
	arena_reset(&v->told);
	task_start(&v->task, &prepare_kind, op);
}

/* ---- remove ---- */

enum remove_step { REMOVE_BEGIN, REMOVE_OVER };
static const char *const remove_steps[] = {"begin", "over"};

static void remove_volumes(struct work *w)
{
	struct pod_volumes *v = CONTAINER_OF(w, struct pod_volumes, work);

	volume_clear_pod(v->host->root.at, v->uid, &w->cancelled, &w->err);
}

static void remove_run(struct task *t, struct err *err)
{
	struct pod_volumes *v = CONTAINER_OF(t, struct pod_volumes, task);

	switch ((enum remove_step)t->step) {
	case REMOVE_BEGIN:
		v->busy = true;
		v->ready = false;
		v->removed = true;
		work_start(&v->work, task_await(t, REMOVE_OVER, OP_NO_DEADLINE), WORK_DISK,
			remove_volumes);
		return;
	case REMOVE_OVER:
		v->busy = false;
		if (err->code)
			task_fail(t, err);
		else
			task_finish(t, 0);
		return;
	}
}

static const struct task_kind remove_kind = TASK_KIND("volumes remove", remove_steps, remove_run);

void pod_volumes_remove(struct pod_volumes *v, struct op *op)
{
	assert(!v->busy);
	task_start(&v->task, &remove_kind, op);
}
