#include <kube/mem.h>
#include <kube/process.h>
#include <kube/task.h>
#include <kube/time.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop_torture.h"

/* ---- one run of a program: its output whole, its end ---- */

struct run {
	struct loop_test t;
	struct scope scope;
	struct told told, closed;
	struct process *process;
	struct buf out;
};

static void run_open(struct run *r)
{
	*r = (struct run){.out = BUF_INIT(64 * KIB)};
	loop_test_init(&r->t, LOOP_TEST_REAL);
	scope_init(&r->scope, r->t.root, "run", NULL);
}

static int await(struct run *r)
{
	loop_test_run_until(&r->t, &r->told.done);
	return r->told.err.code;
}

static struct op *told_run(struct run *r)
{
	return told_op(&r->told, &r->scope, OP_NO_DEADLINE);
}

static int start(struct run *r, const struct process_options *options)
{
	process_start(told_run(r), &r->scope, options, &r->process);
	return await(r);
}

static void read_all(struct run *r, struct stream *s)
{
	do {
		stream_read(s, told_run(r), &r->out, 4096);
		if (await(r))
			break;
	} while (r->told.n);
}

/* No zombie either: every child was waited for. */
static void run_close(struct run *r)
{
	process_close(TAKE(r->process));
	scope_close(&r->scope, told_op(&r->closed, r->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&r->t, &r->closed.done);
	told_done(&r->told);
	buf_done(&r->out);
	loop_test_done(&r->t);
	EXPECT(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
}

static const struct process_fd out_only[] = {{.number = 1, .kind = PROCESS_FD_WRITES}};

#define SHELL(text)                                                                                \
	(const char *const[])                                                                      \
	{                                                                                          \
		"sh", "-c", text, NULL                                                             \
	}

/* Starts it, reads descriptor 1 to its end, waits; gives what process_wait gave. */
static int64_t run_options(struct run *r, struct process_options options)
{
	if (!options.fds) {
		options.fds = out_only;
		options.fd_count = 1;
	}
	buf_clear(&r->out);
	if (start(r, &options)) {
		test_fail(__FILE__, __LINE__, "%s", err_text(&r->told.err));
		return -1000;
	}
	struct stream *out = process_take_stream(r->process, 1);
	EXPECT(out && !process_take_stream(r->process, 1));
	read_all(r, out);
	stream_close(out);
	process_wait(r->process, told_run(r));
	await(r);
	int64_t result = r->told.n;
	EXPECT_INT(r->told.err.code, 0);
	EXPECT(process_over(r->process));
	process_close(TAKE(r->process));
	while (r->out.len && r->out.at[r->out.len - 1] == '\n')
		r->out.len--;
	return result;
}

static int64_t run_shell(struct run *r, const char *text)
{
	return run_options(r, (struct process_options){.argv = SHELL(text)});
}

TEST(a_program_runs_writes_and_ends)
{
	struct run r;
	run_open(&r);
	EXPECT_INT(run_shell(&r, "echo hello; exit 7"), 7);
	EXPECT_STR(buf_str(&r.out), "hello");
	EXPECT_INT(run_shell(&r, "true"), 0);
	EXPECT_INT(run_shell(&r, "kill -TERM $$"), -SIGTERM);
	run_close(&r);
}

TEST(what_is_not_there_is_told_by_the_step_that_failed)
{
	const struct {
		struct process_options options;
		int code;
		const char *text;
	} rows[] = {
		{{.argv = (const char *const[]){"no-such-program-here", NULL}}, ERR_NOT_FOUND,
			"exec no-such-program-here: no such file or directory"},
		{{.argv = (const char *const[]){"/etc/passwd", NULL}}, ERR_PERMISSION,
			"exec /etc/passwd: permission denied"},
		{{.argv = (const char *const[]){"", NULL}}, ERR_NOT_FOUND,
			"exec : no such file or directory"},
		{{.argv = SHELL("true"), .directory = "/no/such"}, ERR_NOT_FOUND,
			"chdir /no/such: no such file or directory"},
		{{.argv = SHELL("true"),
			 .fds = (const struct process_fd[]){{1, PROCESS_FD_GIVEN, 999}},
			 .fd_count = 1},
			ERR_INTERNAL, "arranging descriptors for sh: bad file descriptor"},
		{{.argv = SHELL("true"), .group = PROCESS_SESSION_NEW, .terminal = true}, ERR_IO,
			"taking the terminal for sh: inappropriate ioctl for device"},
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run r;
		test_context("row %zu", i);
		run_open(&r);
		EXPECT_INT(start(&r, &rows[i].options), rows[i].code);
		EXPECT_TEXT(err_text(&r.told.err), rows[i].text);
		EXPECT(!r.process);
		run_close(&r);
	}
	test_context_end();
}

TEST(both_ways_through_pipes)
{
	const struct process_fd fds[] = {{.number = 0, .kind = PROCESS_FD_READS},
		{.number = 1, .kind = PROCESS_FD_WRITES},
		{.number = 2, .kind = PROCESS_FD_SAME, .fd = 1}};
	const struct process_options options = {
		.argv = SHELL("tr a-z A-Z; echo over >&2"), .fds = fds, .fd_count = 3};
	struct str part = STR("through two pipes ");
	struct run r;
	run_open(&r);
	REQUIRE(!start(&r, &options));
	struct stream *in = process_take_stream(r.process, 0),
		      *out = process_take_stream(r.process, 1);
	EXPECT(!process_take_stream(r.process, 2));
	stream_write(in, told_run(&r), &part, 1);
	EXPECT_INT(await(&r), 0);
	stream_close(in);
	read_all(&r, out);
	EXPECT_STR(buf_str(&r.out), "THROUGH TWO PIPES over\n");
	stream_close(out);
	run_close(&r);
}

TEST(a_child_has_what_it_was_given_and_nothing_else)
{
	struct run r;
	struct process_fd fds[] = {{.number = 1, .kind = PROCESS_FD_WRITES},
		{.number = 3, .kind = PROCESS_FD_GIVEN}, {.number = 4, .kind = PROCESS_FD_GIVEN},
		{.number = 9, .kind = PROCESS_FD_NULL}};
	struct process_options options = {
		.argv = SHELL("ls -x -w 200 /proc/$$/fd; readlink "
			      "/proc/$$/fd/0 /proc/$$/fd/3 /proc/$$/fd/4"),
		.fds = fds,
		.fd_count = ARRAY_LEN(fds)};
	int leaky = open("/etc/group", O_RDONLY);
	/* Our own places of 3 and 4 exchanged. */
	int a = dup2(open("/etc/hosts", O_RDONLY), 24), b = dup2(open("/etc/passwd", O_RDONLY), 23);
	run_open(&r);
	fds[1].fd = a;
	fds[2].fd = b;
	EXPECT_INT(run_options(&r, options), 0);
	EXPECT_STR(buf_str(&r.out), "0  1  2  3  4  9\n/dev/null\n/etc/hosts\n/etc/passwd");
	/* The same numbers on both sides, crosswise. */
	fds[1].number = b;
	fds[2].number = a;
	options.argv = SHELL("readlink /proc/$$/fd/23 /proc/$$/fd/24");
	EXPECT_INT(run_options(&r, options), 0);
	EXPECT_STR(buf_str(&r.out), "/etc/hosts\n/etc/passwd");
	run_close(&r);
	close(leaky);
	close(a);
	close(b);
	/* dup2's sources */
	closefrom(3);
}

TEST(signals_are_as_a_program_expects_them)
{
	struct run r;
	sigset_t blocked;
	run_open(&r);
	sigaction(SIGUSR2, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
	EXPECT_INT(run_shell(&r, "grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2"), 0);
	EXPECT_STR(buf_str(&r.out), "0000000000000000\n0000000000000000");
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGHUP);
	run_options(&r,
		(struct process_options){.argv = SHELL("grep SigBlk /proc/self/status | cut -f2"),
			.blocked = &blocked});
	EXPECT_STR(buf_str(&r.out), "0000000000000001");
	sigaction(SIGUSR2, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	run_close(&r);
}

TEST(environment_and_directory)
{
	struct run r;
	const char *const env[] = {"PATH=/usr/bin:/bin", "A=1", "B=2", NULL};
	const char *const more[] = {"C=3", "B=3", "C=4", NULL};
	run_open(&r);
	run_options(&r, (struct process_options){.argv = (const char *const[]){"env", NULL},
				.env = env,
				.env_more = more,
				.directory = "/usr"});
	EXPECT_STR(buf_str(&r.out), "PATH=/usr/bin:/bin\nA=1\nB=3\nC=4");
	setenv("KUBE_TEST_OURS", "yes", 1);
	run_options(&r, (struct process_options){.argv = SHELL("echo $KUBE_TEST_OURS $C; pwd"),
				.env_more = more,
				.directory = "/usr"});
	EXPECT_STR(buf_str(&r.out), "yes 4\n/usr");
	run_close(&r);
}

TEST(ids_privileges_and_groups_of_processes)
{
	struct run r;
	const gid_t groups[] = {7, 8};
	if (geteuid())
		return;
	run_open(&r);
	run_options(
		&r, (struct process_options){.argv = SHELL("id -u; id -g; id -G; grep NoNewPrivs "
							   "/proc/self/status | cut -f2"),
			    .set_ids = true,
			    .uid = 1234,
			    .gid = 1235,
			    .groups = groups,
			    .group_count = 2,
			    .no_new_privileges = true});
	EXPECT_STR(buf_str(&r.out), "1234\n1235\n1235 7 8\n1");
	EXPECT_INT(geteuid(), 0);
	run_options(&r,
		(struct process_options){.argv = SHELL("ps -o pid=,pgid=,sid= -p $$ | "
						       "{ read p g s; [ $p = $g ] && [ $p = $s ] "
						       "&& echo leads; }"),
			.group = PROCESS_SESSION_NEW});
	EXPECT_STR(buf_str(&r.out), "leads");
	run_close(&r);
}

TEST(namespaces_are_made_and_entered)
{
	struct run r;
	const struct process_options sandbox = {.argv = SHELL("hostname sandbox; echo $$; cat"),
		.namespaces = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS |
			      CLONE_NEWNET | CLONE_NEWCGROUP,
		.fds = (const struct process_fd[]){{.number = 0, .kind = PROCESS_FD_READS},
			{.number = 1, .kind = PROCESS_FD_WRITES}},
		.fd_count = 2};
	if (geteuid())
		return;
	run_open(&r);
	if (start(&r, &sandbox)) {
		EXPECT_INT(r.told.err.code, ERR_PERMISSION); /* a container that may not */
		run_close(&r);
		return;
	}
	struct process *first = TAKE(r.process);
	struct stream *out = process_take_stream(first, 1);
	stream_read(out, told_run(&r), &r.out, 100);
	EXPECT_INT(await(&r), 0);
	EXPECT_STR(buf_str(&r.out), "1\n");
	run_options(&r, (struct process_options){
				.argv = SHELL("hostname; echo $(($$ > 1 && $$ < 100)); ls "
					      "/sys/class/net 2>/dev/null | wc -l >/dev/null"),
				.enter = {{process_fd(first), CLONE_NEWUTS | CLONE_NEWPID}},
				.enter_count = 1});
	EXPECT_STR(buf_str(&r.out), "sandbox\n1");
	/* The thread has come back. */
	for (int i = 0; i < 8; i++) {
		run_shell(&r, "echo $$");
		EXPECT(strtol(buf_text(&r.out), NULL, 10) > 1);
	}
	stream_close(out);
	process_close(first);
	run_close(&r);
}

TEST(users_are_mapped)
{
	struct run r;
	run_open(&r);
	const struct process_options options = {
		.argv = SHELL("id -u; id -g; cat /proc/self/uid_map | tr -s ' '"),
		.namespaces = CLONE_NEWUSER,
		.uid_map = "0 4000 10\n",
		.gid_map = "0 5000 10\n",
		.set_ids = true,
		.uid = 3,
		.gid = 4};
	if (geteuid() == 0) {
		EXPECT_INT(run_options(&r, options), 0);
		EXPECT_STR(buf_str(&r.out), "3\n4\n 0 4000 10");
	}
	struct process_options wrong = options;
	wrong.uid_map = "nonsense";
	EXPECT_INT(start(&r, &wrong), ERR_INTERNAL);
	EXPECT_TEXT(err_text(&r.told.err), "mapping users: invalid argument");
	run_close(&r);
}

/* ---- ending ---- */

TEST(signals_reach_it_and_its_group)
{
	struct run r;
	struct err err = {0};
	const struct process_options options = {
		.argv = SHELL("trap 'exit 3' TERM; sleep 100 & echo ready; wait"),
		.fds = out_only,
		.fd_count = 1,
		.group = PROCESS_GROUP_NEW};
	run_open(&r);
	for (int i = 0; i < 2; i++) {
		REQUIRE(!start(&r, &options));
		struct stream *out = process_take_stream(r.process, 1);
		stream_read(out, told_run(&r), &r.out, 100);
		await(&r);
		process_wait(r.process, told_run(&r));
		EXPECT_OK(i ? process_signal_group(r.process, SIGKILL, &err)
			    : process_signal(r.process, SIGTERM, &err),
			&err);
		await(&r);
		EXPECT_INT(r.told.n, i ? -SIGKILL : 3);
		EXPECT_INT(process_signal(r.process, SIGTERM, &err), ERR_NOT_FOUND);
		EXPECT_INT(process_fd(r.process), -1);
		err_done(&err);
		/* The sleep holds the pipe unless it was killed, too. */
		if (i)
			read_all(&r, out);
		stream_close(out);
		process_close(TAKE(r.process));
	}
	run_close(&r);
}

TEST(a_closing_scope_kills_and_reaps)
{
	struct run r;
	const struct process_options options = {
		.argv = SHELL("trap '' TERM HUP INT; sleep 100"), .group = PROCESS_GROUP_NEW};
	run_open(&r);
	REQUIRE(!start(&r, &options));
	process_wait(r.process, told_run(&r));
	scope_close(&r.scope, told_op(&r.closed, r.t.root, OP_NO_DEADLINE));
	await(&r);
	EXPECT_INT(r.told.err.code, ERR_CANCELLED);
	EXPECT(!r.closed.done);
	process_close(TAKE(r.process));
	loop_test_run_until(&r.t, &r.closed.done);
	told_done(&r.told);
	loop_test_done(&r.t);
	EXPECT(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
}

TEST(waiting_is_given_up_and_begun_again)
{
	struct run r;
	const struct process_options options = {
		.argv = (const char *const[]){"sleep", "100", NULL}};
	run_open(&r);
	REQUIRE(!start(&r, &options));
	process_wait(r.process, told_op(&r.told, &r.scope, loop_in(r.t.loop, 5 * MSEC)));
	EXPECT_INT(await(&r), ERR_TIMEOUT);
	process_wait(r.process, told_run(&r));
	EXPECT_INT(process_signal(r.process, SIGINT, NULL), 0);
	await(&r);
	EXPECT_INT(r.told.n, -SIGINT);
	process_wait(r.process, told_run(&r));
	await(&r);
	EXPECT_INT(r.told.n, -SIGINT);
	run_close(&r);
}

TEST(who_is_left_goes_on)
{
	struct run r;
	struct process_options options = {.argv = SHELL("sleep 0.05; exit 0")};
	run_open(&r);
	REQUIRE(!start(&r, &options));
	pid_t pid = process_pid(r.process);
	process_leave(TAKE(r.process));
	int status = -1;
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	run_close(&r);
}

TEST(a_death_signal_comes_when_the_loop_is_gone)
{
	struct run r;
	struct process_options options = {
		.argv = (const char *const[]){"sleep", "100", NULL}, .death_signal = SIGUSR1};
	run_open(&r);
	REQUIRE(!start(&r, &options));
	pid_t pid = process_pid(r.process);
	process_leave(TAKE(r.process));
	scope_close(&r.scope, told_op(&r.closed, r.t.root, OP_NO_DEADLINE));
	told_done(&r.told);
	loop_test_done(&r.t);
	int status = 0;
	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
}

TEST(a_child_is_born_in_its_cgroup)
{
	static const char *const roots[] = {
		"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"};
	struct run r;
	char path[64];
	run_open(&r);
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		snprintf(path, sizeof(path), "%s/kube-test-%d", roots[i], (int)getpid());
		if (mkdir(path, 0755))
			continue;
		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (faccessat(fd, "cgroup.procs", W_OK, 0) == 0) {
			run_options(
				&r, (struct process_options){
					    .argv = SHELL("cat /proc/self/cgroup"), .cgroup = fd});
			EXPECT(str_find(buf_str(&r.out), str_from(strrchr(path, '/'))) > 0);
		}
		close(fd);
		EXPECT_INT(rmdir(path), 0);
	}
	run_close(&r);
}

TEST(a_virtual_world_has_no_processes)
{
	struct loop_test t;
	struct told told = {0};
	struct process *p = NULL;
	loop_test_init(&t, LOOP_TEST_VIRTUAL);
	process_start(told_op(&told, t.root, OP_NO_DEADLINE), t.root,
		&(struct process_options){.argv = SHELL("true")}, &p);
	loop_test_run(&t);
	EXPECT_INT(told.err.code, ERR_UNSUPPORTED);
	told_done(&told);
	loop_test_done(&t);
}

/* ---- torture: a question, its answer, the end ---- */

enum ask_step { ASK_START, ASK_WRITE, ASK_READ, ASK_MORE, ASK_WAIT, ASK_END };
static const char *const ask_steps[] = {"start", "write", "read", "more", "wait", "end"};

struct ask {
	struct loop_test *t;
	struct scope scope;
	struct task task;
	struct told told, closed;
	struct process *process;
	struct stream *in, *out;
	struct buf got;
	struct str part;
	int64_t result;
};

static void ask_run(struct task *t, struct err *err)
{
	static const struct process_fd fds[] = {{.number = 0, .kind = PROCESS_FD_READS},
		{.number = 1, .kind = PROCESS_FD_WRITES}, {.number = 5, .kind = PROCESS_FD_WRITES}};
	static const char *const argv[] = {"tr", "a-z", "A-Z", NULL};
	static const struct process_options options = {.argv = argv, .fds = fds, .fd_count = 3};
	struct ask *a = CONTAINER_OF(t, struct ask, task);
	if (err->code) {
		task_fail(t, err);
		return;
	}
	switch ((enum ask_step)t->step) {
	case ASK_START:
		process_start(
			task_await(t, ASK_WRITE, OP_NO_DEADLINE), &a->scope, &options, &a->process);
		return;
	case ASK_WRITE:
		a->in = process_take_stream(a->process, 0);
		a->out = process_take_stream(a->process, 1);
		a->part = STR("question");
		stream_write(a->in, task_await(t, ASK_READ, OP_NO_DEADLINE), &a->part, 1);
		return;
	case ASK_READ:
		stream_close(TAKE(a->in));
		/* fall through */
	case ASK_MORE:
		if (t->step == ASK_MORE && t->wait.n == 0) {
			process_wait(a->process, task_await(t, ASK_END, OP_NO_DEADLINE));
			return;
		}
		stream_read(a->out, task_await(t, ASK_MORE, OP_NO_DEADLINE), &a->got, 100);
		return;
	case ASK_WAIT:
	case ASK_END:
		a->result = t->wait.n;
		task_finish(t, 0);
		return;
	}
}

static void asked(struct op *op, struct err *err)
{
	struct ask *a = CONTAINER_OF(op, struct ask, told.op);
	a->told.err.code = err->code;
	stream_close(TAKE(a->in));
	stream_close(TAKE(a->out));
	process_close(TAKE(a->process));
	scope_close(&a->scope, told_op(&a->closed, a->t->root, OP_NO_DEADLINE));
}

static void ask_start(struct loop_test *t, void *ctx)
{
	static const struct task_kind kind = TASK_KIND("ask", ask_steps, ask_run);
	struct ask *a = ctx;
	*a = (struct ask){.t = t, .got = BUF_INIT(KIB), .result = -1};
	scope_init(&a->scope, t->root, "ask", NULL);
	op_init(&a->told.op, &a->scope, asked, OP_NO_DEADLINE);
	task_start(&a->task, &kind, &a->told.op);
}

static void ask_check(struct loop_test *t, void *ctx)
{
	struct ask *a = ctx;
	if (!loop_torture_hit(t->loop)) {
		EXPECT_STR(buf_str(&a->got), "QUESTION");
		EXPECT_INT(a->result, 0);
	}
	EXPECT(a->closed.done);
	EXPECT(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
	buf_done(&a->got);
}

TEST(starting_and_asking_survives_torture)
{
	struct ask a;
	EXPECT(loop_torture_run(LOOP_TEST_REAL, ask_start, ask_check, &a) > 10);
}
