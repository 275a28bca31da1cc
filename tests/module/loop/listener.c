#include <kube/env.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_test.h"

static struct op *told_root(struct loop_test *t, struct told *told)
{
	return told_op(told, t->root, OP_NO_DEADLINE);
}

static struct listener *listen_at(struct loop_test *t, const char *address)
{
	struct err err = {0};
	struct address at;
	struct listener *l = NULL;
	EXPECT_OK(address_parse(str_from(address), &at, &err), &err);
	EXPECT_OK(net_listen(t->env, t->root, &at, 4096, &l, &err), &err);
	return l;
}

static int listen_code(struct loop_test *t, const char *address)
{
	struct err err = {0};
	struct address at;
	struct listener *l = NULL;
	EXPECT_OK(address_parse(str_from(address), &at, &err), &err);
	int code = net_listen(t->env, t->root, &at, 128, &l, &err);
	EXPECT(!code == !!l);
	EXPECT_INT(code, err.code);
	listener_close(l);
	err_done(&err);
	return code;
}

/* A folder of its own for the sockets of this program. */
static char folder[64];

static const char *path_in_folder(const char *name)
{
	static char path[ADDRESS_PATH_MAX];
	if (!folder[0])
		snprintf(folder, sizeof(folder), P_tmpdir "/kube-listener-%d", (int)getpid());
	mkdir(folder, 0700);
	snprintf(path, sizeof(path), "unix:%s/%s", folder, name);
	return path;
}

__attribute__((destructor)) static void remove_folder(void)
{
	rmdir(folder);
}

/* ---- accepting ---- */

TEST(connections_wait_in_the_backlog_until_somebody_accepts)
{
	struct loop_test t;
	struct stream *a[3] = {0}, *b[3] = {0};
	struct told connected[3] = {0}, accepted = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	struct listener *l = listen_at(&t, "127.0.0.1:0");
	for (int i = 0; i < 3; i++) {
		net_connect(t.env, told_root(&t, &connected[i]), t.root, &l->address, &a[i]);
		loop_test_run_until(&t, &connected[i].done);
	}
	for (int i = 0; i < 3; i++) {
		listener_accept(l, told_root(&t, &accepted), t.root, &b[i]);
		loop_test_run_until(&t, &accepted.done);
		EXPECT(address_eq(&b[i]->remote, &a[i]->local));
	}
	for (int i = 0; i < 3; i++) {
		stream_close(a[i]);
		stream_close(b[i]);
	}
	listener_close(l);
	loop_test_done(&t);
}

TEST(a_busy_backlog_without_acceptor_costs_no_turns)
{
	struct loop_test t;
	struct stream *a = NULL, *b = NULL, *c = NULL;
	struct told connected = {0}, accepted = {0}, later = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	struct listener *l = listen_at(&t, "127.0.0.1:0");
	listener_accept(l, told_root(&t, &accepted), t.root, &b);
	net_connect(t.env, told_root(&t, &connected), t.root, &l->address, &a);
	loop_test_run_until(&t, &accepted.done);
	loop_test_run_until(&t, &connected.done);
	net_connect(t.env, told_root(&t, &connected), t.root, &l->address, &c);
	loop_stats_reset(t.loop);
	timer_wait(told_root(&t, &later), loop_in(t.loop, 30 * MSEC));
	loop_test_run_until(&t, &later.done);
	struct loop_stats stats;
	loop_stats(t.loop, &stats);
	EXPECT(stats.turns < 20);
	stream_close(a);
	stream_close(b);
	stream_close(c);
	listener_close(l);
	loop_test_done(&t);
}

TEST(an_accept_can_be_cancelled_time_out_and_be_closed_under)
{
	struct loop_test t;
	struct stream *s = NULL;
	struct told accepted = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	struct listener *l = listen_at(&t, "127.0.0.1:0");
	listener_accept(l, told_root(&t, &accepted), t.root, &s);
	op_cancel(&accepted.op);
	loop_test_run_until(&t, &accepted.done);
	EXPECT_INT(accepted.err.code, ERR_CANCELLED);
	listener_accept(l, told_op(&accepted, t.root, loop_in(t.loop, 3 * MSEC)), t.root, &s);
	loop_test_run_until(&t, &accepted.done);
	EXPECT_INT(accepted.err.code, ERR_TIMEOUT);
	listener_accept(l, told_root(&t, &accepted), t.root, &s);
	listener_close(l);
	loop_test_run_until(&t, &accepted.done);
	EXPECT_INT(accepted.err.code, ERR_CANCELLED);
	EXPECT(!s);
	loop_test_done(&t);
}

/* ---- 2,000 at once ---- */

enum { CROWD = 2000 };

struct crowd {
	struct loop_test t;
	struct listener *l;
	struct op accept;
	struct stream *next;
	struct stream *a[CROWD], *b[CROWD];
	struct told connected[CROWD];
	int accepted;
	bool full;
};

static void crowd_accept(struct crowd *c);

static void crowd_accepted(struct op *op, struct err *err)
{
	struct crowd *c = CONTAINER_OF(op, struct crowd, accept);
	EXPECT_OK(err->code, err);
	c->b[c->accepted++] = c->next;
	c->full = c->accepted == CROWD;
	if (!c->full)
		crowd_accept(c);
}

static void crowd_accept(struct crowd *c)
{
	op_init(&c->accept, c->t.root, crowd_accepted, OP_NO_DEADLINE);
	listener_accept(c->l, &c->accept, c->t.root, &c->next);
}

TEST(two_thousand_connections_are_made_held_and_closed)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	REQUIRE(limit.rlim_cur > 2 * CROWD + 100);
	struct crowd *c = mem_new(sizeof(*c));
	loop_test_init(&c->t, LOOP_TEST_REAL);
	c->l = listen_at(&c->t, "127.0.0.1:0");
	crowd_accept(c);
	for (int i = 0; i < CROWD; i++)
		net_connect(c->t.env, told_root(&c->t, &c->connected[i]), c->t.root, &c->l->address,
			&c->a[i]);
	loop_test_run_until(&c->t, &c->full);
	for (int i = 0; i < CROWD; i++) {
		loop_test_run_until(&c->t, &c->connected[i].done);
		EXPECT_OK(c->connected[i].err.code, &c->connected[i].err);
		stream_close(c->a[i]);
		stream_close(c->b[i]);
	}
	listener_close(c->l);
	loop_test_done(&c->t);
	mem_free(c);
}

/* ---- out of descriptors ---- */

static int raw_connect(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	return -1;
}

/* In a child: takes every descriptor there is, lets the accept starve, gives one back. */
static bool starve(bool closing)
{
	struct loop_test t;
	struct stream *s = NULL;
	struct told accepted = {0}, later = {0}, last = {0}, closed = {0};
	struct loop_stats stats;
	int hoard[64], count = 0, more;
	loop_test_init(&t, LOOP_TEST_REAL);
	struct scope home;
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);
	struct listener *l;
	scope_init(&home, t.root, "home", NULL);
	if (!EXPECT_INT(net_listen(t.env, &home, &any, 128, &l, NULL), 0))
		return false;
	int client = raw_connect(l->address.port);
	const struct rlimit limit = {.rlim_cur = 40, .rlim_max = 40};
	setrlimit(RLIMIT_NOFILE, &limit);
	while (count < 64 && (more = dup(0)) >= 0)
		hoard[count++] = more;
	listener_accept(l, told_root(&t, &accepted), t.root, &s);
	timer_wait(told_root(&t, &later), loop_in(t.loop, 60 * MSEC));
	loop_test_run_until(&t, &later.done);
	loop_stats(t.loop, &stats);
	/* It neither failed nor span, and a connect says what is wrong. */
	EXPECT(!accepted.done && stats.turns < 30);
	net_connect(t.env, told_root(&t, &last), t.root, &l->address, &s);
	loop_test_run_until(&t, &last.done);
	EXPECT(last.err.code && !s);
	/* The listener's scope may be asked to end in the pause: who accepts elsewhere waits on. */
	if (closing)
		scope_close(&home, told_root(&t, &closed));
	close(hoard[--count]);
	loop_test_run_until(&t, &accepted.done);
	EXPECT_OK(accepted.err.code, &accepted.err);
	EXPECT(s != NULL);
	while (count > 0)
		close(hoard[--count]);
	stream_close(s);
	listener_close(l);
	if (!closing)
		scope_close(&home, told_root(&t, &closed));
	close(client);
	told_done(&last);
	loop_test_done(&t);
	return !test_failed();
}

static void starve_in_child(bool closing)
{
	pid_t child = fork();
	if (child == 0)
		_exit(starve(closing) ? 0 : 1);
	int status = -1;
	EXPECT_INT(waitpid(child, &status, 0), child);
	EXPECT_INT(status, 0);
}

TEST(running_out_of_descriptors_is_waited_out)
{
	starve_in_child(false);
}

TEST(running_out_of_descriptors_is_waited_out_while_the_listener_s_scope_closes)
{
	starve_in_child(true);
}

/* ---- places ---- */

TEST(a_taken_port_is_a_bad_address)
{
	struct loop_test t;
	char text[64];
	loop_test_init(&t, LOOP_TEST_REAL);
	struct listener *l = listen_at(&t, "127.0.0.1:0");
	snprintf(text, sizeof(text), "127.0.0.1:%d", l->address.port);
	EXPECT_INT(listen_code(&t, text), ERR_ADDRESS);
	listener_close(l);
	loop_test_done(&t);
}

TEST(a_port_can_be_listened_on_again_at_once)
{
	struct loop_test t;
	char text[64];
	struct stream *a = NULL, *b = NULL;
	struct told connected = {0}, accepted = {0}, later = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	struct listener *l = listen_at(&t, "127.0.0.1:0");
	snprintf(text, sizeof(text), "127.0.0.1:%d", l->address.port);
	listener_accept(l, told_root(&t, &accepted), t.root, &b);
	net_connect(t.env, told_root(&t, &connected), t.root, &l->address, &a);
	loop_test_run_until(&t, &accepted.done);
	loop_test_run_until(&t, &connected.done);
	stream_close(b); /* ours goes first: it is the one that stays in TIME_WAIT */
	timer_wait(told_root(&t, &later), loop_in(t.loop, 5 * MSEC));
	loop_test_run_until(&t, &later.done);
	stream_close(a);
	listener_close(l);
	l = listen_at(&t, text);
	listener_close(l);
	loop_test_done(&t);
}

TEST(an_address_that_is_not_ours_is_refused)
{
	struct loop_test t;
	loop_test_init(&t, LOOP_TEST_REAL);
	EXPECT_INT(listen_code(&t, "192.0.2.1:0"), ERR_ADDRESS);
	EXPECT_INT(listen_code(&t, "unix:/nowhere/at/all.sock"), ERR_NOT_FOUND);
	loop_test_done(&t);
}

TEST(a_unix_path_in_use_is_left_alone)
{
	struct loop_test t;
	loop_test_init(&t, LOOP_TEST_REAL);
	const char *path = path_in_folder("living");
	struct listener *l = listen_at(&t, path);
	EXPECT_INT(listen_code(&t, path), ERR_ADDRESS);
	struct stream *s = NULL;
	struct told connected = {0};
	net_connect(t.env, told_root(&t, &connected), t.root, &l->address, &s);
	loop_test_run_until(&t, &connected.done);
	EXPECT_OK(connected.err.code, &connected.err);
	stream_close(s);
	listener_close(l);
	struct stat st;
	EXPECT(lstat(path + 5, &st) < 0 && errno == ENOENT);
	loop_test_done(&t);
}

/* A socket whose process died without removing it. */
static void leave_dead_socket(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd);
}

TEST(a_dead_unix_socket_is_replaced)
{
	struct loop_test t;
	loop_test_init(&t, LOOP_TEST_REAL);
	const char *path = path_in_folder("dead");
	leave_dead_socket(path + 5);
	struct listener *l = listen_at(&t, path);
	EXPECT(l != NULL);
	listener_close(l);
	loop_test_done(&t);
}

TEST(a_file_that_is_no_socket_is_never_removed)
{
	struct loop_test t;
	struct stat st;
	loop_test_init(&t, LOOP_TEST_REAL);
	const char *path = path_in_folder("file");
	int fd = open(path + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	EXPECT_INT(listen_code(&t, path), ERR_ADDRESS);
	EXPECT_INT(lstat(path + 5, &st), 0);
	unlink(path + 5);
	loop_test_done(&t);
}

TEST(a_path_that_became_somebody_elses_stays)
{
	struct loop_test t;
	struct stat st;
	loop_test_init(&t, LOOP_TEST_REAL);
	const char *path = path_in_folder("taken");
	struct listener *l = listen_at(&t, path);
	unlink(path + 5);
	leave_dead_socket(path + 5);
	listener_close(l);
	EXPECT_INT(lstat(path + 5, &st), 0);
	unlink(path + 5);
	loop_test_done(&t);
}

/* ---- connecting ---- */

TEST(connecting_to_nobody_is_refused)
{
	struct loop_test t;
	struct stream *s = NULL;
	struct told connected = {0};
	struct address to = {.path = "@kube-nobody-listens-here"};
	loop_test_init(&t, LOOP_TEST_REAL);
	struct listener *l = listen_at(&t, "127.0.0.1:0");
	struct address gone = l->address;
	listener_close(l);
	net_connect(t.env, told_root(&t, &connected), t.root, &gone, &s);
	loop_test_run_until(&t, &connected.done);
	EXPECT_INT(connected.err.code, ERR_REFUSED);
	EXPECT(str_starts(str_from(err_text(&connected.err)), STR("connect 127.0.0.1:")));
	net_connect(t.env, told_root(&t, &connected), t.root, &to, &s);
	loop_test_run_until(&t, &connected.done);
	EXPECT_INT(connected.err.code, ERR_REFUSED);
	memcpy(to.path, "/nowhere.sock", sizeof("/nowhere.sock"));
	net_connect(t.env, told_root(&t, &connected), t.root, &to, &s);
	loop_test_run_until(&t, &connected.done);
	EXPECT_INT(connected.err.code, ERR_NOT_FOUND);
	to = (struct address){0};
	net_connect(t.env, told_root(&t, &connected), t.root, &to, &s);
	loop_test_run_until(&t, &connected.done);
	EXPECT_INT(connected.err.code, ERR_ADDRESS);
	EXPECT(!s);
	told_done(&connected);
	loop_test_done(&t);
}

/* A full backlog: the kernel neither answers nor refuses, over TCP nor over unix. */
static int fill_backlog(
	struct loop_test *t, struct listener *l, struct stream **a, struct told *told)
{
	for (int i = 0; i < 8; i++) {
		net_connect(t->env, told_op(&told[i], t->root, loop_in(t->loop, 30 * MSEC)),
			t->root, &l->address, &a[i]);
		loop_test_run_until(t, &told[i].done);
		if (told[i].err.code)
			return i;
	}
	return 8;
}

TEST(a_connect_that_hangs_can_be_cancelled_and_times_out)
{
	const char *const places[] = {"127.0.0.1:0", "unix:@kube-full"};
	for (size_t p = 0; p < ARRAY_LEN(places); p++) {
		struct loop_test t;
		struct err err = {0};
		struct address at;
		struct listener *l = NULL;
		struct stream *a[8] = {0}, *s = NULL;
		struct told told[8] = {0}, connected = {0};
		loop_test_init(&t, LOOP_TEST_REAL);
		EXPECT_OK(address_parse(str_from(places[p]), &at, &err), &err);
		EXPECT_OK(net_listen(t.env, t.root, &at, 1, &l, &err), &err);
		int i = fill_backlog(&t, l, a, told);
		REQUIRE(i < 8);
		EXPECT_INT(told[i].err.code, ERR_TIMEOUT);
		EXPECT_TEXT(err_text(&told[i].err), "timed out: connect");
		net_connect(t.env, told_root(&t, &connected), t.root, &l->address, &s);
		op_cancel(&connected.op);
		loop_test_run_until(&t, &connected.done);
		EXPECT_INT(connected.err.code, ERR_CANCELLED);
		EXPECT(!s);
		for (i = 0; i < 8; i++) {
			stream_close(a[i]);
			told_done(&told[i]);
		}
		listener_close(l);
		loop_test_done(&t);
	}
}

TEST(a_dump_says_nothing_of_what_a_posted_op_was_about)
{
	struct loop_test t;
	struct stream *s = NULL;
	struct told connected = {0};
	struct buf dump = BUF_INIT(4 * KIB);
	struct address to = {.path = "@kube-nobody-listens-here"};
	loop_test_init(&t, LOOP_TEST_REAL);
	/* It has failed by now, and its memory is gone; done has not been called. */
	net_connect(t.env, told_root(&t, &connected), t.root, &to, &s);
	loop_dump(t.loop, &dump);
	EXPECT_STR(buf_str(&dump), "scope root\n  op connect (posted)\n");
	buf_done(&dump);
	loop_test_run_until(&t, &connected.done);
	told_done(&connected);
	loop_test_done(&t);
}

TEST(a_connect_for_a_closing_scope_is_cancelled)
{
	struct loop_test t;
	struct scope s;
	struct stream *a = NULL;
	struct told connected = {0}, closed = {0};
	loop_test_init(&t, LOOP_TEST_REAL);
	struct listener *l = listen_at(&t, "127.0.0.1:0");
	scope_init(&s, t.root, "s", NULL);
	scope_close(&s, told_root(&t, &closed));
	net_connect(t.env, told_root(&t, &connected), &s, &l->address, &a);
	loop_test_run_until(&t, &connected.done);
	EXPECT_INT(connected.err.code, ERR_CANCELLED);
	listener_close(l);
	loop_test_done(&t);
}
