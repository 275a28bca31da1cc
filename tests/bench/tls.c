/*
 * TLS: handshakes, the loop's stall while many of them run, memory of an idle connection, bulk.
 * Engine figures are CPU time of the server's side alone.
 */
#include "tls_world.h"

#include <kube/env.h>
#include <kube/tls.h>

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t cpu_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * SEC + t.tv_nsec;
}

static void figure(const char *name, double value, const char *unit)
{
	printf("%s %.1f %s\n", name, value, unit);
}

/* ---- the cast ---- */
struct cast {
	struct tls_world world;
	struct tls_world_identity server;
	struct tls_config *server_config, *client_config;
};

static void cast_init(struct cast *c)
{
	struct err err = {0};
	tls_world_init(&c->world, clock_wall());
	tls_world_issue(&c->world,
		&(struct tls_world_want){
			.name = "server", .usages = CERT_SERVER, .dns = "localhost"},
		&c->server);
	struct tls_server_options server = {.identities = &c->server.identity, .identity_count = 1};
	struct tls_client_options client = {.roots = &c->world.ca, .server_name = STR("localhost")};
	tls_world_must(tls_config_new_server(&server, &c->server_config, &err), &err);
	tls_world_must(tls_config_new_client(&client, &c->client_config, &err), &err);
}

static void cast_done(struct cast *c)
{
	tls_config_unref(c->server_config);
	tls_config_unref(c->client_config);
	tls_world_identity_done(&c->server);
	tls_world_done(&c->world);
}

struct pair {
	struct tls_engine *client, *server;
	struct buf client_in, server_in;
};

static void pair_init(struct pair *p, struct cast *c, const struct tls_session *resume)
{
	p->client = tls_engine_new(c->client_config, (struct str){0}, resume, c->world.now);
	p->server = tls_engine_new(c->server_config, (struct str){0}, NULL, c->world.now);
	buf_init(&p->client_in, MIB);
	buf_init(&p->server_in, MIB);
}

static void pair_done(struct pair *p)
{
	tls_engine_free(p->client);
	tls_engine_free(p->server);
	buf_done(&p->client_in);
	buf_done(&p->server_in);
}

/* ---- engines ---- */
/* One handshake; gives what the server's calls cost. */
static int64_t pair_shake(struct pair *p)
{
	int64_t cost = 0;
	enum tls_want client = TLS_WANT_READ, server = TLS_WANT_READ;
	struct err err = {0};
	while (client != TLS_DONE || server != TLS_DONE) {
		if (client != TLS_DONE)
			client =
				tls_engine_handshake(p->client, &p->client_in, &p->server_in, &err);
		int64_t before = cpu_now();
		if (server != TLS_DONE)
			server =
				tls_engine_handshake(p->server, &p->server_in, &p->client_in, &err);
		cost += cpu_now() - before;
		tls_world_must(err.code, &err);
	}
	return cost;
}

static int64_t shake_cost(
	struct cast *c, const struct tls_session *resume, struct tls_session **session)
{
	struct pair p;
	pair_init(&p, c, resume);
	int64_t cost = pair_shake(&p);
	if (session)
		*session = tls_engine_take_session(p.client);
	pair_done(&p);
	return cost;
}

static void bench_handshakes(struct cast *c)
{
	enum { FULL = 300, RESUMED = 3000 };
	struct tls_session *session = NULL;
	int64_t full = 0, resumed = 0;
	shake_cost(c, NULL, &session);
	for (int i = 0; i < FULL; i++)
		full += shake_cost(c, NULL, NULL);
	for (int i = 0; i < RESUMED; i++)
		resumed += shake_cost(c, session, NULL);
	figure("tls_handshakes_full", FULL * 1e9 / (double)full, "1/cpu-s");
	figure("tls_handshakes_resumed", RESUMED * 1e9 / (double)resumed, "1/cpu-s");
	tls_session_free(session);
}

static void bench_records(struct cast *c)
{
	struct pair p;
	pair_init(&p, c, NULL);
	pair_shake(&p);
	size_t size = MIB;
	char *text = mem_new(size);
	struct buf wire = BUF_INIT(4 * MIB), plain = BUF_INIT(4 * MIB), out = BUF_INIT(KIB);
	struct err err = {0};
	bool ended;
	int64_t sealing = 0, opening = 0;
	enum { ROUNDS = 100 };
	for (int i = 0; i < ROUNDS; i++) {
		int64_t start = cpu_now();
		tls_engine_encrypt(p.server, str_make(text, size), &wire, &err);
		int64_t middle = cpu_now();
		tls_engine_decrypt(p.client, &wire, &plain, SIZE_MAX, &ended, &out, &err);
		opening += cpu_now() - middle;
		sealing += middle - start;
		buf_clear(&plain);
	}
	figure("tls_encrypt", ROUNDS * 1e9 / (double)sealing, "MiB/cpu-s");
	figure("tls_decrypt", ROUNDS * 1e9 / (double)opening, "MiB/cpu-s");
	int64_t start = cpu_now();
	for (int i = 0; i < 20 * ROUNDS; i++) {
		tls_engine_encrypt(p.server, str_make(text, 1200), &wire, &err);
		buf_clear(&wire);
	}
	figure("tls_encrypt_1200_bytes", (double)(cpu_now() - start) / (20 * ROUNDS), "ns");
	mem_free(text);
	buf_done(&wire);
	buf_done(&plain);
	buf_done(&out);
	pair_done(&p);
}

/* ---- streams: the clients are another process, so that the loop is the server's alone ---- */
enum { LINKS = 500 };

struct connection {
	struct op op, reading;
	struct scope *scope;
	struct stream *below, *tls;
	struct buf in;
};

struct host {
	struct loop *loop;
	struct env *env;
	struct cast *cast;
	struct listener *listener;
	struct address address;
	struct op accepting;
	struct connection *connections;
	int started, ready, wanted;
	bool reached; /* `wanted` are ready */
};

static struct host host;

static void idle_done(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static void shook(struct op *op, struct err *err)
{
	struct connection *c = CONTAINER_OF(op, struct connection, op);
	tls_world_must(err->code, err);
	buf_init(&c->in, KIB);
	op_init(&c->reading, loop_root(host.loop), idle_done, OP_NO_DEADLINE);
	stream_read(c->tls, &c->reading, &c->in, KIB);
	host.reached = ++host.ready == host.wanted;
}

static void accepted(struct op *op, struct err *err)
{
	if (err->code)
		return;
	(void)op;
	struct scope *root = loop_root(host.loop);
	struct connection *c = &host.connections[host.started++];
	op_init(&c->op, root, shook, OP_NO_DEADLINE);
	tls_accept(host.env, &c->op, root, c->below, host.cast->server_config, &c->tls);
	if (host.started > LINKS)
		return;
	op_init(&host.accepting, root, accepted, OP_NO_DEADLINE);
	listener_accept(
		host.listener, &host.accepting, root, &host.connections[host.started].below);
}

static void connected(struct op *op, struct err *err)
{
	struct connection *c = CONTAINER_OF(op, struct connection, op);
	tls_world_must(err->code, err);
	struct scope *root = loop_root(host.loop);
	op_init(&c->op, root, shook, OP_NO_DEADLINE);
	tls_connect(host.env, &c->op, root, c->below, host.cast->client_config, (struct str){0},
		NULL, &c->tls);
}

static void host_start(struct cast *c)
{
	host.cast = c;
	host.loop = loop_new();
	host.env = env_new(host.loop);
	host.connections = mem_new((LINKS + 1) * sizeof(*host.connections));
}

static void run_until_ready(int wanted)
{
	struct err err = {0};
	host.wanted = wanted;
	host.reached = host.ready == wanted;
	tls_world_must(loop_run_until(host.loop, &host.reached, &err), &err);
}

static void connect_some(int count)
{
	for (int i = 0; i < count; i++) {
		struct connection *c = &host.connections[host.started++];
		op_init(&c->op, loop_root(host.loop), connected, OP_NO_DEADLINE);
		net_connect(host.env, &c->op, loop_root(host.loop), &host.address, &c->below);
	}
	run_until_ready(host.started);
}

static void wait_for_byte(int fd)
{
	char byte;
	while (read(fd, &byte, 1) < 0)
		;
}

/* One connection first, so that threads and caches are warm; then all at once; then the end. */
static void clients_run(struct cast *c, const struct address *address, int control)
{
	host_start(c);
	host.address = *address;
	connect_some(1);
	wait_for_byte(control);
	connect_some(LINKS);
	wait_for_byte(control);
	_exit(0);
}

static size_t heap_in_use(void)
{
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
}

static struct address free_address(void)
{
	struct err err = {0};
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);
	host_start(host.cast);
	tls_world_must(
		net_listen(host.env, loop_root(host.loop), &any, 1024, &host.listener, &err), &err);
	return host.listener->address;
}

static void server_measure(int control)
{
	struct loop_stats stats;
	op_init(&host.accepting, loop_root(host.loop), accepted, OP_NO_DEADLINE);
	listener_accept(
		host.listener, &host.accepting, loop_root(host.loop), &host.connections[0].below);
	run_until_ready(1);
	size_t heap = heap_in_use();
	int64_t start = clock_mono(), cpu = cpu_now();
	loop_stats_reset(host.loop);
	(void)!write(control, "g", 1);
	run_until_ready(LINKS + 1);
	loop_stats(host.loop, &stats);
	figure("tls_500_handshakes", (double)(clock_mono() - start) / 1e6, "ms");
	figure("tls_500_handshakes_cpu", (double)(cpu_now() - cpu) / 1e6, "ms");
	figure("tls_worst_stall_ms", (double)stats.worst_turn / 1e6, "ms");
	figure("tls_idle_connection_bytes", (double)(heap_in_use() - heap) / LINKS, "B");
}

static void bench_streams(struct cast *c)
{
	int control[2];
	host.cast = c;
	struct address address = free_address();
	if (pipe(control))
		abort();
	pid_t child = fork();
	if (child == 0)
		clients_run(c, &address, control[0]);
	server_measure(control[1]);
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	for (int i = 0; i <= LINKS; i++)
		stream_close(host.connections[i].tls);
	listener_close(host.listener);
	struct err err = {0};
	tls_world_must(loop_run(host.loop, &err), &err);
	env_free(host.env);
	loop_free(host.loop);
	mem_free(host.connections);
}

int main(void)
{
	struct cast c;
	cast_init(&c);
	bench_streams(&c);
	bench_handshakes(&c);
	bench_records(&c);
	cast_done(&c);
	return 0;
}
