#include <kube/file_watch.h>
#include <kube/sim.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loop_torture.h"

/* ---- a directory of the test's own, and one watch ---- */

struct place {
	struct loop_test t;
	struct scope scope;
	struct told told, closed;
	struct file_watch *watch;
	char dir[64];
};

static void sh(struct place *p, const char *format, ...) KUBE_PRINTF(2, 3);
static void sh(struct place *p, const char *format, ...)
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

static void place_open(struct place *p)
{
	*p = (struct place){.dir = "/tmp/kube-file-watch-XXXXXX"};
	REQUIRE(mkdtemp(p->dir));
	loop_test_init(&p->t, LOOP_TEST_REAL);
	scope_init(&p->scope, p->t.root, "place", NULL);
}

static struct file_watch *watch_new(struct place *p, const char *name)
{
	struct buf b = BUF_INIT(KIB);
	buf_print(&b, "%s/%s", p->dir, name);
	struct file_watch *w = file_watch_new(p->t.env, &p->scope, buf_text(&b));
	buf_done(&b);
	return w;
}

static void watch(struct place *p, const char *name)
{
	p->watch = watch_new(p, name);
}

/* true: it is told within the time. */
static bool hears_within(struct place *p, int64_t ns)
{
	file_watch_wait(p->watch, told_op(&p->told, &p->scope, loop_in(p->t.loop, ns)));
	loop_test_run_until(&p->t, &p->told.done);
	EXPECT(!p->told.err.code || p->told.err.code == ERR_TIMEOUT);
	return !p->told.err.code;
}

static bool hears(struct place *p)
{
	return hears_within(p, 5 * SEC);
}

/* Nothing more is on its way: the kernel says what has happened before it says it is done. */
static bool is_quiet(struct place *p)
{
	return !hears_within(p, 20 * MSEC);
}

static void settle(struct place *p)
{
	while (hears_within(p, 20 * MSEC))
		;
}

static void place_close(struct place *p)
{
	file_watch_close(TAKE(p->watch));
	scope_close(&p->scope, told_op(&p->closed, p->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&p->t, &p->closed.done);
	told_done(&p->told);
	if (access(p->dir, F_OK) == 0)
		sh(p, "chmod -R u+rwx . && rm -rf %s", p->dir);
	loop_test_done(&p->t);
}

TEST(a_file_is_written_replaced_removed_and_made_again)
{
	struct place p;
	place_open(&p);
	sh(&p, "echo 1 > token; echo 1 > other");
	watch(&p, "token");
	EXPECT(is_quiet(&p));
	sh(&p, "echo 2 > token");
	EXPECT(hears(&p));
	EXPECT(is_quiet(&p));
	sh(&p, "echo 3 > new; mv new token");
	EXPECT(hears(&p));
	settle(&p);
	sh(&p, "echo 4 > token");
	EXPECT(hears(&p));
	settle(&p);
	sh(&p, "rm token");
	EXPECT(hears(&p));
	settle(&p);
	sh(&p, "echo 5 > token");
	EXPECT(hears(&p));
	settle(&p);
	sh(&p, "echo 2 > other; cat token > copy; touch sub; ln -s token link");
	EXPECT(is_quiet(&p));
	place_close(&p);
}

TEST(what_does_not_exist_yet_is_waited_for_with_its_directories)
{
	struct place p;
	place_open(&p);
	watch(&p, "a/b/../b/./c//file");
	EXPECT(is_quiet(&p));
	sh(&p, "mkdir a");
	EXPECT(hears(&p));
	sh(&p, "mkdir -p a/b/c");
	EXPECT(hears(&p));
	settle(&p);
	sh(&p, "echo 1 > a/b/c/file");
	EXPECT(hears(&p));
	settle(&p);
	/* A whole tree moved away, another one in its place. */
	sh(&p, "mkdir -p z/b/c; echo 2 > z/b/c/file");
	EXPECT(is_quiet(&p));
	sh(&p, "mv a y; mv z a");
	EXPECT(hears(&p));
	settle(&p);
	sh(&p, "echo 3 > y/b/c/file");
	EXPECT(is_quiet(&p));
	sh(&p, "echo 3 > a/b/c/file");
	EXPECT(hears(&p));
	settle(&p);
	sh(&p, "rm -r a");
	EXPECT(hears(&p));
	settle(&p);
	sh(&p, "mkdir -p a/b/c; echo 4 > a/b/c/file");
	EXPECT(hears(&p));
	place_close(&p);
}

TEST(directories_are_swapped_behind_links)
{
	struct place p;
	place_open(&p);
	sh(&p,
		"mkdir ..1; echo 1 > ..1/token; ln -s ..1 ..data; ln -s ..data/token token; "
		"mkdir -p far/away; ln -s %s/far/away/../../token absolute; ln -s absolute last",
		p.dir);
	watch(&p, "last");
	EXPECT(is_quiet(&p));
	for (int i = 2; i < 5; i++) {
		sh(&p, "mkdir ..%d; echo %d > ..%d/token", i, i, i);
		EXPECT(is_quiet(&p));
		sh(&p, "ln -s ..%d ..new; mv -T ..new ..data", i);
		EXPECT(hears(&p));
		settle(&p);
		sh(&p, "rm -r ..%d", i - 1);
		EXPECT(is_quiet(&p));
	}
	sh(&p, "echo in place > ..4/token");
	EXPECT(hears(&p));
	settle(&p);
	sh(&p, "rm absolute; ln -s absolute absolute");
	EXPECT(hears(&p)); /* a circle leads nowhere */
	settle(&p);
	sh(&p, "rm absolute; ln -s ..data/token absolute");
	EXPECT(hears(&p));
	place_close(&p);
}

TEST(a_directory_is_watched_with_all_its_names)
{
	struct place p;
	place_open(&p);
	sh(&p, "mkdir -p manifests/sub; echo 1 > manifests/a");
	watch(&p, "manifests/");
	const char *const changes[] = {"echo 2 > manifests/a", "echo 1 > manifests/b",
		"rm manifests/a", "mv manifests/b manifests/c", "mkdir manifests/d",
		"mv manifests gone; mkdir manifests", "echo 1 > manifests/e", "rm -r manifests"};
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		test_context("%s", changes[i]);
		sh(&p, "%s", changes[i]);
		EXPECT(hears(&p));
		settle(&p);
		sh(&p, "echo 1 > elsewhere; [ ! -d manifests/sub ] || echo 1 > manifests/sub/x");
		EXPECT(is_quiet(&p));
	}
	test_context_end();
	place_close(&p);
}

TEST(changes_are_counted_together_and_kept_until_somebody_asks)
{
	struct place p;
	struct told later = {0};
	place_open(&p);
	watch(&p, "token");
	for (int i = 0; i < 50; i++)
		sh(&p, "echo %d > new; mv new token", i);
	timer_wait(told_op(&later, &p.scope, OP_NO_DEADLINE), loop_in(p.t.loop, 10 * MSEC));
	loop_test_run_until(&p.t, &later.done);
	EXPECT(hears(&p));
	settle(&p);
	EXPECT(is_quiet(&p));
	place_close(&p);
}

TEST(one_inotify_serves_many_watches)
{
	struct place p;
	struct file_watch *watches[40];
	struct told told[ARRAY_LEN(watches)] = {0};
	char name[16];
	place_open(&p);
	int before = loop_test_count_descriptors();
	for (size_t i = 0; i < ARRAY_LEN(watches); i++) {
		snprintf(name, sizeof(name), "f%zu", i / 2);
		watches[i] = watch_new(&p, name);
		file_watch_wait(watches[i], told_op(&told[i], &p.scope, OP_NO_DEADLINE));
	}
	EXPECT_INT(loop_test_count_descriptors(), before + 1);
	sh(&p, "echo 1 > f3; echo 1 > f7");
	loop_test_run_until(&p.t, &told[15].done);
	for (size_t i = 0; i < ARRAY_LEN(watches); i++) {
		EXPECT_INT(told[i].done, i / 2 == 3 || i / 2 == 7);
		file_watch_close(watches[i]);
	}
	watch(&p, "f3");
	sh(&p, "echo 2 > f3");
	EXPECT(hears(&p));
	place_close(&p);
	for (size_t i = 0; i < ARRAY_LEN(watches); i++)
		told_done(&told[i]);
}

TEST(when_the_kernel_has_lost_count_everybody_looks_again)
{
	struct place p;
	struct file_watch *other;
	struct told told = {0};
	unsigned max = 16384;
	place_open(&p);
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	if (f && fscanf(f, "%u", &max) != 1)
		max = 16384;
	if (f)
		fclose(f);
	if (max > 100000) {
		place_close(&p);
		return;
	}
	sh(&p, "mkdir noisy quiet");
	watch(&p, "quiet/token");
	other = watch_new(&p, "noisy");
	/* Two names by turns: the kernel drops an event that equals the one before. */
	char path[2][96];
	for (int i = 0; i < 2; i++)
		snprintf(path[i], sizeof(path[i]), "%s/noisy/%d", p.dir, i);
	for (unsigned i = 0; i < max + 10; i++)
		close(open(path[i % 2], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	file_watch_wait(other, told_op(&told, &p.scope, OP_NO_DEADLINE));
	loop_test_run_until(&p.t, &told.done);
	EXPECT(hears(&p));
	sh(&p, "echo 1 > quiet/token");
	EXPECT(hears(&p));
	file_watch_close(other);
	place_close(&p);
	told_done(&told);
}

TEST(waits_are_given_up_and_end_with_their_watch)
{
	struct place p;
	place_open(&p);
	watch(&p, "token");
	file_watch_wait(p.watch, told_op(&p.told, &p.scope, OP_NO_DEADLINE));
	op_cancel(&p.told.op);
	loop_test_run_until(&p.t, &p.told.done);
	EXPECT_INT(p.told.err.code, ERR_CANCELLED);
	file_watch_wait(p.watch, told_op(&p.told, &p.scope, OP_NO_DEADLINE));
	file_watch_close(TAKE(p.watch));
	loop_test_run_until(&p.t, &p.told.done);
	EXPECT_INT(p.told.err.code, ERR_CANCELLED);
	file_watch_close(NULL);
	place_close(&p);
}

/* ---- without inotify: no descriptor is left for it ---- */

static struct file_watch *watch_without(struct env *env, struct scope *scope, const char *path)
{
	struct rlimit limit, none;
	EXPECT_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct file_watch *w = file_watch_new(env, scope, path);
	EXPECT_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return w;
}

TEST(without_inotify_files_are_looked_at)
{
	struct place p;
	char path[2][96];
	place_open(&p);
	snprintf(path[0], sizeof(path[0]), "%s/token", p.dir);
	snprintf(path[1], sizeof(path[1]), "%s/dir", p.dir);
	sh(&p, "echo 1 > token; mkdir dir");
	int before = loop_test_count_descriptors();
	p.watch = watch_without(p.t.env, &p.scope, path[0]);
	EXPECT_INT(loop_test_count_descriptors(), before);
	EXPECT(is_quiet(&p));
	sh(&p, "echo 2 > token");
	EXPECT(hears(&p));
	EXPECT(is_quiet(&p));
	sh(&p, "rm token");
	EXPECT(hears(&p));
	file_watch_close(p.watch);
	p.watch = watch_without(p.t.env, &p.scope, path[1]);
	sh(&p, "echo 1 > dir/x");
	EXPECT(hears(&p));
	file_watch_wait(p.watch, told_op(&p.told, &p.scope, OP_NO_DEADLINE));
	file_watch_close(TAKE(p.watch));
	loop_test_run_until(&p.t, &p.told.done);
	place_close(&p);
}

/* ---- torture ---- */

struct tortured {
	struct file_watch *watch;
	struct told told;
	struct op op;
	struct loop_test *t;
	const char *path;
	int heard;
	bool looks; /* no inotify */
};

static void tortured_next(struct tortured *x);

static void on_heard(struct op *op, struct err *err)
{
	struct tortured *x = CONTAINER_OF(op, struct tortured, op);
	if (!err->code && ++x->heard < 3)
		tortured_next(x);
	else
		file_watch_close(TAKE(x->watch));
}

static void tortured_write(struct tortured *x)
{
	int fd = open(x->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	EXPECT(write(fd, "x", 1) == 1);
	close(fd);
}

static void tortured_next(struct tortured *x)
{
	op_init(&x->op, x->t->root, on_heard, OP_NO_DEADLINE);
	if (x->looks) /* before the first look, so that it does not take a second */
		tortured_write(x);
	file_watch_wait(x->watch, &x->op);
	if (!x->looks)
		tortured_write(x);
}

static void torture_start(struct loop_test *t, void *ctx)
{
	struct tortured *x = ctx;
	x->t = t;
	x->heard = 0;
	x->watch = x->looks ? watch_without(t->env, t->root, x->path)
			    : file_watch_new(t->env, t->root, x->path);
	tortured_next(x);
}

static void torture_check(struct loop_test *t, void *ctx)
{
	struct tortured *x = ctx;
	if (!loop_torture_hit(t->loop))
		EXPECT_INT(x->heard, 3);
	EXPECT(!x->watch);
}

TEST(waiting_survives_torture)
{
	struct place p;
	struct tortured x = {0};
	char path[96];
	place_open(&p);
	snprintf(path, sizeof(path), "%s/token", p.dir);
	x.path = path;
	EXPECT(loop_torture_run(LOOP_TEST_REAL, torture_start, torture_check, &x) >= 7);
	x.looks = true;
	EXPECT(loop_torture_run(LOOP_TEST_REAL, torture_start, torture_check, &x) >= 13);
	place_close(&p);
}

/* ---- the simulator's disk ---- */

struct told_world {
	struct sim *sim;
	struct env *host;
	struct told told, closed;
	struct scope scope;
	struct file_watch *watch;
};

static bool world_hears(struct told_world *w)
{
	struct err err = {0};
	file_watch_wait(
		w->watch, told_op(&w->told, &w->scope, loop_in(sim_loop(w->sim), 10 * SEC)));
	EXPECT_OK(loop_run_until(sim_loop(w->sim), &w->told.done, &err), &err);
	return !w->told.err.code;
}

static void world_write(struct told_world *w, const char *path, const char *text)
{
	struct err err = {0};
	EXPECT_OK(disk_write_file(w->host->disk, path, str_from(text), 0600, &err), &err);
}

TEST(files_of_the_simulator_are_watched)
{
	struct told_world w = {.sim = sim_new(1)};
	struct err err = {0};
	struct ip ip;
	REQUIRE(ip_parse(STR("10.0.0.1"), &ip));
	w.host = sim_host(w.sim, "a", ip);
	scope_init(&w.scope, loop_root(sim_loop(w.sim)), "world", NULL);
	EXPECT_OK(disk_make_dirs(w.host->disk, "/etc/certs", 0755, &err), &err);
	world_write(&w, "/etc/certs/token", "1");
	w.watch = file_watch_new(w.host, &w.scope, "/etc/certs/token");
	EXPECT(!world_hears(&w));
	world_write(&w, "/etc/certs/token", "2");
	EXPECT(world_hears(&w));
	EXPECT(!world_hears(&w));
	file_watch_close(w.watch);
	w.watch = file_watch_new(w.host, &w.scope, "/etc/certs");
	world_write(&w, "/etc/certs/other", "1");
	EXPECT(world_hears(&w));
	EXPECT(!world_hears(&w));
	file_watch_close(w.watch);
	scope_close(&w.scope, told_op(&w.closed, loop_root(sim_loop(w.sim)), OP_NO_DEADLINE));
	EXPECT_OK(loop_run(sim_loop(w.sim), &err), &err);
	told_done(&w.told);
	sim_free(w.sim);
}
