/*
 * Writes whose admission waits: who came in between, who went away, who waits too long, and how
 * often plugins are asked.
 */
#include "api_world.h"

#include "apiserver/admission.h"

#include <kube/api_codec.h>

struct asked {
	struct api_world w;
	struct client *client;
	struct arena arena;
	int mutated, judged;
	int hold;                      /* so many of the next reviews are not answered */
	struct admission_review *held; /* the last of them */
	struct str seen[64];           /* operation, resource and name of those that judge */
};

static struct asked *world;

/* ---- the plugin ---- */

static void given_up(struct op *op, struct err *err)
{
	struct admission_review *a = CONTAINER_OF(op, struct admission_review, op);

	world->held = NULL;
	admission_resume(a, err->code ? request_status(a->request, err) : NULL);
}

static bool hold_or_pass(struct admission_review *a)
{
	if (!world->hold)
		return false;
	world->hold--;
	world->held = a;
	op_init(&a->op, &a->request->x->scope, given_up, a->request->deadline);
	timer_wait(&a->op, INT64_MAX - 1);
	return true;
}

static bool mutate(struct admission_review *a, struct status **no)
{
	*no = NULL;
	world->mutated++;
	return hold_or_pass(a);
}

static bool judge(struct admission_review *a, struct status **no)
{
	static const char *const names[] = {
		[ADMIT_CREATE] = "create", [ADMIT_UPDATE] = "update", [ADMIT_DELETE] = "delete"};

	*no = NULL;
	world->seen[world->judged++ % 64] = arena_print(&world->arena, "%s %.*s%s%.*s %.*s",
		names[a->operation], STRF(a->resource->plural), a->subresource.len ? "/" : "",
		STRF(a->subresource), STRF(a->name));
	return false;
}

static const struct admission_plugin plugin = {.name = "Hold", .operations = 15};
static const struct admission_waits waits = {"Hold", mutate, judge};

static bool open_world(struct asked *t)
{
	*t = (struct asked){0};
	world = t;
	arena_init(&t->arena);
	if (!api_world_open(&t->w, 3, NULL))
		return false;
	t->client = api_world_local_client(&t->w, false);
	admission_add(t->w.server->admission, &plugin, &waits);
	return true;
}

static void close_world(struct asked *t)
{
	struct told told = {0};

	client_stop(t->client, told_op(&told, t->w.root, OP_NO_DEADLINE));
	api_world_await(&t->w, &told);
	told_done(&told);
	client_free(t->client);
	api_world_close(&t->w);
	arena_done(&t->arena);
}

/* ---- requests ---- */

struct sent {
	struct client_request q;
	struct told told;
};

static void begin(struct asked *t, struct sent *s, enum client_verb verb, const char *plural,
	const char *name, const char *subresource, const char *body)
{
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree = NULL;

	*s = (struct sent){0};
	client_request_init(&s->q, verb, resource_find(STR(""), STR("v1"), str_from(plural)),
		STR("default"), str_from(name));
	s->q.subresource = str_from(subresource);
	if (body)
		EXPECT_OK(json_parse(&s->q.arena, str_from(body), NULL, &tree, &err), &err);
	s->q.body = tree;
	client_send(t->client, told_op(&s->told, t->w.root, OP_NO_DEADLINE), &s->q);
}

static int end(struct asked *t, struct sent *s)
{
	api_world_await(&t->w, &s->told);
	int code = s->told.err.code;
	told_done(&s->told);
	return code;
}

static int ask(struct asked *t, enum client_verb verb, const char *plural, const char *name,
	const char *subresource, const char *body)
{
	struct sent s;

	begin(t, &s, verb, plural, name, subresource, body);
	int code = end(t, &s);
	client_request_done(&s.q);
	return code;
}

static void await_hold(struct asked *t)
{
	for (int i = 0; i < 1000 && !t->held; i++)
		api_world_pass(&t->w, MSEC);
	EXPECT(t->held != NULL);
}

static void let_go(struct asked *t)
{
	struct admission_review *a = TAKE(t->held);

	a->op.done = given_up;
	op_cancel(&a->op);
}

/* As the plugin would say yes: its timer is cancelled, and that is no failure. */
static void say_yes_done(struct op *op, struct err *err)
{
	err_done(err);
	admission_resume(CONTAINER_OF(op, struct admission_review, op), NULL);
}

static void say_yes(struct asked *t)
{
	struct admission_review *a = TAKE(t->held);

	a->op.done = say_yes_done;
	op_cancel(&a->op);
}

#define MAP "{\"metadata\":{\"name\":\"m\"},\"data\":{\"a\":\"1\"}}"

/* A world with a write that waits: of a map that is not there yet. */
static bool open_creating(struct asked *t, struct sent *slow)
{
	if (!open_world(t))
		return false;
	t->hold = 1;
	begin(t, slow, CLIENT_CREATE, "configmaps", "", "", MAP);
	await_hold(t);
	return true;
}

/* The same of one that is. */
static bool open_patching(struct asked *t, struct sent *slow)
{
	if (!open_world(t))
		return false;
	EXPECT_INT(ask(t, CLIENT_CREATE, "configmaps", "", "", MAP), 0);
	t->mutated = 0;
	t->hold = 1;
	begin(t, slow, CLIENT_PATCH_MERGE, "configmaps", "m", "", "{\"data\":{\"b\":\"2\"}}");
	await_hold(t);
	return true;
}

static void close_waiting(struct asked *t, struct sent *slow)
{
	client_request_done(&slow->q);
	close_world(t);
}

TEST(who_was_overtaken_while_waiting_is_admitted_again)
{
	struct asked t;
	struct sent slow;

	if (!open_patching(&t, &slow))
		return;
	EXPECT_INT(
		ask(&t, CLIENT_PATCH_MERGE, "configmaps", "m", "", "{\"data\":{\"c\":\"3\"}}"), 0);
	EXPECT_INT(t.mutated, 2);
	say_yes(&t);
	EXPECT_INT(end(&t, &slow), 0);
	EXPECT_INT(t.mutated, 3);
	EXPECT_STR(tree_str(slow.q.object, "data.b"), "2");
	EXPECT_STR(tree_str(slow.q.object, "data.c"), "3");
	close_waiting(&t, &slow);
}

TEST(what_goes_while_its_write_waits_is_not_found)
{
	struct asked t;
	struct sent slow;

	if (!open_patching(&t, &slow))
		return;
	EXPECT_INT(ask(&t, CLIENT_DELETE, "configmaps", "m", "", NULL), 0);
	say_yes(&t);
	EXPECT_INT(end(&t, &slow), ERR_NOT_FOUND);
	close_waiting(&t, &slow);
}

TEST(who_was_overtaken_by_a_creation_is_refused)
{
	struct asked t;
	struct sent slow;

	if (!open_creating(&t, &slow))
		return;
	EXPECT_INT(ask(&t, CLIENT_CREATE, "configmaps", "", "", MAP), 0);
	say_yes(&t);
	EXPECT_INT(end(&t, &slow), ERR_ALREADY_EXISTS);
	close_waiting(&t, &slow);
}

TEST(who_waits_past_the_deadline_hears_of_the_timeout)
{
	struct asked t;
	struct sent slow;

	if (!open_creating(&t, &slow))
		return;
	EXPECT_INT(end(&t, &slow), ERR_TIMEOUT);
	EXPECT_INT(slow.q.code, 504);
	EXPECT(slow.q.status &&
		str_find(slow.q.status->message, STR("within the allotted timeout")) >= 0);
	EXPECT_INT(ask(&t, CLIENT_CREATE, "configmaps", "", "", MAP), 0);
	close_waiting(&t, &slow);
}

TEST(a_client_that_leaves_ends_the_wait)
{
	struct asked t;
	struct sent slow;

	if (!open_creating(&t, &slow))
		return;
	op_cancel(&slow.told.op);
	EXPECT_INT(end(&t, &slow), ERR_CANCELLED);
	for (int i = 0; i < 1000 && t.held; i++)
		api_world_pass(&t.w, MSEC);
	EXPECT(!t.held);
	EXPECT_INT(ask(&t, CLIENT_DELETE, "configmaps", "m", "", NULL), ERR_NOT_FOUND);
	close_waiting(&t, &slow);
}

TEST(a_refusal_that_came_late_writes_nothing)
{
	struct asked t;
	struct sent slow;

	if (!open_creating(&t, &slow))
		return;
	let_go(&t);
	EXPECT(end(&t, &slow) != 0);
	EXPECT_INT(ask(&t, CLIENT_DELETE, "configmaps", "m", "", NULL), ERR_NOT_FOUND);
	close_waiting(&t, &slow);
}

/* ---- names ---- */

static struct {
	void (*machine)(struct env *env, void *at, size_t len);
	int alike;
} chance;

static void draw(struct env *env, void *at, size_t len)
{
	if (len == 5 && chance.alike-- > 0)
		memset(at, 7, len);
	else
		chance.machine(env, at, len);
}

TEST(a_name_is_drawn_again_behind_those_that_change_objects)
{
	static const char body[] = "{\"metadata\":{\"generateName\":\"m-\"}}";
	struct asked t;

	if (!open_world(&t))
		return;
	chance.machine = t.w.host->random;
	chance.alike = 3;
	t.w.host->random = draw;
	EXPECT_INT(ask(&t, CLIENT_CREATE, "configmaps", "", "", body), 0);
	t.mutated = t.judged = 0;
	EXPECT_INT(ask(&t, CLIENT_CREATE, "configmaps", "", "", body), 0);
	EXPECT_INT(t.mutated, 1);
	EXPECT_INT(t.judged, 3);
	t.w.host->random = chance.machine;
	close_world(&t);
}

/* ---- what ends ---- */

#define POD                                                                                        \
	"{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":"      \
	"\"i\"}]}}"

static bool open_for_pods(struct asked *t)
{
	return open_world(t) && EXPECT_INT(ask(t, CLIENT_CREATE, "serviceaccounts", "", "",
						   "{\"metadata\":{\"name\":\"default\"}}"),
					0);
}

static void make_pod(struct asked *t)
{
	EXPECT_INT(ask(t, CLIENT_CREATE, "pods", "", "", POD), 0);
	t->mutated = t->judged = 0;
}

TEST(a_pod_that_goes_at_once_is_asked_about_twice)
{
	struct asked t;

	if (!open_for_pods(&t))
		return;
	make_pod(&t);
	EXPECT_INT(ask(&t, CLIENT_DELETE, "pods", "p", "", NULL), 0);
	EXPECT_INT(t.judged, 2);
	EXPECT_STR(t.seen[0], "delete pods p");
	make_pod(&t);
	EXPECT_INT(ask(&t, CLIENT_DELETE_COLLECTION, "pods", "", "", NULL), 0);
	EXPECT_STR(t.seen[0], "delete pods ");
	make_pod(&t);
	EXPECT_INT(ask(&t, CLIENT_CREATE, "pods", "p", "eviction",
			   "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{"
			   "\"name\":\"p\"}}"),
		0);
	EXPECT_INT(t.judged, 1);
	EXPECT_STR(t.seen[0], "create pods/eviction p");
	close_world(&t);
}

TEST(who_waits_for_its_end_already_is_not_asked_about)
{
	struct asked t;

	if (!open_for_pods(&t))
		return;
	make_pod(&t);
	EXPECT_INT(ask(&t, CLIENT_CREATE, "pods", "p", "binding",
			   "{\"metadata\":{\"name\":\"p\"},\"target\":{\"kind\":\"Node\",\"name\":"
			   "\"n\"}}"),
		0);
	EXPECT_INT(ask(&t, CLIENT_DELETE, "pods", "p", "",
			   "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
			   "\"gracePeriodSeconds\":50}"),
		0);
	t.judged = 0;
	EXPECT_INT(ask(&t, CLIENT_DELETE, "pods", "p", "", NULL), 0);
	EXPECT_INT(t.judged, 0);
	EXPECT_INT(ask(&t, CLIENT_GET, "pods", "p", "", NULL), 0);
	EXPECT_INT(ask(&t, CLIENT_DELETE, "pods", "p", "",
			   "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
			   "\"gracePeriodSeconds\":0}"),
		0);
	EXPECT_INT(t.judged, 2);
	EXPECT_INT(ask(&t, CLIENT_GET, "pods", "p", "", NULL), ERR_NOT_FOUND);
	close_world(&t);
}
