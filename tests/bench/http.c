/*
 * HTTP figures.
 *
 *	bench_http                    idle connections: how many, what they cost
 *	bench_http serve [CERT KEY]   a server of 1 KiB answers for http_vs_nginx.sh: prints its
 *	                              port, ends with SIGTERM
 */
#include <kube/http_server.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <arpa/inet.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDLE_CONNECTIONS 10000

static char page[1024];

static void must(int rc, struct err *err)
{
	if (!rc)
		return;
	fprintf(stderr, "%s\n", err_text(err));
	exit(1);
}

/* ---- the handler ---- */

static void answered(struct op *op, struct err *err)
{
	(void)err;
	http_exchange_done(CONTAINER_OF(op, struct http_exchange, op));
}

static void handle(void *ctx, struct http_exchange *x)
{
	static const struct http_header type = {STR_INIT("Content-Type"), STR_INIT("text/plain")};
	(void)ctx;
	op_init(&x->op, &x->scope, answered, OP_NO_DEADLINE);
	http_respond(x, &x->op, 200, &type, 1, str_make(page, sizeof(page)));
}

/* ---- serving ---- */

static struct tls_config *config_load(
	struct loop *loop, const char *cert_file, const char *key_file)
{
	struct err err = {0};
	struct env *env = env_new(loop);
	struct buf cert = BUF_INIT(MIB), key_text = BUF_INIT(MIB);
	struct certs chain = {0};
	struct tls_identity identity = {.chain = &chain};
	must(disk_read_file(env->disk, cert_file, &cert, &err), &err);
	must(disk_read_file(env->disk, key_file, &key_text, &err), &err);
	must(certs_parse_pem(buf_str(&cert), &chain, &err), &err);
	must(key_parse(buf_str(&key_text), &identity.key, &err), &err);
	static const char *const alpn[] = {"h2", "http/1.1", NULL};
	struct tls_server_options o = {.identities = &identity, .identity_count = 1, .alpn = alpn};
	struct tls_config *config = NULL;
	must(tls_config_new_server(&o, &config, &err), &err);
	certs_done(&chain);
	key_unref(identity.key);
	buf_done(&cert);
	buf_done(&key_text);
	env_free(env);
	return config;
}

struct note {
	struct op op;
	bool done;
};

static void note_done(struct op *op, struct err *err)
{
	(void)err;
	CONTAINER_OF(op, struct note, op)->done = true;
}

static void wait_for(struct loop *loop, struct note *note)
{
	struct err err = {0};
	must(loop_run_until(loop, &note->done, &err), &err);
}

static struct op *note_op(struct note *note, struct loop *loop)
{
	note->done = false;
	op_init(&note->op, loop_root(loop), note_done, OP_NO_DEADLINE);
	return &note->op;
}

static struct http_server *server_start(struct env *env, struct tls_config *tls, uint16_t *port)
{
	struct err err = {0};
	struct http_server_options o = {.handler = handle, .tls = tls, .name = "bench"};
	o.limits.max_connections = 2 * IDLE_CONNECTIONS;
	struct http_server *s = http_server_new(env, loop_root(env->loop), &o);
	struct address at = address_of(ip_v4(127, 0, 0, 1), 0), bound;
	must(http_server_listen(s, &at, &bound, &err), &err);
	*port = bound.port;
	return s;
}

static void server_end(struct env *env, struct http_server *s)
{
	struct note stop = {0};
	http_server_stop(s, note_op(&stop, env->loop), 0);
	wait_for(env->loop, &stop);
	http_server_free(s);
	struct loop *loop = env->loop;
	loop_shutdown(loop);
	struct err err = {0};
	must(loop_run(loop, &err), &err);
	env_free(env);
	loop_free(loop);
}

static int serve(const char *cert, const char *key)
{
	struct loop *loop = loop_new();
	struct env *env = env_new(loop);
	struct tls_config *tls = cert ? config_load(loop, cert, key) : NULL;
	uint16_t port;
	struct http_server *s = server_start(env, tls, &port);
	printf("%u\n", port);
	fflush(stdout);
	struct note term = {0};
	signal_wait(loop, note_op(&term, loop), SIGTERM);
	wait_for(loop, &term);
	server_end(env, s);
	if (tls)
		tls_config_unref(tls);
	return 0;
}

/* ---- idle connections ---- */

static size_t heap_used(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

/* One request each, so that what they keep is what a connection between requests keeps. */
static void client_connect(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
		write(fd, request, sizeof(request) - 1) < 0) {
		perror("connect");
		exit(1);
	}
}

/* A process of its own holds the clients' ends: it has its own descriptors. */
static pid_t clients_start(uint16_t port, size_t count)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	for (size_t i = 0; i < count; i++)
		client_connect(port);
	for (;;)
		pause();
}

static void idle_connections(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	size_t count = MIN((size_t)IDLE_CONNECTIONS, (size_t)limit.rlim_cur - 100);
	struct loop *loop = loop_new();
	struct env *env = env_new(loop);
	uint16_t port;
	struct http_server *s = server_start(env, NULL, &port);
	size_t before = heap_used();
	pid_t clients = clients_start(port, count);
	struct note wait = {0};
	struct http_server_stats stats = {0};
	for (int i = 0; i < 300 && stats.requests < count; i++) {
		timer_wait(note_op(&wait, loop), loop_in(loop, 100 * MSEC));
		wait_for(loop, &wait);
		http_server_stats(s, &stats);
	}
	/* Until buffers are given back. */
	timer_wait(note_op(&wait, loop), loop_in(loop, 4 * SEC));
	wait_for(loop, &wait);
	http_server_stats(s, &stats);
	printf("http_idle_connections %u connections\n", stats.connections);
	printf("http_idle_connection_heap %.0f B\n",
		(double)(heap_used() - before) / (double)stats.connections);
	kill(clients, SIGKILL);
	waitpid(clients, NULL, 0);
	server_end(env, s);
}

int main(int argc, char **argv)
{
	memset(page, 'k', sizeof(page));
	if (argc > 1 && strcmp(argv[1], "serve") == 0)
		return serve(argc > 3 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
	idle_connections();
	return 0;
}
