/*
 * The store on a real loop: several stores over one directory, archives that appear, everything
 * stopped in the middle, every await failing once. Archives and a registry come from the scripts
 * of tests/e2e. Only root unpacks layers: without it nothing is tested here.
 */
#include <kube/image_store.h>
#include <kube/runtime_native.h>
#include <kube/time.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop_torture.h"

struct place {
	char dir[64];
	int port; /* of the registry; 0: none runs */
};

static void sh(const struct place *p, const char *format, ...) KUBE_PRINTF(2, 3);
static void sh(const struct place *p, const char *format, ...)
{
	struct buf b = BUF_INIT(4 * KIB);
	va_list args;

	buf_print(&b, "cd %s && ", p->dir);
	va_start(args, format);
	buf_vprint(&b, format, args);
	va_end(args);
	EXPECT_INT(system(buf_text(&b)), 0);
	buf_done(&b);
}

static bool place_open(struct place *p)
{
	*p = (struct place){0};
	if (geteuid() != 0)
		return false;
	/* In memory, where that is: there are many rounds, each with its syncs. */
	snprintf(p->dir, sizeof(p->dir), "%s/kube-images-XXXXXX",
		access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!EXPECT(mkdtemp(p->dir) != NULL))
		return false;
	sh(p, "python3 " KUBE_SOURCE_DIR "/tests/e2e/make_image.py layout .");
	return !test_failed();
}

static void place_serve(struct place *p)
{
	FILE *f;

	sh(p, "{ python3 " KUBE_SOURCE_DIR "/tests/e2e/registry.py layout port >/dev/null 2>&1 & "
	      "echo $! >pid; for i in $(seq 100); do [ -s port ] || sleep 0.05; done; "
	      "test -s port; }");
	char path[96];
	snprintf(path, sizeof(path), "%s/port", p->dir);
	if ((f = fopen(path, "r"))) {
		EXPECT_INT(fscanf(f, "%d", &p->port), 1);
		fclose(f);
	}
}

static void place_close(struct place *p)
{
	if (p->port)
		sh(p, "kill $(cat pid)");
	if (p->dir[0])
		sh(p, "rm -rf %s", p->dir);
}

/* ---- one store ---- */

struct one {
	struct loop_test *t;
	struct image_store *store;
	struct told told, stopped;
};

static struct image_store *open_store(
	struct one *o, struct loop_test *t, const struct place *p, const char *drop)
{
	struct image_store_options options = {.root = p->dir, .drop = drop};

	*o = (struct one){.t = t};
	image_store_open(
		t->env, told_op(&o->told, t->root, OP_NO_DEADLINE), t->root, &options, &o->store);
	loop_test_run_until(t, &o->told.done);
	EXPECT_OK(o->told.err.code, &o->told.err);
	return o->store;
}

static void close_store(struct one *o)
{
	if (o->store) {
		image_store_stop(o->store, told_op(&o->stopped, o->t->root, OP_NO_DEADLINE));
		loop_test_run_until(o->t, &o->stopped.done);
		image_store_free(o->store);
	}
	told_done(&o->told);
	told_done(&o->stopped);
}

static int import(struct one *o, const struct place *p, const char *name)
{
	struct arena a;
	char path[128];
	struct image_import import = {.path = path, .arena = &a};

	arena_init(&a);
	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	image_store_import(o->store, told_op(&o->told, o->t->root, OP_NO_DEADLINE), &import);
	loop_test_run_until(o->t, &o->told.done);
	arena_done(&a);
	return o->told.err.code;
}

static const struct image *find(struct one *o, const char *name)
{
	struct runtime_images *i = image_store_images(o->store);

	return i->find(i, str_from(name));
}

/* Others' changes come by themselves. */
static bool appears(struct one *o, const char *name, bool wanted)
{
	for (int i = 0; i < 200; i++) {
		struct told pause = {0};
		if ((find(o, name) != NULL) == wanted)
			return true;
		timer_wait(told_op(&pause, o->t->root, OP_NO_DEADLINE),
			loop_in(o->t->loop, 20 * MSEC));
		loop_test_run_until(o->t, &pause.done);
		told_done(&pause);
	}
	return false;
}

TEST(an_imported_image_is_found_by_every_name)
{
	struct place p;
	struct loop_test t;
	struct one o;

	if (!place_open(&p))
		return;
	loop_test_init(&t, LOOP_TEST_REAL);
	if (open_store(&o, &t, &p, "")) {
		EXPECT_INT(import(&o, &p, "oci.tar"), 0);
		const struct image *image = find(&o, "made:1");
		if (EXPECT(image != NULL)) {
			struct runtime_images *i = image_store_images(o.store);
			const struct image *const *list;
			struct image_root root;
			struct image_usage usage;
			EXPECT(find(&o, "docker.io/library/made:1") == image);
			EXPECT(i->find(i, image->id) == image);
			EXPECT(i->find(i, str_skip(image->id, 7)) == image);
			EXPECT(i->find(i, image->digests[0]) == image);
			EXPECT(!find(&o, "made"));
			EXPECT(image->pinned);
			EXPECT_INT(image->uid, 12);
			EXPECT_INT(i->list(i, &list), 1);
			image_store_usage(o.store, &usage);
			EXPECT_INT(usage.layers, 3);
			EXPECT_INT(usage.bytes, image->size);
			int64_t before = image->last_used;
			REQUIRE(i->root(i, image->id, &root));
			EXPECT(image->last_used > before);
			EXPECT_INT(root.lower_count, 3);
			EXPECT_STR(root.user, "12:34");
			EXPECT_STR(root.command[0], "/bin/setuid");
			EXPECT(str_starts(root.reference, STR("docker.io/library/made@sha256:")));
			char opaque[256];
			snprintf(opaque, sizeof(opaque), "%.*s/etc/opaque/new",
				STRF(root.lowers[0]));
			EXPECT_INT(access(opaque, F_OK), 0);
		}
		close_store(&o);
	}
	loop_test_done(&t);
	place_close(&p);
}

TEST(what_another_process_changes_is_seen)
{
	struct place p;
	struct loop_test t;
	struct one here, there;

	if (!place_open(&p))
		return;
	loop_test_init(&t, LOOP_TEST_REAL);
	if (open_store(&here, &t, &p, "") && open_store(&there, &t, &p, "")) {
		EXPECT_INT(import(&there, &p, "docker.tar"), 0);
		EXPECT(appears(&here, "made:1", true));
		image_store_remove(
			there.store, told_op(&there.told, t.root, OP_NO_DEADLINE), STR("made:1"));
		loop_test_run_until(&t, &there.told.done);
		EXPECT_INT(there.told.err.code, 0);
		EXPECT(appears(&here, "made:1", false));
		image_store_remove(
			there.store, told_op(&there.told, t.root, OP_NO_DEADLINE), STR("made:1"));
		loop_test_run_until(&t, &there.told.done);
		EXPECT_INT(there.told.err.code, ERR_NOT_FOUND);
		close_store(&here);
		close_store(&there);
	}
	loop_test_done(&t);
	place_close(&p);
}

TEST(archives_in_the_directory_are_imported)
{
	struct place p;
	struct loop_test t;
	struct one o;
	char drop[96];

	if (!place_open(&p))
		return;
	sh(&p, "mkdir drop && cp oci.tar drop/ && echo nothing >drop/damaged.tar");
	snprintf(drop, sizeof(drop), "%s/drop", p.dir);
	loop_test_init(&t, LOOP_TEST_REAL);
	if (open_store(&o, &t, &p, drop)) {
		EXPECT(appears(&o, "made:1", true));
		sh(&p, "head -c 100000 large.tar >drop/large.tar"); /* being written */
		sh(&p, "cp large.tar drop/large.tar");
		EXPECT(appears(&o, "large:1", true));
		close_store(&o);
	}
	loop_test_done(&t);
	place_close(&p);
}

TEST(a_layer_that_is_gone_is_fetched_again)
{
	struct place p;
	struct loop_test t;
	struct one o;

	if (!place_open(&p))
		return;
	loop_test_init(&t, LOOP_TEST_REAL);
	if (open_store(&o, &t, &p, "")) {
		EXPECT_INT(import(&o, &p, "oci.tar"), 0);
		close_store(&o);
	}
	sh(&p, "rm -rf images/layers/$(ls images/layers | head -n 1)");
	if (open_store(&o, &t, &p, "")) {
		EXPECT(!find(&o, "made:1"));
		EXPECT_INT(import(&o, &p, "oci.tar"), 0);
		EXPECT(find(&o, "made:1") != NULL);
		close_store(&o);
	}
	loop_test_done(&t);
	place_close(&p);
}

TEST(stopping_ends_an_import_from_a_pipe_that_says_nothing)
{
	struct place p;
	struct loop_test t;
	struct one o;
	int pipes[2];
	struct told told = {0};

	if (!place_open(&p))
		return;
	loop_test_init(&t, LOOP_TEST_REAL);
	EXPECT_INT(pipe2(pipes, O_CLOEXEC), 0);
	if (open_store(&o, &t, &p, "")) {
		struct arena a;
		arena_init(&a);
		struct image_import import = {.fd = pipes[0], .arena = &a};
		image_store_import(o.store, told_op(&told, t.root, OP_NO_DEADLINE), &import);
		close_store(&o);
		loop_test_run_until(&t, &told.done);
		EXPECT_INT(told.err.code, ERR_CANCELLED);
		told_done(&told);
		arena_done(&a);
	}
	close(pipes[0]);
	close(pipes[1]);
	loop_test_done(&t);
	place_close(&p);
}

TEST(mirrors_are_tried_before_the_registry_and_progress_is_seen)
{
	struct place p;
	struct loop_test t;
	struct one o = {.t = &t};
	char mirror[64];

	if (!place_open(&p))
		return;
	place_serve(&p);
	snprintf(mirror, sizeof(mirror), "http://127.0.0.1:%d/", p.port);
	struct str mirrors[] = {STR("http://127.0.0.1:1"), str_from(mirror)};
	struct image_registry registry = {
		.host = STR("made.example"), .mirrors = mirrors, .mirror_count = 2};
	struct image_store_options options = {
		.root = p.dir, .drop = "", .registries = &registry, .registry_count = 1};
	struct runtime_pull pull = {.reference = STR("made.example/torn/x:1")};
	const struct image_pull_state *states;
	int64_t most = 0;

	loop_test_init(&t, LOOP_TEST_REAL);
	image_store_open(
		t.env, told_op(&o.told, t.root, OP_NO_DEADLINE), t.root, &options, &o.store);
	loop_test_run_until(&t, &o.told.done);
	if (EXPECT(o.store != NULL)) {
		image_store_pull(o.store, told_op(&o.told, t.root, OP_NO_DEADLINE), &pull);
		while (!o.told.done) {
			struct told pause = {0};
			if (image_store_pulls(o.store, &states) == 1) {
				EXPECT_STR(states[0].reference, "made.example/torn/x:1");
				EXPECT(states[0].bytes <= states[0].bytes_total);
				most = MAX(most, states[0].bytes_total);
			}
			timer_wait(told_op(&pause, t.root, OP_NO_DEADLINE),
				loop_in(t.loop, 10 * MSEC));
			loop_test_run_until(&t, &pause.done);
			told_done(&pause);
		}
		EXPECT_OK(o.told.err.code, &o.told.err);
		EXPECT(most > 100000);
		EXPECT_INT(image_store_pulls(o.store, &states), 0);
		const struct image *image = find(&o, "made.example/torn/x:1");
		EXPECT(image && !image->pinned && str_eq(image->id, pull.id));
		close_store(&o);
	}
	loop_test_done(&t);
	place_close(&p);
}

/* ---- every await failing once ---- */

struct torture {
	struct place place;
	struct loop_test *t;
	struct image_store *store;
	struct op op;
	struct scope *root;
	struct arena arena;
	struct runtime_pull pull;
	struct image_import import;
	char path[96], reference[64];
	struct image_registry registry;
	bool by_pull;
	int step, fine;
};

static void torture_next(struct op *op, struct err *err)
{
	struct torture *x = CONTAINER_OF(op, struct torture, op);
	int step = x->step++;

	if (step == 0 && err->code)
		return;
	if (step == 0 || (step == 1 && err->code == 0)) {
		op_init(op, x->root, torture_next, OP_NO_DEADLINE);
		if (step == 1)
			image_store_remove(x->store, op, str_from(x->reference));
		else if (x->by_pull)
			image_store_pull(x->store, op, &x->pull);
		else
			image_store_import(x->store, op, &x->import);
		return;
	}
	if (step <= 2) {
		x->fine += step == 2 && !err->code;
		x->step = 3;
		op_init(op, x->root, torture_next, OP_NO_DEADLINE);
		image_store_stop(x->store, op);
		return;
	}
	image_store_free(TAKE(x->store));
}

static void torture_start(struct loop_test *t, void *ctx)
{
	struct torture *x = ctx;
	struct image_store_options options = {.root = x->place.dir,
		.drop = "",
		.registries = &x->registry,
		.registry_count = 1,
		.parallel = 2,
		.retries = -1};

	x->root = t->root;
	x->step = x->fine = 0;
	x->store = NULL;
	arena_reset(&x->arena);
	op_init(&x->op, t->root, torture_next, OP_NO_DEADLINE);
	image_store_open(t->env, &x->op, t->root, &options, &x->store);
}

static void torture_check(struct loop_test *t, void *ctx)
{
	struct torture *x = ctx;

	EXPECT(!x->store);
	if (!loop_torture_hit(t->loop))
		EXPECT_INT(x->fine, 1);
	sh(&x->place, "test -z \"$(ls images/incoming 2>/dev/null)\"");
	sh(&x->place, "rm -rf images");
}

static void torture(bool by_pull)
{
	struct torture x = {.by_pull = by_pull};

	if (!place_open(&x.place))
		return;
	arena_init(&x.arena);
	if (by_pull)
		place_serve(&x.place);
	snprintf(x.path, sizeof(x.path), "%s/oci.tar", x.place.dir);
	snprintf(x.reference, sizeof(x.reference), by_pull ? "127.0.0.1:%d/token/x:1" : "made:1",
		x.place.port);
	x.import = (struct image_import){.path = x.path, .arena = &x.arena};
	x.pull.reference = str_from(x.reference);
	char host[32];
	snprintf(host, sizeof(host), "127.0.0.1:%d", x.place.port);
	x.registry = (struct image_registry){.host = str_from(host), .insecure = true};
	EXPECT(loop_torture_run(LOOP_TEST_REAL, torture_start, torture_check, &x) > 10);
	arena_done(&x.arena);
	place_close(&x.place);
}

TEST(an_import_survives_every_failure)
{
	torture(false);
}

TEST(a_pull_survives_every_failure)
{
	torture(true);
}
