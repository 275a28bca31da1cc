/* What the loop costs: completions, timers, work, an echo over TCP, and connections that idle. */
#include <kube/env.h>
#include <kube/mem.h>
#include <kube/task.h>
#include <kube/time.h>
#include <kube/work.h>

#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *name, double value, const char *unit)
{
	printf("%s %.*f %s\n", name, value < 100 ? 2 : 0, value, unit);
	fflush(stdout);
}

static int64_t cpu_ns(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * SEC +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * USEC;
}

static void run(struct loop *loop)
{
	struct err err = {0};
	if (loop_run(loop, &err)) {
		fprintf(stderr, "%s\n", err_text(&err));
		exit(1);
	}
}

/* ---- completions ---- */

#define OPS        20000000
#define AT_A_TIME  64
#define TIMER_OPS  3000000
#define TIMERS_SET 10000

static int64_t ops_left;

static void again(struct op *op, struct err *err)
{
	(void)err;
	if (--ops_left < 0)
		return;
	op_init(op, op->scope, again, OP_NO_DEADLINE);
	op_yield(op);
}

static void bench_ops(void)
{
	struct loop *loop = loop_new();
	struct op ops[AT_A_TIME];
	ops_left = OPS;
	for (int i = 0; i < AT_A_TIME; i++) {
		op_init(&ops[i], loop_root(loop), again, OP_NO_DEADLINE);
		op_yield(&ops[i]);
	}
	int64_t start = clock_mono();
	run(loop);
	say("ops_per_second", OPS * 1e9 / (double)(clock_mono() - start), "1/s");
	loop_free(loop);
}

static void nothing(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static bool timers_over;

/* A timer that is taken back, among ten thousand others that wait: what a deadline costs. */
static void again_with_deadline(struct op *op, struct err *err)
{
	(void)err;
	timers_over = --ops_left < 0;
	if (timers_over)
		return;
	struct loop *loop = op_loop(op);
	op_init(op, op->scope, again_with_deadline, OP_NO_DEADLINE);
	timer_wait(op, loop_in(loop, MINUTE + ops_left % 1000 * MSEC));
	op_cancel(op);
}

static void bench_timers(void)
{
	struct loop *loop = loop_new();
	struct op *waiting = mem_new(TIMERS_SET * sizeof(*waiting)), op;
	for (int i = 0; i < TIMERS_SET; i++) {
		op_init(&waiting[i], loop_root(loop), nothing, OP_NO_DEADLINE);
		timer_wait(&waiting[i], loop_in(loop, MINUTE + i % 1000 * MSEC));
	}
	ops_left = TIMER_OPS;
	op_init(&op, loop_root(loop), again_with_deadline, OP_NO_DEADLINE);
	op_yield(&op);
	int64_t start = clock_mono();
	loop_run_until(loop, &timers_over, NULL);
	say("timer_ops_per_second", TIMER_OPS * 1e9 / (double)(clock_mono() - start), "1/s");
	loop_shutdown(loop);
	run(loop);
	mem_free(waiting);
	loop_free(loop);
}

/* ---- work ---- */

#define ROUNDTRIPS 20000

struct trip {
	struct work work;
	struct op op;
	int left;
};

static void do_nothing(struct work *w)
{
	(void)w;
}

static void trip_next(struct op *op, struct err *err)
{
	struct trip *t = CONTAINER_OF(op, struct trip, op);
	(void)err;
	if (t->left-- == 0)
		return;
	op_init(op, op->scope, trip_next, OP_NO_DEADLINE);
	work_start(&t->work, op, WORK_CRYPTO, do_nothing);
}

static void bench_work(void)
{
	struct loop *loop = loop_new();
	struct trip t = {.left = ROUNDTRIPS};
	op_init(&t.op, loop_root(loop), trip_next, OP_NO_DEADLINE);
	op_yield(&t.op);
	int64_t start = clock_mono();
	run(loop);
	say("work_roundtrip_us", (double)(clock_mono() - start) / 1e3 / ROUNDTRIPS, "us");
	loop_free(loop);
}

/* ---- echo ---- */

#define ECHO_PAIRS  64
#define ECHO_ROUNDS 4000

struct side {
	struct stream *stream;
	struct op op;
	struct buf in;
	struct str out;
	int left;
	bool asks;
};

static void side_read(struct side *s);

static void side_wrote(struct op *op, struct err *err)
{
	struct side *s = CONTAINER_OF(op, struct side, op);
	if (err->code || s->left == 0) {
		stream_close(s->stream);
		buf_done(&s->in);
		return;
	}
	s->left--;
	side_read(s);
}

static void side_got(struct op *op, struct err *err)
{
	struct side *s = CONTAINER_OF(op, struct side, op);
	if (err->code || op->n == 0) {
		stream_close(s->stream);
		buf_done(&s->in);
		return;
	}
	s->out = buf_str(&s->in);
	op_init(&s->op, op->scope, side_wrote, OP_NO_DEADLINE);
	stream_write(s->stream, &s->op, &s->out, 1);
}

static void side_read(struct side *s)
{
	buf_clear(&s->in);
	op_init(&s->op, s->stream->scope, side_got, OP_NO_DEADLINE);
	stream_read(s->stream, &s->op, &s->in, 4 * KIB);
}

static void side_begin(struct side *s, struct loop *loop, int fd, bool asks)
{
	s->in = BUF_INIT(4 * KIB);
	s->stream = stream_from_fd(loop, loop_root(loop), fd);
	s->left = ECHO_ROUNDS;
	s->asks = asks;
	if (!asks) {
		side_read(s);
		return;
	}
	static const struct str question = STR_INIT("sixty-four bytes of a question that is sent "
						    "to and fro, to and fro");
	op_init(&s->op, s->stream->scope, side_wrote, OP_NO_DEADLINE);
	stream_write(s->stream, &s->op, &question, 1);
}

/* A connected pair over loopback TCP. */
static void tcp_pair(int fds[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(l, (struct sockaddr *)&at, len) || listen(l, 1) ||
		getsockname(l, (struct sockaddr *)&at, &len) ||
		connect(fds[0], (struct sockaddr *)&at, len))
		abort();
	fds[1] = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	close(l);
}

static void bench_echo(void)
{
	struct loop *loop = loop_new();
	struct side *sides = mem_new(2 * ECHO_PAIRS * sizeof(*sides));
	for (int i = 0; i < ECHO_PAIRS; i++) {
		int fds[2];
		tcp_pair(fds);
		side_begin(&sides[2 * i], loop, fds[0], false);
		side_begin(&sides[2 * i + 1], loop, fds[1], true);
	}
	int64_t start = cpu_ns();
	run(loop);
	say("tcp_echo_roundtrips_per_cpu_second",
		(double)ECHO_PAIRS * ECHO_ROUNDS * 1e9 / (double)(cpu_ns() - start), "1/s");
	mem_free(sides);
	loop_free(loop);
}

/* ---- connections that idle ---- */

#define CROWD 10000

struct crowd {
	struct listener *listener;
	struct op accept;
	struct stream *next;
	struct stream *streams[CROWD];
	struct op reads[CROWD];
	struct buf in[CROWD];
	int count;
	bool full;
};

static void crowd_accept(struct crowd *c);

static void crowd_accepted(struct op *op, struct err *err)
{
	struct crowd *c = CONTAINER_OF(op, struct crowd, accept);
	if (err->code)
		abort();
	int i = c->count++;
	c->streams[i] = c->next;
	c->in[i] = BUF_INIT(16 * KIB);
	op_init(&c->reads[i], op->scope, nothing, OP_NO_DEADLINE);
	stream_read(c->next, &c->reads[i], &c->in[i], 16 * KIB);
	c->full = c->count == CROWD;
	if (!c->full)
		crowd_accept(c);
}

static void crowd_accept(struct crowd *c)
{
	op_init(&c->accept, c->listener->scope, crowd_accepted, OP_NO_DEADLINE);
	listener_accept(c->listener, &c->accept, c->listener->scope, &c->next);
}

/* In a child, because both ends need more descriptors than one process may have. */
static void crowd_come(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (int i = 0; i < CROWD; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
			_exit(1);
	}
	pause();
	_exit(0);
}

static int64_t resident_bytes(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f || fscanf(f, "%*s %ld", &pages) != 1)
		abort();
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

static void bench_crowd(void)
{
	struct loop *loop = loop_new();
	struct env *env = env_new(loop);
	struct crowd *c = mem_new(sizeof(*c));
	struct address at = {.ip = {.len = 4, .bytes = {127, 0, 0, 1}}};
	struct err err = {0};
	if (net_listen(env, loop_root(loop), &at, 4096, &c->listener, &err))
		abort();
	pid_t child = fork();
	if (child == 0)
		crowd_come(c->listener->address.port);
	size_t heap = mallinfo2().uordblks;
	int64_t resident = resident_bytes();
	crowd_accept(c);
	loop_run_until(loop, &c->full, &err);
	/* The op and the buffer of each are the reader's: they were there before. */
	say("idle_plain_connection_bytes", (double)(mallinfo2().uordblks - heap) / CROWD, "B");
	say("idle_plain_connection_resident_bytes", (double)(resident_bytes() - resident) / CROWD,
		"B");
	for (int i = 0; i < CROWD; i++)
		stream_close(c->streams[i]);
	listener_close(c->listener);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	run(loop);
	env_free(env);
	loop_free(loop);
	mem_free(c);
}

int main(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	say("op_size", sizeof(struct op), "B");
	say("task_size", sizeof(struct task), "B");
	say("scope_size", sizeof(struct scope), "B");
	bench_ops();
	bench_timers();
	bench_work();
	bench_echo();
	bench_crowd();
	return 0;
}
