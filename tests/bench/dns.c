/*
 * Questions a second, over loopback, of a cluster with a thousand services: the server on its loop,
 * a client on a thread of its own (both share the machine). Latency is that of a client that waits
 * for each answer.
 */
#include "loop_test.h"

#include "dns/server.h"

#include <kube/mem.h>
#include <kube/time.h>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVICES = 1000, NAMES = 256, WINDOW = 64, SAMPLES = 5000, CONNECTIONS = 8, OPT = 11 };
#define LASTS (1 * SEC)

struct bench {
	struct loop_test t;
	struct dns_server server;
	struct address at, outside_at;
	int outside; /* the server of others' names */
	struct arena arena;
	struct str ours[NAMES], missing[NAMES], others[NAMES]; /* questions */
	atomic_bool over;
	int64_t took[SAMPLES];
};

static bool always(void *ctx)
{
	(void)ctx;
	return true;
}

static struct str question(struct bench *b, struct str name)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(512);

	dns_ask(&b->arena, &out, 7, name, DNS_A);
	return arena_str(&b->arena, buf_str(&out));
}

static void make_questions(struct bench *b)
{
	struct arena *a = &b->arena;

	for (int i = 0; i < NAMES; i++) {
		b->ours[i] =
			question(b, arena_print(a, "service-%d.load.svc.cluster.local", i * 3));
		b->missing[i] =
			question(b, arena_print(a, "www%d.example.com.load.svc.cluster.local", i));
		b->others[i] = question(b, arena_print(a, "www%d.example.com", i));
	}
}

static void fill(struct zone *z)
{
	zone_put_namespace(z, STR("load"));
	for (int i = 0; i < SERVICES; i++) {
		_cleanup_(arena_done) struct arena a;
		struct cJSON *tree = NULL;

		arena_init(&a);
		EXPECT_INT(json_parse(&a,
				   arena_print(&a,
					   "{\"metadata\":{\"name\":\"service-%d\",\"namespace\":"
					   "\"load\"},\"spec\":{\"clusterIP\":\"10.43.%d.%d\"}}",
					   i, i / 250, i % 250 + 1),
				   NULL, &tree, NULL),
			0);
		zone_put_service(z, tree);
	}
}

/* ---- the client ---- */

static int socket_to(const struct address *at, int type)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(at->port)};
	struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), yes = 1;

	memcpy(&to.sin_addr, at->ip.bytes, 4);
	EXPECT(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	return fd;
}

static void report(const char *name, uint64_t count, int64_t start)
{
	printf("dns_%s %.0f q/s\n", name, (double)count / ((double)(clock_mono() - start) / SEC));
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void one_at_a_time(struct bench *b, const char *name, const struct str *questions)
{
	int fd = socket_to(&b->at, SOCK_DGRAM);
	char answer[4096];

	for (int i = 0; i < SAMPLES; i++) {
		const struct str *q = &questions[i % NAMES];
		int64_t start = clock_mono();

		if (send(fd, q->at, q->len, 0) < 0 || recv(fd, answer, sizeof(answer), 0) < 12) {
			test_fail(__FILE__, __LINE__, "no answer");
			break;
		}
		b->took[i] = clock_mono() - start;
	}
	close(fd);
	qsort(b->took, SAMPLES, sizeof(b->took[0]), by_size);
	printf("dns_%s_p50 %.1f us\n", name, (double)b->took[SAMPLES / 2] / USEC);
	printf("dns_%s_p99 %.1f us\n", name, (double)b->took[SAMPLES - 1 - SAMPLES / 100] / USEC);
}

static void udp(struct bench *b, const char *name, const struct str *questions)
{
	int fd = socket_to(&b->at, SOCK_DGRAM);
	int64_t start = clock_mono();
	uint64_t sent = 0, heard = 0;
	char answer[4096];

	while (clock_mono() - start < LASTS) {
		for (; sent - heard < WINDOW; sent++)
			send(fd, questions[sent % NAMES].at, questions[sent % NAMES].len, 0);
		if (recv(fd, answer, sizeof(answer), 0) < 12) {
			test_fail(__FILE__, __LINE__, "no answer");
			break;
		}
		heard++;
	}
	report(name, heard, start);
	close(fd);
}

/* Batches of questions in one write; answers as they come. */
static bool tcp_batch(int fd, const struct str *questions)
{
	struct buf out = BUF_INIT(64 * KIB);
	char in[64 * KIB];
	size_t have = 0;
	int heard = 0;

	for (int i = 0; i < WINDOW; i++) {
		buf_add_char(&out, 0);
		buf_add_char(&out, (char)questions[i].len);
		buf_add_str(&out, questions[i]);
	}
	bool good = send(fd, out.at, out.len, MSG_NOSIGNAL) == (ssize_t)out.len;
	buf_done(&out);
	while (good && heard < WINDOW) {
		ssize_t n = recv(fd, in + have, sizeof(in) - have, 0);
		size_t at = 0, len;

		if (n <= 0)
			return false;
		have += (size_t)n;
		while (have - at >= 2 && have - at >= 2 + (len = (size_t)(uint8_t)in[at] << 8 |
								  (uint8_t)in[at + 1])) {
			at += 2 + len;
			heard++;
		}
		memmove(in, in + at, have - at);
		have -= at;
	}
	return good;
}

static void tcp(struct bench *b, const char *name, int connections)
{
	int fds[CONNECTIONS];
	uint64_t heard = 0;

	for (int i = 0; i < connections; i++)
		fds[i] = socket_to(&b->at, SOCK_STREAM);
	int64_t start = clock_mono();
	for (int i = 0; clock_mono() - start < LASTS; i++) {
		if (!tcp_batch(fds[i % connections], b->ours)) {
			test_fail(__FILE__, __LINE__, "no answers");
			break;
		}
		heard += WINDOW;
	}
	report(name, heard, start);
	for (int i = 0; i < connections; i++)
		close(fds[i]);
}

static void tcp_each(struct bench *b)
{
	int64_t start = clock_mono();
	uint64_t heard = 0;
	char answer[4096];

	for (; clock_mono() - start < LASTS; heard++) {
		const struct str *q = &b->ours[heard % NAMES];
		int fd = socket_to(&b->at, SOCK_STREAM);
		char message[512] = {0, (char)q->len};

		memcpy(message + 2, q->at, q->len);
		EXPECT(send(fd, message, q->len + 2, MSG_NOSIGNAL) > 0 &&
			recv(fd, answer, sizeof(answer), 0) > 12);
		close(fd);
	}
	report("tcp_connection_each", heard, start);
}

/* Each name of others is answered once from outside; from then on it is remembered. */
static void learn(struct bench *b)
{
	static const char record[] = {
		(char)0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, (char)192, 0, 2, 80};
	int fd = socket_to(&b->at, SOCK_DGRAM);
	char packet[1024], answer[1024];

	for (int i = 0; i < NAMES; i++) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);

		send(fd, b->others[i].at, b->others[i].len, 0);
		ssize_t n = recvfrom(b->outside, packet, sizeof(packet) - sizeof(record), 0,
			(struct sockaddr *)&from, &len);
		if (!EXPECT(n >= 12))
			break;
		n -= OPT; /* of the question: an answer would have to have its own */
		packet[2] |= (char)0x80;
		packet[7] = 1;
		packet[11] = 0;
		memcpy(packet + n, record, sizeof(record));
		sendto(b->outside, packet, (size_t)n + sizeof(record), 0, (struct sockaddr *)&from,
			len);
		if (!EXPECT(recv(fd, answer, sizeof(answer), 0) >= 12 && answer[7] == 1))
			break;
	}
	close(fd);
}

static void *client(void *ctx)
{
	struct bench *b = ctx;

	udp(b, "udp_service", b->ours);
	udp(b, "udp_no_such_name", b->missing);
	learn(b);
	if (!test_failed())
		udp(b, "udp_remembered", b->others);
	tcp(b, "tcp_service", 1);
	tcp(b, "tcp_service_x8", CONNECTIONS);
	tcp_each(b);
	one_at_a_time(b, "udp_service", b->ours);
	if (!test_failed())
		one_at_a_time(b, "udp_remembered", b->others);
	b->over = true;
	return NULL;
}

/* ---- the server ---- */

static void open_outside(struct bench *b)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 5};
	socklen_t len = sizeof(at);

	b->outside = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	EXPECT_INT(bind(b->outside, (struct sockaddr *)&at, sizeof(at)), 0);
	getsockname(b->outside, (struct sockaddr *)&at, &len);
	setsockopt(b->outside, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	b->outside_at = address_of(ip_v4(127, 0, 0, 1), ntohs(at.sin_port));
}

static void open_server(struct bench *b)
{
	struct address any = address_of(ip_v4(127, 0, 0, 1), 0);
	struct dns_server *s = &b->server;
	struct err err = {0};

	*s = (struct dns_server){.env = b->t.env, .ready = always};
	list_init(&s->udp_ports);
	list_init(&s->tcp_ports);
	scope_init(&s->scope, b->t.root, "dns", NULL);
	forwarder_init(&s->forwarder, b->t.env, &s->scope, &b->outside_at, 1);
	zone_init(&s->zone, STR("cluster.local"), 5);
	fill(&s->zone);
	REQUIRE_OK(udp_listen(s, &any, &b->at, &err), &err);
	REQUIRE_OK(tcp_listen(s, &b->at, &err), &err);
}

static void close_server(struct bench *b)
{
	struct dns_server *s = &b->server;
	struct told told = {0};

	ports_close(s);
	scope_close(&s->scope, told_op(&told, b->t.root, OP_NO_DEADLINE));
	loop_test_run_until(&b->t, &told.done);
	ports_free(s);
	forwarder_done(&s->forwarder);
	zone_done(&s->zone);
}

TEST(bench_dns)
{
	struct bench *b = mem_new(sizeof(*b));
	pthread_t thread;

	arena_init(&b->arena);
	loop_test_init(&b->t, LOOP_TEST_REAL);
	make_questions(b);
	open_outside(b);
	open_server(b);
	pthread_create(&thread, NULL, client, b);
	while (!b->over) {
		struct told told = {0};

		timer_wait(
			told_op(&told, b->t.root, OP_NO_DEADLINE), loop_in(b->t.loop, 20 * MSEC));
		loop_test_run_until(&b->t, &told.done);
		told_done(&told);
	}
	pthread_join(thread, NULL);
	close_server(b);
	close(b->outside);
	loop_test_done(&b->t);
	arena_done(&b->arena);
	mem_free(b);
}
