/*
 * A whole API server under writers, watchers, informers and lists in pages, while its network
 * delays, loses and resets, its disk fails and fills up, its history is forgotten, and it is
 * stopped and loses its power. What the store tells is the truth; what the API answers, lists and
 * tells watchers is held against it. One seed is one run: KUBE_SIM_SEED=n, KUBE_SIM_SEEDS=count.
 */
#include <kube/informer.h>

#include "api_pager.h"
#include "api_watcher.h"

#define SEEDS     200
#define STEPS     450
#define KINDS     4
#define SLOTS     10
#define WATCHERS  8
#define LISTERS   2
#define INFORMERS 5 /* the last one in the server's process */

enum deed {
	DO_CREATE,
	DO_UPDATE,
	DO_PATCH,
	DO_APPLY,
	DO_DELETE,
	DO_SWEEP, /* delete collection */
	DO_GET,
};

/* A request on its way. */
struct slot {
	struct told told;
	struct client_request request;
	bool busy;
	enum deed verb;
	int kind, key, label;
	int64_t order;    /* written into the object; 0: nothing has to change */
	int64_t expected; /* the version that had to stand there; 0: any */
	int64_t began;    /* what was published when it was asked */
	char uid[40];     /* that had to stand there */
};

struct viewer { /* an informer and what its handler was told */
	struct informer *informer;
	struct informer_handler handler;
	int kind, label;
	int64_t stands[TRUTH_KEYS];
	int64_t told;
};

struct run {
	struct api_world w;
	struct rng *rng;
	struct client *client; /* over the network */
	struct client *local;  /* in the server's process */
	bool heavy;            /* large objects: slow watchers fall behind */
	struct client_transport *raw;
	struct truth truths[KINDS];
	struct slot slots[SLOTS];
	struct watcher watchers[WATCHERS];
	struct pager listers[LISTERS];
	struct viewer viewers[INFORMERS];
	int64_t order;
	int acked, refused, unknown, restarts, cuts;
};

#define CONTAINERS "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]"

static const struct {
	const char *group, *plural, *kind, *version, *rest;
} kinds[KINDS] = {
	{"", "secrets", "Secret", "v1", ""},
	{"apps", "deployments", "Deployment", "apps/v1",
		",\"spec\":{\"replicas\":1,\"selector\":{\"matchLabels\":{\"l\":\"x\"}},"
		"\"template\":{\"metadata\":{\"labels\":{\"l\":\"x\"}},\"spec\":{" CONTAINERS
		"}}}"},
	{"", "pods", "Pod", "v1", ",\"spec\":{" CONTAINERS "}"},
	{"", "events", "Event", "v1", ",\"involvedObject\":{\"name\":\"x\"}"},
};

static uint64_t draw(struct run *r, uint64_t bound)
{
	return rng_below(r->rng, bound);
}

static void observe(struct run *r)
{
	for (int i = 0; i < KINDS && r->w.server; i++)
		truth_observe(&r->truths[i], r->w.server->store);
}

static int64_t published(struct run *r)
{
	return store_revision(r->w.server->store);
}

/* ---- what is written ---- */

static struct cJSON *parse(struct arena *a, struct str text)
{
	struct cJSON *tree = NULL;
	struct err err = {0};

	EXPECT_OK(json_parse(a, text, NULL, &tree, &err), &err);
	return tree;
}

static void fill(struct run *r, struct arena *a, struct cJSON *tree)
{
	size_t len = 1 + draw(r, 200 * KIB);

	if (!r->heavy || draw(r, 2))
		return;
	char *text = arena_alloc(a, len);
	memset(text, 'x', len);
	tree_set_str(a, tree, "metadata.annotations.fill", str_make(text, len));
}

static struct cJSON *fresh_object(struct run *r, struct slot *s, struct arena *a)
{
	struct str held =
		draw(r, 4) || s->kind == 3 ? STR("") : STR(",\"finalizers\":[\"kube.test/f\"]");
	struct cJSON *tree = parse(
		a, arena_print(a,
			   "{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"metadata\":{\"name\":\"n%d\","
			   "\"labels\":{\"v\":\"%d\"},\"annotations\":{\"n\":\"%lld\"}%.*s}%s}",
			   kinds[s->kind].version, kinds[s->kind].kind, s->key % TRUTH_NAMES,
			   (int)draw(r, 3), (long long)s->order, STRF(held), kinds[s->kind].rest));

	fill(r, a, tree);
	if (s->kind == 3) /* they go by themselves, whatever holds them */
		tree_set_str(a, tree, "involvedObject.namespace",
			s->key < TRUTH_NAMES ? STR("a") : STR("b"));
	return tree;
}

static void change_object(struct run *r, struct slot *s, struct arena *a, struct cJSON *tree)
{
	tree_set_str(
		a, tree, "metadata.annotations.n", arena_print(a, "%lld", (long long)s->order));
	if (draw(r, 2))
		tree_set_str(a, tree, "metadata.labels.v", arena_print(a, "%d", (int)draw(r, 3)));
	if (s->kind == 1 && draw(r, 2))
		tree_set_int(a, tree, "spec.replicas", (int64_t)draw(r, 3));
	fill(r, a, tree);
	if (draw(r, 4) == 0)
		tree_drop(tree, "metadata.finalizers");
}

static void prepare_update(struct run *r, struct slot *s, struct client_request *q)
{
	struct object *o = store_get(r->truths[s->kind].bucket, truth_key(s->key));
	struct cJSON *tree = o ? object_tree(&q->arena, o) : fresh_object(r, s, &q->arena);

	s->expected = o ? o->revision : 0;
	change_object(r, s, &q->arena, tree);
	if (draw(r, 5) == 0) { /* of old, or of no version at all */
		s->expected = draw(r, 2) && o ? 1 + (int64_t)draw(r, (uint64_t)o->revision) : 0;
		tree_drop(tree, "metadata.resourceVersion");
	}
	if (s->expected)
		tree_set_str(&q->arena, tree, "metadata.resourceVersion",
			arena_print(&q->arena, "%lld", (long long)s->expected));
	q->body = tree;
}

static void prepare_patch(struct run *r, struct slot *s, struct client_request *q)
{
	long long n = (long long)s->order;
	int label = (int)draw(r, 3);
	struct str more = draw(r, 3) ? STR("") : STR(",\"finalizers\":null");

	q->verb = draw(r, 2) ? CLIENT_PATCH_MERGE : CLIENT_PATCH_STRATEGIC;
	if (draw(r, 3) == 0) {
		q->verb = CLIENT_PATCH_JSON;
		q->body = parse(&q->arena,
			arena_print(&q->arena,
				"[{\"op\":\"add\",\"path\":\"/metadata/annotations/n\",\"value\":"
				"\"%lld\"}]",
				n));
		return;
	}
	q->body = parse(&q->arena,
		arena_print(&q->arena,
			"{\"metadata\":{\"annotations\":{\"n\":\"%lld\"},\"labels\":{\"v\":\"%d\"}"
			"%.*s}}",
			n, label, STRF(more)));
}

static void prepare_apply(struct run *r, struct slot *s, struct client_request *q)
{
	q->field_manager = draw(r, 2) ? STR("one") : STR("two");
	q->force = true;
	q->body = fresh_object(r, s, &q->arena);
}

static void prepare_delete(struct run *r, struct slot *s, struct client_request *q)
{
	struct object *o = store_get(r->truths[s->kind].bucket, truth_key(s->key));
	struct cJSON *options = parse(&q->arena,
		STR("{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{}}"));

	s->order = 0;
	if (!o || draw(r, 2))
		return;
	if (draw(r, 2)) {
		s->expected = o->revision;
		tree_set_str(&q->arena, options, "preconditions.resourceVersion",
			arena_print(&q->arena, "%lld", (long long)s->expected));
	} else {
		snprintf(s->uid, sizeof(s->uid), "%.*s", STRF(object_scan(o, "metadata.uid")));
		tree_set_str(&q->arena, options, "preconditions.uid", str_from(s->uid));
	}
	q->body = options;
}

static const enum client_verb client_verbs[] = {CLIENT_CREATE, CLIENT_UPDATE, CLIENT_PATCH_MERGE,
	CLIENT_APPLY, CLIENT_DELETE, CLIENT_DELETE_COLLECTION, CLIENT_GET};

static enum deed draw_verb(struct run *r)
{
	static const enum deed verbs[] = {DO_CREATE, DO_CREATE, DO_CREATE, DO_UPDATE, DO_UPDATE,
		DO_UPDATE, DO_PATCH, DO_PATCH, DO_APPLY, DO_DELETE, DO_DELETE, DO_GET};

	return draw(r, 60) == 0 ? DO_SWEEP : verbs[draw(r, ARRAY_LEN(verbs))];
}

static void step_write(struct run *r)
{
	struct slot *s = &r->slots[draw(r, SLOTS)];
	struct client_request *q = &s->request;
	const char space[] = {(char)('a' + draw(r, TRUTH_SPACES)), 0};
	char name[4];

	if (s->busy || !r->w.server)
		return;
	*s = (struct slot){.busy = true,
		.verb = draw_verb(r),
		.kind = (int)draw(r, KINDS),
		.order = ++r->order,
		.began = published(r)};
	s->key = (space[0] - 'a') * TRUTH_NAMES + (int)draw(r, TRUTH_NAMES);
	snprintf(name, sizeof(name), "n%d", s->key % TRUTH_NAMES);
	client_request_init(q, client_verbs[s->verb], r->truths[s->kind].resource, str_from(space),
		s->verb == DO_SWEEP ? STR("") : str_from(name));
	if (s->verb == DO_CREATE)
		q->body = fresh_object(r, s, &q->arena);
	else if (s->verb == DO_UPDATE)
		prepare_update(r, s, q);
	else if (s->verb == DO_PATCH)
		prepare_patch(r, s, q);
	else if (s->verb == DO_APPLY)
		prepare_apply(r, s, q);
	else if (s->verb == DO_DELETE)
		prepare_delete(r, s, q);
	if (s->verb == DO_SWEEP) {
		s->label = '0' + (int)draw(r, 3);
		q->labels = arena_print(&q->arena, "v=%c", s->label);
	}
	client_send(r->client, told_op(&s->told, r->w.root, loop_in(r->w.loop, 40 * SEC)), q);
}

/* ---- what was answered ---- */

static void check_written(struct run *r, struct slot *s)
{
	struct truth *t = &r->truths[s->kind];
	int64_t revision = pager_version(s->request.object);
	const struct fact *f = truth_fact(t, revision);

	/* What goes with its last finalizer is answered as it would have been. */
	if (tree_has(s->request.object, "metadata.deletionTimestamp") &&
		!tree_has(s->request.object, "metadata.finalizers")) {
		EXPECT(truth_deleted(t, s->key, s->began));
		return;
	}
	if (!EXPECT(f && f->key == s->key))
		return;
	EXPECT(revision > s->began);
	EXPECT(str_eq(object_text(f->object), str_trim(s->request.text)));
	EXPECT_INT(truth_number(f->object, "metadata.annotations.n"), s->order);
	/* A PUT whose connection broke is sent again, and may find what it made. */
	if (s->verb != DO_UPDATE || s->request.code == 201)
		EXPECT_INT(f->type == CHANGE_ADDED,
			s->verb == DO_CREATE || (s->request.code == 201 && s->verb != DO_DELETE));
	if (s->expected)
		EXPECT_INT(f->old ? f->old->revision : 0, s->expected);
}

static void check_deleted(struct run *r, struct slot *s)
{
	struct truth *t = &r->truths[s->kind];
	const struct fact *f = NULL;
	bool status = str_eq_text(tree_str(s->request.object, "kind"), "Status");

	for (size_t i = t->count; i-- > 0 && t->facts[i].revision > s->began;)
		if (t->facts[i].key == s->key &&
			(status ? t->facts[i].type == CHANGE_DELETED
				: t->facts[i].revision == pager_version(s->request.object)))
			f = &t->facts[i];
	if (!status && !f) { /* it was on its way out before */
		f = truth_fact(t, pager_version(s->request.object));
		EXPECT(f && truth_ending(f->object));
		return;
	}
	if (!EXPECT(f && f->old))
		return;
	if (!status)
		EXPECT(truth_ending(f->object) && (s->kind == 2 || truth_held(f->object)));
	if (s->uid[0])
		EXPECT(str_eq_text(object_scan(f->old, "metadata.uid"), s->uid));
	if (s->expected && !truth_ending(f->object))
		EXPECT_INT(f->old->revision, s->expected);
}

static void check_swept(struct run *r, struct slot *s)
{
	struct truth *t = &r->truths[s->kind];
	int space = s->key / TRUTH_NAMES;

	for (int key = 0; key < TRUTH_KEYS; key++) {
		struct object *before = truth_at(t, key, s->began);

		if (truth_selects(space, s->label, key, before) && !truth_ending(before))
			if (!EXPECT(truth_changed(t, key, s->began)))
				printf("not swept: %.*s label %c revision %lld\n",
					STRF(truth_key(key)), s->label,
					(long long)before->revision);
	}
}

static void check_got(struct run *r, struct slot *s)
{
	struct truth *t = &r->truths[s->kind];
	int64_t revision = pager_version(s->request.object);
	const struct fact *f = truth_fact(t, revision);
	struct object *before = truth_at(t, s->key, s->began);

	if (!EXPECT(f && f->key == s->key && f->type != CHANGE_DELETED))
		return;
	EXPECT(revision >= (before ? before->revision : s->began));
	EXPECT(str_eq(object_text(f->object), str_trim(s->request.text)));
}

static void acknowledge(struct run *r, struct slot *s)
{
	r->acked++;
	switch (s->verb) {
	case DO_DELETE:
		check_deleted(r, s);
		break;
	case DO_SWEEP:
		check_swept(r, s);
		break;
	case DO_GET:
		check_got(r, s);
		break;
	default:
		check_written(r, s);
	}
}

/* Conflicts only when something else stood there, and so on, where everybody could see it. */
static void refuse(struct run *r, struct slot *s)
{
	struct truth *t = &r->truths[s->kind];
	struct object *before = truth_at(t, s->key, s->began);
	int code = s->told.err.code;
	bool reasonable;

	r->refused++;
	if (code == ERR_CONFLICT && s->expected)
		reasonable = !before || before->revision != s->expected;
	else if (code == ERR_CONFLICT)
		reasonable = !before || s->verb == DO_PATCH;
	else if (code == ERR_ALREADY_EXISTS)
		reasonable = before != NULL;
	else if (code == ERR_NOT_FOUND)
		reasonable = !before;
	else if (code == ERR_INVALID || code == ERR_FORBIDDEN) /* a name of another life */
		reasonable = s->verb == DO_UPDATE || truth_ending(before);
	else {
		r->refused--;
		r->unknown++;
		return;
	}
	EXPECT(reasonable || truth_changed(t, s->key, s->began));
}

static void reap(struct run *r)
{
	observe(r);
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &r->slots[i];

		if (!s->busy || !s->told.done)
			continue;
		if (s->began < r->truths[s->kind].begins)
			r->unknown++; /* of a life that is forgotten */
		else if (s->told.err.code)
			refuse(r, s);
		else
			acknowledge(r, s);
		if (test_failed() && s->request.text.len)
			printf("verb %d kind %d %.*s expected %lld began %lld (history %lld): %d "
			       "%.*s\n",
				s->verb, s->kind, STRF(truth_key(s->key)), (long long)s->expected,
				(long long)s->began, (long long)r->truths[s->kind].begins,
				s->request.code, STRF(s->request.text));
		client_request_done(&s->request);
		told_done(&s->told);
		s->busy = false;
	}
}

/* ---- informers ---- */

static void viewer_told(
	struct informer_handler *h, struct object *old, struct object *fresh, bool initial)
{
	struct viewer *v = h->ctx;
	struct object *o = fresh ? fresh : old;
	_cleanup_(arena_done) struct arena a;

	(void)initial;
	arena_init(&a);
	int64_t *stands = &v->stands[truth_key_of(client_object_key(&a, o))];
	if (fresh) {
		EXPECT_INT(old ? old->revision : 0, *stands);
		/* A power cut may have undone what was known. */
		EXPECT(fresh->revision > *stands || v->kind == 3);
	} else { /* as the event told it, or as it was known */
		EXPECT(*stands && old->revision >= *stands);
	}
	*stands = fresh ? fresh->revision : 0;
	v->told++;
}

static void viewer_start(struct run *r, struct viewer *v, int i)
{
	bool local = i == INFORMERS - 1;
	struct informer_options options = {
		.client = local ? r->local : r->client, .no_watch_list = i == 1};

	*v = (struct viewer){.kind = i % KINDS, .label = i == 2 ? '1' : TRUTH_ALL};
	options.resource = r->truths[v->kind].resource;
	options.labels = i == 2 ? STR("v=1") : STR("");
	v->informer = informer_new(r->w.root, &options);
	v->handler = (struct informer_handler){.changed = viewer_told, .ctx = v};
	informer_add_handler(v->informer, &v->handler);
}

static void viewer_stop(struct run *r, struct viewer *v)
{
	struct told told = {0};

	informer_stop(v->informer, told_op(&told, r->w.root, OP_NO_DEADLINE));
	api_world_await(&r->w, &told);
	told_done(&told);
	informer_free(v->informer);
}

static bool viewer_knows(struct run *r, const struct viewer *v, bool loud)
{
	for (int key = 0; key < TRUTH_KEYS; key++) {
		struct object *o = truth_at(&r->truths[v->kind], key, INT64_MAX),
			      *known = informer_get_key(v->informer, truth_key(key));
		int64_t wanted = truth_selects(TRUTH_ALL, v->label, key, o) ? o->revision : 0;

		if (loud) {
			EXPECT_INT(known ? known->revision : 0, wanted);
			EXPECT_INT(v->stands[key], wanted);
		} else if ((known ? known->revision : 0) != wanted) {
			return false;
		}
	}
	return true;
}

/* ---- what befalls it ---- */

static void peace(struct run *r)
{
	const struct sim_faults good = {.delay_max = 500 * USEC, .torn = 0.5};

	sim_set_faults(r->w.sim, &good);
	sim_disk_fail(r->w.host, 0, 0);
	sim_disk_limit(r->w.host, -1);
	sim_part(r->w.sim, r->w.host, r->w.far, false);
}

struct sizes {
	struct disk *disk;
	const char *dir;
	int64_t sum;
};

static int add_size(void *ctx, const char *name)
{
	struct sizes *sizes = ctx;
	struct disk *d = sizes->disk;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", sizes->dir, name);
	int file = d->ops->open(d, path, O_RDONLY, 0, NULL);
	if (file < 0)
		return 0;
	sizes->sum += d->ops->size(d, file, NULL);
	d->ops->close(d, file);
	return 0;
}

/* Beyond what is there: certificates differ in length from process to process. */
static void limit_disk(struct run *r)
{
	static const char *const dirs[] = {"", "/k", "/k/pki", "/k/state"};
	struct sizes sizes = {.disk = r->w.host->disk};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		sizes.dir = dirs[i];
		sizes.disk->ops->list(
			sizes.disk, dirs[i][0] ? dirs[i] : "/", add_size, &sizes, NULL);
	}
	sim_disk_limit(r->w.host, sizes.sum + (int64_t)draw(r, 100 * KIB));
}

static void step_faults(struct run *r)
{
	const struct sim_faults bad_net = {.delay_max = 30 * MSEC,
		.loss = 0.02,
		.reset = 0.01,
		.refuse = 0.1,
		.split = 0.3,
		.torn = 0.5};
	const struct sim_faults bad_disk = {
		.delay_max = 500 * USEC, .torn = 0.5, .disk_error = 0.02};

	switch (draw(r, 7)) {
	case 6:
		limit_disk(r);
		break;
	case 0:
		sim_set_faults(r->w.sim, &bad_net);
		break;
	case 1:
		sim_set_faults(r->w.sim, &bad_disk);
		break;
	case 2:
		sim_disk_fail(r->w.host, 1 + draw(r, 40), draw(r, 2) ? ERR_IO : ERR_NO_SPACE);
		break;
	case 3:
		sim_part(r->w.sim, r->w.host, r->w.far, true);
		break;
	case 4:
		sim_jump_clock(r->w.host, ((int64_t)draw(r, 7200) - 3600) * SEC);
		break;
	default:
		peace(r);
	}
}

/* What lives in the server's process begins and ends with it. */
static void join(struct run *r)
{
	for (int i = 0; i < KINDS; i++)
		truth_follow(&r->truths[i], r->w.server);
	r->local = api_world_local_client(&r->w, true);
	viewer_start(r, &r->viewers[INFORMERS - 1], INFORMERS - 1);
}

static void leave(struct run *r)
{
	observe(r);
	for (int i = 0; i < KINDS; i++)
		truth_leave(&r->truths[i]);
	for (int i = 0; i < WATCHERS; i++) /* what they have not read may be forgotten */
		if (r->watchers[i].truth->lazy)
			watcher_stop(&r->watchers[i]);
	viewer_stop(r, &r->viewers[INFORMERS - 1]);
	api_world_drop_client(&r->w, TAKE(r->local));
}

/* Perhaps not at the first try. */
static void start_server(struct run *r)
{
	if (draw(r, 3) == 0)
		sim_disk_fail(r->w.host, 1 + draw(r, 60), draw(r, 2) ? ERR_IO : ERR_NO_SPACE);
	if (api_world_start(&r->w)) {
		peace(r);
		EXPECT_INT(api_world_start(&r->w), 0);
	}
	peace(r);
	if (r->w.server)
		join(r);
}

static void step_restart(struct run *r, bool cut)
{
	if (cut) {
		r->cuts++;
		sim_disk_cut(r->w.host, 1 + draw(r, 40));
		for (int i = 0; i < 5; i++) {
			step_write(r);
			api_world_pass(&r->w, (int64_t)draw(r, (uint64_t)MSEC));
			reap(r);
		}
		sim_crash(r->w.host);
	} else {
		r->restarts++;
	}
	peace(r);
	leave(r);
	api_world_stop(&r->w);
	start_server(r);
}

/* ---- a run ---- */

static void step_watchers(struct run *r)
{
	for (int i = 0; i < WATCHERS; i++) {
		struct watcher *w = &r->watchers[i];

		if (w->state == WATCHER_OFF && w->truth->count && draw(r, 8) == 0) {
			const struct truth *t = w->truth;

			w->has_place = true;
			w->position =
				t->begins + (int64_t)draw(r, (uint64_t)(t->last - t->begins) + 1);
		}
		watcher_step(w,
			draw(r, 10) ? 0 : (int64_t)draw(r, (uint64_t)(draw(r, 4) ? MSEC : MINUTE)));
	}
}

static void step(struct run *r)
{
	uint64_t what = draw(r, 400);

	if (what < 220)
		step_write(r);
	else if (what < 260)
		pager_step(&r->listers[draw(r, LISTERS)]);
	else if (what < 370)
		api_world_pass(
			&r->w, (int64_t)draw(r, (uint64_t)(draw(r, 12) ? 3 * MSEC : 20 * SEC)));
	else if (what < 376)
		store_compact(r->w.server->store,
			store_compacted(r->w.server->store) +
				(int64_t)draw(r, (uint64_t)(published(r) -
							    store_compacted(r->w.server->store)) +
							 1));
	else if (what < 386)
		step_faults(r);
	else if (what < 388)
		step_restart(r, draw(r, 2));
	else if (what < 392)
		peace(r);
	if (!r->w.server)
		return;
	reap(r);
	for (int i = 0; i < LISTERS; i++)
		pager_reap(&r->listers[i]);
	step_watchers(r);
	observe(r);
}

static bool all_told(struct run *r)
{
	bool quiet = true;

	for (int i = 0; i < SLOTS; i++)
		quiet &= !r->slots[i].busy;
	for (int i = 0; i < LISTERS; i++)
		quiet &= !r->listers[i].busy;
	for (int i = 0; i < WATCHERS; i++)
		quiet &= watcher_caught_up(&r->watchers[i]);
	return quiet;
}

static bool all_quiet(struct run *r)
{
	bool quiet = all_told(r);

	for (int i = 0; i < INFORMERS; i++)
		quiet &= informer_synced(r->viewers[i].informer) &&
			 viewer_knows(r, &r->viewers[i], false);
	return quiet;
}

static void tick(struct run *r, int64_t ns)
{
	api_world_pass(&r->w, ns);
	reap(r);
	for (int k = 0; k < LISTERS; k++)
		pager_reap(&r->listers[k]);
	for (int k = 0; k < WATCHERS; k++)
		watcher_step(&r->watchers[k], 0);
}

static void come_to_rest(struct run *r)
{
	peace(r);
	for (int i = 0; i < 4000 && !test_failed() && !all_quiet(r); i++)
		tick(r, 100 * MSEC);
	/* And who waits for news has it at once; an informer may be waiting to come again. */
	for (int i = 0; i < 10; i++)
		step_write(r);
	for (int i = 0; i < 100 && !test_failed() && !all_told(r); i++)
		tick(r, 20 * MSEC);
	for (int i = 0; i < WATCHERS && !test_failed(); i++)
		EXPECT(watcher_caught_up(&r->watchers[i]));
	for (int i = 0; i < 4000 && !test_failed() && !all_quiet(r); i++)
		tick(r, 100 * MSEC);
	for (int i = 0; i < INFORMERS && !test_failed(); i++)
		viewer_knows(r, &r->viewers[i], true);
}

static void make_space(struct run *r, const char *name)
{
	struct client_request q;
	struct told told = {0};

	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("namespaces")),
		STR(""), STR(""));
	q.body = parse(&q.arena, arena_print(&q.arena, "{\"metadata\":{\"name\":\"%s\"}}", name));
	client_send(r->client, told_op(&told, r->w.root, OP_NO_DEADLINE), &q);
	api_world_await(&r->w, &told);
	EXPECT_OK(told.err.code, &told.err);
	client_request_done(&q);
	told_done(&told);
}

static bool run_init(struct run *r, uint64_t seed)
{
	static const char *const flags[] = {"--etcd-compaction-interval=60s",
		"--disable-admission-plugins=ServiceAccount", NULL};
	struct client_config config = {.server = STR("http://10.0.0.1"), .token = STR("rigtoken")};

	memset(r, 0, sizeof(*r));
	if (!api_world_open(&r->w, seed, flags))
		return false;
	r->rng = sim_rng(r->w.sim);
	r->heavy = seed % 5 == 0;
	peace(r);
	r->client = api_world_far_client(&r->w);
	r->raw = client_transport_https(r->w.far, r->w.root, &config);
	make_space(r, "a");
	make_space(r, "b");
	for (int i = 0; i < KINDS; i++)
		r->truths[i] = (struct truth){.lazy = i == 3,
			.resource = resource_find(
				str_from(kinds[i].group), STR("v1"), str_from(kinds[i].plural))};
	join(r);
	for (int i = 0; i < WATCHERS; i++)
		r->watchers[i] = (struct watcher){.world = &r->w,
			.truth = &r->truths[i % KINDS],
			.transport = r->raw,
			.form = i == 3   ? FORM_TABLE
				: i == 4 ? FORM_PARTIAL
					 : FORM_OBJECT,
			.space = (int)draw(r, TRUTH_SPACES + 1) - 1,
			.label = i % 2 ? '1' : TRUTH_ALL};
	for (int i = 0; i < LISTERS; i++)
		r->listers[i] = (struct pager){.world = &r->w,
			.client = r->client,
			.rng = r->rng,
			.truths = r->truths,
			.kinds = KINDS};
	for (int i = 0; i < INFORMERS - 1; i++)
		viewer_start(r, &r->viewers[i], i);
	return true;
}

static void run_done(struct run *r)
{
	struct told told = {0};

	peace(r);
	for (int i = 0; i < SLOTS; i++)
		if (r->slots[i].busy)
			api_world_await(&r->w, &r->slots[i].told);
	reap(r);
	for (int i = 0; i < LISTERS; i++)
		if (r->listers[i].busy) {
			api_world_await(&r->w, &r->listers[i].told);
			pager_reap(&r->listers[i]);
		}
	for (int i = 0; i < WATCHERS; i++)
		watcher_stop(&r->watchers[i]);
	for (int i = 0; i < INFORMERS - 1; i++)
		viewer_stop(r, &r->viewers[i]);
	if (r->w.server)
		leave(r);
	api_world_drop_client(&r->w, r->client);
	r->raw->ops->stop(r->raw, told_op(&told, r->w.root, OP_NO_DEADLINE));
	api_world_await(&r->w, &told);
	told_done(&told);
	r->raw->ops->free(r->raw);
	for (int i = 0; i < KINDS; i++)
		truth_done(&r->truths[i]);
	api_world_close(&r->w);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

TEST(what_the_server_answers_lists_and_tells_is_what_happened)
{
	static struct run r;
	uint64_t first = number_from("KUBE_SIM_SEED", 1),
		 seeds = number_from("KUBE_SIM_SEEDS", SEEDS);
	int acked = 0, refused = 0, unknown = 0, pages = 0, restarts = 0, cuts = 0;
	int events = 0, bookmarks = 0, expirations = 0;
	uint64_t trace = 0;

	for (uint64_t seed = first; seed < first + seeds && !test_failed(); seed++) {
		test_context("seed %llu", (unsigned long long)seed);
		if (run_init(&r, seed)) {
			for (int i = 0; i < STEPS && r.w.server && !test_failed(); i++)
				step(&r);
			if (r.w.server && !test_failed())
				come_to_rest(&r);
		}
		trace ^= sim_trace(r.w.sim);
		run_done(&r);
		acked += r.acked;
		refused += r.refused;
		unknown += r.unknown;
		restarts += r.restarts;
		cuts += r.cuts;
		for (int i = 0; i < LISTERS; i++)
			pages += r.listers[i].pages;
		for (int i = 0; i < WATCHERS; i++) {
			events += r.watchers[i].events;
			bookmarks += r.watchers[i].bookmarks;
			expirations += r.watchers[i].expirations;
		}
	}
	test_context_end();
	printf("%d acknowledged, %d refused, %d unknown, %d events, %d bookmarks, %d expirations, "
	       "%d pages, %d restarts, %d cuts; trace %016llx\n",
		acked, refused, unknown, events, bookmarks, expirations, pages, restarts, cuts,
		(unsigned long long)trace);
	/* Or it would show nothing. */
	EXPECT(test_failed() || seeds < SEEDS ||
		(acked > 40 * (int)seeds && refused > 1000 && pages > 1000 && events > 5000 &&
			bookmarks > 100 && expirations > 20 && cuts > 20 && restarts > 20));
}
