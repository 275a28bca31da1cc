/*
 * What watching costs an API server that runs already; api.sh starts one.
 *
 *	bench_watch fanout URL TOKEN CA-FILE [WATCHERS [WRITES [RATE]]]
 *		that many watchers, each over a connection of its own, and writes at a steady rate:
 *		the time from the sending of a write to the arrival of its event at each watcher
 *	bench_watch hold URL TOKEN CA-FILE [WATCHES]
 *		opens idle watches over HTTP/2, says "held N" and ends with its standard input
 */
#include <kube/http_client.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAPS      "/api/v1/namespaces/default/configmaps"
#define NAMES     100 /* the writes go round so many objects */
#define FANOUT    100
#define WRITES    1000
#define RATE      1000
#define HELD      10000
#define EVENT_MAX (4 * MIB)
#define PATIENCE  (30 * SEC)

struct bench {
	struct loop *loop;
	struct env *env;
	struct tls_config *tls;
	struct str base, authorization;
	size_t writes, written, refused, watchers, open;
	int64_t rate, begun, ended;
	struct http_client *writer;
	int64_t *delays; /* one for each event of each watcher */
	size_t delay_count;
	struct op pace;
	bool all_open, over;
};

struct watcher {
	struct bench *b;
	struct http_client *client;
	struct http_call call;
	struct op op;
	struct buf in;
	size_t seen;
};

struct writing {
	struct bench *b;
	struct http_call call;
	struct op op;
	struct buf answer;
};

static void must(int code, struct err *err)
{
	if (!code)
		return;
	fprintf(stderr, "bench_watch: %s\n", err_text(err));
	exit(1);
}

/* ---- a client ---- */

static void bench_open(struct bench *b, char **args)
{
	struct err err = {0};
	struct certs roots = {0};
	struct buf ca = BUF_INIT(MIB), bearer = BUF_INIT(64 * KIB);
	static const char *const alpn[] = {"h2", "http/1.1", NULL};
	struct tls_client_options options = {.roots = &roots, .alpn = alpn};

	b->loop = loop_new();
	b->env = env_new(b->loop);
	b->base = str_from(args[0]);
	buf_print(&bearer, "Bearer %s", args[1]);
	b->authorization = str_from(mem_copy_text(buf_text(&bearer)));
	must(disk_read_file(b->env->disk, args[2], &ca, &err), &err);
	must(certs_parse_pem(buf_str(&ca), &roots, &err), &err);
	must(tls_config_new_client(&options, &b->tls, &err), &err);
	certs_done(&roots);
	buf_done(&ca);
	buf_done(&bearer);
}

static struct http_client *client_open(struct bench *b)
{
	struct http_client_options options = {.tls = b->tls, .name = "bench"};

	return http_client_new(b->env, loop_root(b->loop), &options);
}

static void call_open(
	struct bench *b, struct http_call *c, struct http_client *client, const char *method)
{
	http_call_init(c, client, str_from(method), STR(""));
	http_headers_add(&c->arena, &c->headers, STR("Authorization"), b->authorization);
	http_headers_add(&c->arena, &c->headers, STR("User-Agent"), STR("bench"));
}

/* ---- watchers ---- */

static void watch_read(struct watcher *w);

/* A line is an event; the object says when its write was sent. */
static void take_event(struct watcher *w, struct str line, int64_t now)
{
	static const char mark[] = "\"sent\":\"";
	const char *at = memmem(line.at, line.len, mark, sizeof(mark) - 1);
	struct bench *b = w->b;

	if (!at || w->seen == b->writes)
		return;
	int64_t sent = strtoll(at + sizeof(mark) - 1, NULL, 10);
	if (sent < b->begun)
		return; /* of an earlier run */
	w->seen++;
	b->delays[b->delay_count++] = now - sent;
	if (b->delay_count == b->writes * b->watchers) {
		b->ended = now;
		b->over = true;
	}
}

static void watch_came(struct op *op, struct err *err)
{
	struct watcher *w = CONTAINER_OF(op, struct watcher, op);
	int64_t now = clock_mono();
	size_t from = 0;

	must(err->code, err);
	if (op->n == 0) {
		fprintf(stderr, "bench_watch: the server has ended a watch\n");
		exit(1);
	}
	for (;;) {
		struct str rest = str_skip(buf_str(&w->in), from);
		const char *end = memchr(rest.at, '\n', rest.len);

		if (!end)
			break;
		if (w->b->delays && w->b->begun)
			take_event(w, str_make(rest.at, (size_t)(end - rest.at)), now);
		from += (size_t)(end - rest.at) + 1;
	}
	buf_drop_front(&w->in, from);
	if (!w->in.len)
		buf_done(&w->in);
	watch_read(w);
}

static void watch_read(struct watcher *w)
{
	op_init(&w->op, loop_root(w->b->loop), watch_came, OP_NO_DEADLINE);
	http_call_read(&w->call, &w->op, &w->in, 64 * KIB);
}

static void watch_agreed(struct op *op, struct err *err)
{
	struct watcher *w = CONTAINER_OF(op, struct watcher, op);

	must(err->code, err);
	if (w->call.status != 200) {
		fprintf(stderr, "bench_watch: a watch was answered %d\n", w->call.status);
		exit(1);
	}
	w->b->all_open = ++w->b->open == w->b->watchers;
	watch_read(w);
}

static void watch_start(struct bench *b, struct watcher *w, struct http_client *client)
{
	w->b = b;
	buf_init(&w->in, EVENT_MAX);
	call_open(b, &w->call, client, "GET");
	w->call.url = arena_print(
		&w->call.arena, "%.*s" MAPS "?watch=1&timeoutSeconds=3600", STRF(b->base));
	op_init(&w->op, loop_root(b->loop), watch_agreed, OP_NO_DEADLINE);
	http_call_start(&w->call, &w->op);
}

static void run_until(struct bench *b, const bool *flag)
{
	struct err err = {0};

	must(loop_run_until(b->loop, flag, &err), &err);
}

/* ---- writes ---- */

static void write_read(struct op *op, struct err *err)
{
	struct writing *w = CONTAINER_OF(op, struct writing, op);

	w->b->refused += err->code || w->call.status != 200;
	err_done(err);
	http_call_done(&w->call);
	buf_done(&w->answer);
	mem_free(w);
}

static void write_answered(struct op *op, struct err *err)
{
	struct writing *w = CONTAINER_OF(op, struct writing, op);

	must(err->code, err);
	op_init(&w->op, loop_root(w->b->loop), write_read, OP_NO_DEADLINE);
	http_call_read_all(&w->call, &w->op, &w->answer, EVENT_MAX);
}

/* A merge patch changes what is there, whatever its version. */
static void write_start(struct bench *b, const char *method, const char *path, struct str body)
{
	struct writing *w = mem_new(sizeof(*w));

	w->b = b;
	buf_init(&w->answer, EVENT_MAX);
	call_open(b, &w->call, b->writer, method);
	http_headers_add(&w->call.arena, &w->call.headers, STR("Content-Type"),
		str_from(strcmp(method, "POST") == 0 ? "application/json"
						     : "application/merge-patch+json"));
	w->call.url = arena_print(&w->call.arena, "%.*s%s", STRF(b->base), path);
	w->call.body = arena_str(&w->call.arena, body);
	op_init(&w->op, loop_root(b->loop), write_answered, OP_NO_DEADLINE);
	http_call_start(&w->call, &w->op);
}

static void write_one(struct bench *b)
{
	char path[128], body[128];

	snprintf(path, sizeof(path), MAPS "/fan-%zu", b->written % NAMES);
	snprintf(body, sizeof(body), "{\"data\":{\"sent\":\"%lld\"}}", (long long)clock_mono());
	b->written++;
	write_start(b, "PATCH", path, str_from(body));
}

static void pace(struct op *op, struct err *err);

static void pace_on(struct bench *b)
{
	int64_t next = b->begun + (int64_t)b->written * SEC / b->rate;

	op_init(&b->pace, loop_root(b->loop), pace, OP_NO_DEADLINE);
	timer_wait(&b->pace, next);
}

/* What is due by now: after a delay several at once, so that the rate holds. */
static void pace(struct op *op, struct err *err)
{
	struct bench *b = CONTAINER_OF(op, struct bench, pace);

	must(err->code, err);
	while (b->written < b->writes &&
		b->begun + (int64_t)b->written * SEC / b->rate <= clock_mono())
		write_one(b);
	if (b->written < b->writes)
		pace_on(b);
}

struct rest {
	struct op op;
	bool done;
};

static void rested(struct op *op, struct err *err)
{
	(void)err;
	CONTAINER_OF(op, struct rest, op)->done = true;
}

static void rest(struct bench *b, int64_t ns)
{
	struct rest r = {0};

	op_init(&r.op, loop_root(b->loop), rested, OP_NO_DEADLINE);
	timer_wait(&r.op, loop_in(b->loop, ns));
	run_until(b, &r.done);
}

/* ---- fan-out ---- */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double percentile(const struct bench *b, double share)
{
	size_t at = (size_t)((double)b->delay_count * share);

	return (double)b->delays[MIN(at, b->delay_count - 1)] / (double)MSEC;
}

static void say_delays(struct bench *b)
{
	qsort(b->delays, b->delay_count, sizeof(*b->delays), compare);
	printf("watch_fanout_events %zu events\n", b->delay_count);
	printf("watch_fanout_rate %.0f writes/s\n",
		(double)b->writes * (double)SEC / (double)(b->ended - b->begun));
	printf("watch_fanout_p50 %.2f ms\n", percentile(b, 0.5));
	printf("watch_fanout_p99 %.2f ms\n", percentile(b, 0.99));
	printf("watch_fanout_max %.2f ms\n", percentile(b, 1));
}

static void make_objects(struct bench *b)
{
	for (int i = 0; i < NAMES; i++) {
		char body[128];

		snprintf(body, sizeof(body), "{\"metadata\":{\"name\":\"fan-%d\"}}", i);
		write_start(b, "POST", MAPS, str_from(body));
	}
	rest(b, 500 * MSEC);
	b->refused = 0; /* they may be there already */
}

static void fanout(struct bench *b)
{
	struct watcher *watchers = mem_new(b->watchers * sizeof(*watchers));

	b->delays = mem_new(b->writes * b->watchers * sizeof(*b->delays));
	b->writer = client_open(b);
	make_objects(b);
	for (size_t i = 0; i < b->watchers; i++)
		watch_start(b, &watchers[i], client_open(b));
	run_until(b, &b->all_open);
	rest(b, 500 * MSEC);
	b->begun = clock_mono();
	pace_on(b);
	for (int64_t left = PATIENCE; left > 0 && !b->over; left -= 50 * MSEC)
		rest(b, 50 * MSEC);
	if (!b->over) {
		fprintf(stderr, "bench_watch: %zu events of %zu came; %zu writes refused\n",
			b->delay_count, b->writes * b->watchers, b->refused);
		exit(1);
	}
	say_delays(b);
}

/* ---- idle watches ---- */

static void hold(struct bench *b)
{
	struct watcher *watchers = mem_new(b->watchers * sizeof(*watchers));
	struct http_client *client = client_open(b);
	char byte;

	for (size_t i = 0; i < b->watchers; i++)
		watch_start(b, &watchers[i], client);
	run_until(b, &b->all_open);
	rest(b, 5 * SEC); /* until buffers are given back */
	printf("held %zu\n", b->open);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static size_t number(int argc, char **argv, int at, size_t usual)
{
	return argc > at ? strtoull(argv[at], NULL, 10) : usual;
}

int main(int argc, char **argv)
{
	struct bench b = {0};

	if (argc < 5) {
		fprintf(stderr, "usage: bench_watch fanout|hold URL TOKEN CA-FILE [NUMBERS]\n");
		return 2;
	}
	bench_open(&b, argv + 2);
	if (strcmp(argv[1], "hold") == 0) {
		b.watchers = number(argc, argv, 5, HELD);
		hold(&b);
	} else {
		b.watchers = number(argc, argv, 5, FANOUT);
		b.writes = number(argc, argv, 6, WRITES);
		b.rate = (int64_t)number(argc, argv, 7, RATE);
		fanout(&b);
	}
	/* The process' end is the connections' end. */
	fflush(stdout);
	_exit(0);
}
