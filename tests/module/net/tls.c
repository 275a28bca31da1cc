/* TLS streams on a real loop, over socket pairs and TCP. */
#include "loop_test.h"
#include "loop_torture.h"
#include "tls_world.h"

#include <kube/tls.h>

#include <sys/socket.h>
#include <unistd.h>

/* ---- certificates: made once ---- */
static struct tls_world world;
static struct tls_world_identity server_identity, client_identity;

__attribute__((constructor)) static void world_start(void)
{
	tls_world_init(&world, clock_wall());
	tls_world_issue(&world,
		&(struct tls_world_want){.name = "server",
			.usages = CERT_SERVER,
			.dns = "localhost",
			.ip = "127.0.0.1"},
		&server_identity);
	tls_world_issue(&world, &(struct tls_world_want){.name = "admin", .usages = CERT_CLIENT},
		&client_identity);
}

__attribute__((destructor)) static void world_end(void)
{
	tls_world_identity_done(&server_identity);
	tls_world_identity_done(&client_identity);
	tls_world_done(&world);
}

static struct tls_config *server_config(enum tls_client_certs certs)
{
	static const char *const alpn[] = {"h2", "http/1.1", NULL};
	struct tls_config *config = NULL;
	struct err err = {0};
	struct tls_server_options o = {.identities = &server_identity.identity,
		.identity_count = 1,
		.client_certs = certs,
		.client_roots = &world.ca,
		.alpn = alpn};
	EXPECT_OK(tls_config_new_server(&o, &config, &err), &err);
	return config;
}

static struct tls_config *client_config(const char *name)
{
	struct tls_config *config = NULL;
	struct err err = {0};
	struct tls_client_options o = {.roots = &world.ca, .server_name = str_from(name)};
	EXPECT_OK(tls_config_new_client(&o, &config, &err), &err);
	return config;
}

/* ---- a client and a server on one loop ---- */
struct duo {
	struct loop_test t;
	struct env *env;
	struct tls_config *server_config, *client_config;
	struct stream *server, *client;
	struct told accepted, connected;
};

static void duo_init(struct duo *d, struct tls_config *server, struct tls_config *client)
{
	*d = (struct duo){.server_config = server, .client_config = client};
	loop_test_init(&d->t, LOOP_TEST_REAL);
	d->env = env_new(d->t.loop);
}

static void socket_pair(struct duo *d, struct stream **a, struct stream **b)
{
	int fds[2];
	int failed = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
	assert(!failed);
	*a = stream_from_fd(d->t.loop, d->t.root, fds[0]);
	*b = stream_from_fd(d->t.loop, d->t.root, fds[1]);
}

static void duo_shake(struct duo *d, const struct tls_session *resume)
{
	struct stream *a, *b;
	socket_pair(d, &a, &b);
	told_done(&d->accepted);
	told_done(&d->connected);
	d->accepted = d->connected = (struct told){0};
	d->server = d->client = NULL;
	tls_accept(d->env, told_op(&d->accepted, d->t.root, OP_NO_DEADLINE), d->t.root, a,
		d->server_config, &d->server);
	tls_connect(d->env, told_op(&d->connected, d->t.root, OP_NO_DEADLINE), d->t.root, b,
		d->client_config, (struct str){0}, resume, &d->client);
	loop_test_run_until(&d->t, &d->accepted.done);
	loop_test_run_until(&d->t, &d->connected.done);
}

static bool duo_must_shake(struct duo *d)
{
	duo_shake(d, NULL);
	EXPECT_TEXT(d->accepted.err.code ? err_text(&d->accepted.err) : "", "");
	EXPECT_TEXT(d->connected.err.code ? err_text(&d->connected.err) : "", "");
	return d->server && d->client;
}

static void duo_done(struct duo *d)
{
	stream_close(d->server);
	stream_close(d->client);
	loop_test_run(&d->t);
	env_free(d->env);
	loop_test_done(&d->t);
	tls_config_unref(d->server_config);
	tls_config_unref(d->client_config);
	told_done(&d->accepted);
	told_done(&d->connected);
}

/* Writes all of it and reads until it is there. */
static void pass(struct duo *d, struct stream *from, struct stream *to, struct str text)
{
	struct told wrote = {0};
	struct buf got = BUF_INIT(64 * MIB);
	stream_write(from, told_op(&wrote, d->t.root, OP_NO_DEADLINE), &text, 1);
	while (got.len < text.len) {
		struct told read = {0};
		stream_read(to, told_op(&read, d->t.root, OP_NO_DEADLINE), &got, 1 * MIB);
		loop_test_run_until(&d->t, &read.done);
		if (!EXPECT_INT(read.err.code, 0) || !EXPECT(read.n > 0))
			break;
		told_done(&read);
	}
	loop_test_run_until(&d->t, &wrote.done);
	EXPECT_INT(wrote.err.code, 0);
	EXPECT_INT(wrote.n, text.len);
	EXPECT(str_eq(buf_str(&got), text));
	buf_done(&got);
	told_done(&wrote);
}

TEST(streams_shake_hands_and_carry_text_both_ways)
{
	struct duo d;
	duo_init(&d, server_config(TLS_CERTS_NONE), client_config("localhost"));
	if (duo_must_shake(&d)) {
		pass(&d, d.client, d.server, STR("ping"));
		pass(&d, d.server, d.client, STR("pong"));
		EXPECT(stream_is_tls(d.client));
		EXPECT_INT(d.client->bytes_out, 4);
		EXPECT_INT(d.client->bytes_in, 4);
	}
	duo_done(&d);
}

TEST(a_large_write_arrives_whole)
{
	struct duo d;
	duo_init(&d, server_config(TLS_CERTS_NONE), client_config("localhost"));
	if (duo_must_shake(&d)) {
		size_t size = 3 * MIB + 17;
		char *text = mem_alloc(size);
		for (size_t i = 0; i < size; i++)
			text[i] = (char)(i * 7 + i / 251);
		pass(&d, d.server, d.client, str_make(text, size));
		mem_free(text);
	}
	duo_done(&d);
}
