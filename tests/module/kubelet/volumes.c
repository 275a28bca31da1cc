/* Volumes with real workers: many at once, and asked to stop while they are at it. */
#include "volumes_rig.h"

#define PODS    5
#define VOLUMES 50

static void open_world(struct world *w, struct loop_test *t)
{
	struct client_options options = {.user_agent = "volumes"};

	loop_test_init(t, LOOP_TEST_REAL);
	*w = (struct world){.root = t->root, .loop = t->loop, .env = t->env};
	fake_api_init(&w->api, w->env);
	w->client = client_new(
		w->env, client_transport_local(w->env, w->root, fake_handle, &w->api), &options);
}

static void close_world(struct world *w, struct loop_test *t)
{
	struct told told = {0};

	client_stop(w->client, told_op(&told, w->root, OP_NO_DEADLINE));
	world_await(w, &told);
	told_done(&told);
	client_free(w->client);
	fake_api_done(&w->api);
	loop_test_done(t);
}

/* A pod with many volumes of config maps, one of secrets, one with a token. */
static const struct cJSON *large_pod(struct volumes_rig *r, int number)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	buf_print(&text,
		"{'metadata':{'name':'p','namespace':'default','uid':'pod-%d'},'spec':{"
		"'containers':[],'volumes':[{'name':'s','secret':{'secretName':'s'}},"
		"{'name':'t','projected':{'sources':[{'serviceAccountToken':{'path':"
		"'token'}}]}}",
		number);
	for (int i = 0; i < VOLUMES; i++)
		buf_print(&text, ",{'name':'v%d','configMap':{'name':'m'}}", i);
	buf_print(&text, "]}}");
	return rig_json(r, buf_text(&text));
}

static void all_over(struct world *w, struct told *told)
{
	for (int i = 0; i < PODS; i++)
		world_await(w, &told[i]);
}

struct pods {
	struct pod_volumes *v[PODS];
	const struct cJSON *pod[PODS];
	struct told told[PODS];
};

static bool open_pods(struct volumes_rig *r, struct world *w, struct pods *p)
{
	if (!rig_open(r, w))
		return false;
	rig_put(r, "configmaps/m", "{'data':{'a':'1','b':'2'}}");
	rig_put(r, "secrets/s", "{'data':{'a':'MQ=='}}");
	for (int i = 0; i < PODS; i++) {
		p->v[i] = pod_volumes_new(&r->host, arena_print(&r->arena, "pod-%d", i));
		p->pod[i] = large_pod(r, i);
	}
	return true;
}

static void prepare_all(struct volumes_rig *r, struct pods *p)
{
	for (int i = 0; i < PODS; i++) {
		p->told[i] = (struct told){0};
		pod_volumes_prepare(p->v[i], told_op(&p->told[i], r->w->root, OP_NO_DEADLINE),
			p->pod[i], &r->sources);
	}
}

static void remove_all(struct volumes_rig *r, struct pods *p)
{
	for (int i = 0; i < PODS; i++) {
		told_done(&p->told[i]);
		p->told[i] = (struct told){0};
		pod_volumes_remove(p->v[i], told_op(&p->told[i], r->w->root, OP_NO_DEADLINE));
	}
	all_over(r->w, p->told);
	for (int i = 0; i < PODS; i++) {
		EXPECT_INT(p->told[i].err.code, 0);
		told_done(&p->told[i]);
		pod_volumes_free(p->v[i]);
		EXPECT(!rig_is_there(arena_print(&r->arena, "%s/root/pods/pod-%d", r->base, i).at));
	}
	rig_close(r);
}

TEST(many_volumes_of_many_pods_at_once)
{
	struct loop_test t;
	struct volumes_rig r;
	struct world w;
	struct pods p;

	open_world(&w, &t);
	if (open_pods(&r, &w, &p)) {
		prepare_all(&r, &p);
		all_over(&w, p.told);
		for (int i = 0; i < PODS; i++) {
			EXPECT_INT(p.told[i].err.code, 0);
			EXPECT(pod_volumes_ready(p.v[i]));
			const char *pod =
				arena_print(&r.arena, "%s/root/pods/pod-%d", r.base, i).at;
			const char *file = arena_print(
				&r.arena, "%s/volumes/kubernetes.io~configmap/v49/b", pod)
						   .at;
			EXPECT_STR(rig_read(&r, file), "2");
		}
		remove_all(&r, &p);
	}
	close_world(&w, &t);
}

TEST(what_is_cancelled_on_the_way_is_taken_up_again)
{
	struct loop_test t;
	struct volumes_rig r;
	struct world w;
	struct pods p;

	open_world(&w, &t);
	if (open_pods(&r, &w, &p)) {
		for (int round = 0; round < 10; round++) {
			prepare_all(&r, &p);
			/* A little later each time: in the queue, in a token, in the work. */
			struct told wait = {0};
			timer_wait(told_op(&wait, w.root, OP_NO_DEADLINE),
				loop_in(w.loop, round * MSEC / 2));
			world_await(&w, &wait);
			told_done(&wait);
			for (int i = 0; i < PODS; i++)
				op_cancel(&p.told[i].op);
			all_over(&w, p.told);
			for (int i = 0; i < PODS; i++) {
				int code = p.told[i].err.code;
				EXPECT(code == 0 || code == ERR_CANCELLED);
				EXPECT(code == 0 || pod_volumes_next(p.v[i]) == 0);
				told_done(&p.told[i]);
				pod_volumes_touch(p.v[i]);
			}
		}
		prepare_all(&r, &p);
		all_over(&w, p.told);
		for (int i = 0; i < PODS; i++)
			EXPECT(pod_volumes_ready(p.v[i]));
		remove_all(&r, &p);
	}
	close_world(&w, &t);
}
