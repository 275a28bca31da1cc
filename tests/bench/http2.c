/* HTTP/2 figures: what an idle stream costs the server, and our client against our server. */
#include "../module/net/http2_pair.h"

#include <kube/time.h>
#include <malloc.h>

#define IDLE_STREAMS 1000
#define CALLS        40000
#define AT_ONCE      100

/* ---- what loop_test.c does in a test, without the checks ---- */

void loop_test_init(struct loop_test *t, enum loop_test_kind kind)
{
	(void)kind;
	*t = (struct loop_test){.loop = loop_new()};
	t->root = loop_root(t->loop);
	t->env = env_new(t->loop);
}

void loop_test_run_until(struct loop_test *t, const bool *flag)
{
	if (loop_run_until(t->loop, flag, NULL))
		abort();
}

void loop_test_done(struct loop_test *t)
{
	if (loop_run(t->loop, NULL))
		abort();
	env_free(t->env);
	loop_free(t->loop);
}

static void on_told(struct op *op, struct err *err)
{
	struct told *told = CONTAINER_OF(op, struct told, op);
	told->n = op->n;
	told->done = true;
	err_done(&told->err);
	err_move(&told->err, err);
}

struct op *told_op(struct told *told, struct scope *scope, int64_t deadline)
{
	err_done(&told->err);
	told->done = false;
	op_init(&told->op, scope, on_told, deadline);
	return &told->op;
}

void told_done(struct told *told)
{
	err_done(&told->err);
}

/* ---- the figures ---- */

static void limits_set(struct pair *p)
{
	p->server_limits.max_streams = p->client_limits.max_streams = 2 * IDLE_STREAMS;
	http_limits_fill(&p->server_limits, &p->server_limits, true);
	http_limits_fill(&p->client_limits, &p->client_limits, false);
}

/* Heap of both ends together, so the server's share is below this. */
static void idle_streams(void)
{
	struct loop_test t;
	struct pair p = {0};
	struct pair_call *calls = mem_new(IDLE_STREAMS * sizeof(*calls)), first;
	limits_set(&p);
	loop_test_init(&t, LOOP_TEST_REAL);
	pair_start(&p, &t, pair_handle);
	pair_call_init(&first, &p, "GET", "/size/1");
	pair_call_fetch(&first);
	pair_call_done(&first);
	size_t server = 0, before = mallinfo2().uordblks;
	for (int i = 0; i < IDLE_STREAMS; i++) {
		pair_call_init(&calls[i], &p, "GET", "/hang");
		pair_call_start(&calls[i]);
	}
	while (p.running < IDLE_STREAMS) {
		pair_call_init(&first, &p, "GET", "/size/1");
		pair_call_fetch(&first);
		pair_call_done(&first);
	}
	size_t both = mallinfo2().uordblks - before;
	before = mallinfo2().uordblks;
	/* What goes with the server's connection is the server's. */
	bool *gone = &p.server_gone;
	p.server->ops->abort(p.server);
	loop_test_run_until(&t, gone);
	server = before - mallinfo2().uordblks;
	printf("h2_idle_stream_bytes %zu B\n", server / IDLE_STREAMS);
	printf("h2_idle_stream_both_ends_bytes %zu B\n", both / IDLE_STREAMS);
	for (int i = 0; i < IDLE_STREAMS; i++) {
		pair_wait(&p, &calls[i].head);
		pair_call_done(&calls[i]);
	}
	mem_free(calls);
	loop_test_done(&t);
}

static void calls_per_second(void)
{
	struct loop_test t;
	struct pair p = {0};
	struct pair_call *calls = mem_new(AT_ONCE * sizeof(*calls));
	limits_set(&p);
	loop_test_init(&t, LOOP_TEST_REAL);
	pair_start(&p, &t, pair_handle);
	int64_t start = clock_mono();
	for (int done = 0; done < CALLS; done += AT_ONCE) {
		for (int i = 0; i < AT_ONCE; i++) {
			pair_call_init(&calls[i], &p, "GET", "/size/1024");
			pair_call_start(&calls[i]);
		}
		for (int i = 0; i < AT_ONCE; i++) {
			pair_wait(&p, &calls[i].head);
			pair_call_read(&calls[i], 64 * KIB);
			pair_wait(&p, &calls[i].read);
			pair_call_done(&calls[i]);
		}
	}
	double seconds = (double)(clock_mono() - start) / (double)SEC;
	printf("h2_calls_per_second_both_ends %.0f /s\n", CALLS / seconds);
	mem_free(calls);
	p.client->ops->close(p.client);
	loop_test_done(&t);
}

int main(void)
{
	idle_streams();
	calls_per_second();
	return 0;
}
