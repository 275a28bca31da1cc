/*
 * Hostile bytes for both ends of a TLS connection. The first byte chooses the scene, the second
 * how many bytes arrive at a time; the rest is
 *
 *	server, client:		what the peer says instead of shaking hands
 *	open server, client:	what it says after a good handshake
 *	tampered:		places (16 bit) and values to change on the wire of a handshake
 */
#include "tls_world.h"

enum scene { SERVER, CLIENT, OPEN_SERVER, OPEN_CLIENT, TAMPERED, SCENES };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tls_world world;
static struct tls_world_identity server, client;
static struct tls_config *server_config, *client_config;

static void start(void)
{
	static const char *const alpn[] = {"h2", "http/1.1", NULL};
	struct err err = {0};
	tls_world_init(&world, 1800000000 * SEC);
	tls_world_issue(&world,
		&(struct tls_world_want){
			.name = "server", .usages = CERT_SERVER, .dns = "localhost"},
		&server);
	tls_world_issue(
		&world, &(struct tls_world_want){.name = "client", .usages = CERT_CLIENT}, &client);
	struct tls_server_options so = {.identities = &server.identity,
		.identity_count = 1,
		.client_certs = TLS_CERTS_OPTIONAL,
		.client_roots = &world.ca,
		.alpn = alpn};
	struct tls_client_options co = {.identity = &client.identity,
		.roots = &world.ca,
		.server_name = STR("localhost"),
		.alpn = alpn};
	tls_world_must(tls_config_new_server(&so, &server_config, &err), &err);
	tls_world_must(tls_config_new_client(&co, &client_config, &err), &err);
}

struct end {
	struct tls_engine *engine;
	struct buf in, out;
	enum tls_want want;
};

static void end_init(struct end *e, struct tls_config *config)
{
	*e = (struct end){.want = TLS_WANT_READ};
	e->engine = tls_engine_new(config, (struct str){0}, NULL, world.now);
	buf_init(&e->in, MIB);
	buf_init(&e->out, 64 * KIB);
}

static void end_done(struct end *e)
{
	tls_engine_free(e->engine);
	buf_done(&e->in);
	buf_done(&e->out);
}

static void end_shake(struct end *e)
{
	struct err err = {0};
	if (e->want == TLS_DONE || e->want == TLS_FAILED)
		return;
	do {
		e->want = tls_engine_handshake(e->engine, &e->in, &e->out, &err);
	} while (e->want == TLS_WANT_WORK);
	assert((e->want == TLS_FAILED) == (err.code != 0));
	err_done(&err);
}

static void end_read(struct end *e)
{
	struct buf plain = BUF_INIT(MIB);
	struct err err = {0};
	bool ended = false;
	while (tls_engine_has_plain(e->engine, &e->in) && !ended)
		if (tls_engine_decrypt(e->engine, &e->in, &plain, 1000, &ended, &e->out, &err))
			break;
	buf_done(&plain);
	err_done(&err);
}

static void end_feed(struct end *e, const uint8_t *data, size_t size, size_t piece)
{
	for (size_t n; size > 0; data += n, size -= n) {
		n = MIN(size, piece);
		buf_add(&e->in, data, n);
		end_shake(e);
		if (e->want == TLS_DONE)
			end_read(e);
		buf_clear(&e->out);
	}
}

/* Carries what one end said to the other, changed where the input says so. */
static void carry(struct end *from, struct end *to, size_t *at, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 3 <= size; i += 3) {
		size_t place = (size_t)data[i] << 8 | data[i + 1];
		if (place >= *at && place < *at + from->out.len)
			from->out.at[place - *at] ^= (char)data[i + 2];
	}
	*at += from->out.len;
	buf_add_str(&to->in, buf_str(&from->out));
	buf_clear(&from->out);
}

static void shake(struct end *s, struct end *c, const uint8_t *data, size_t size)
{
	size_t at = 0, before;
	do {
		before = at;
		end_shake(c);
		carry(c, s, &at, data, size);
		end_shake(s);
		carry(s, c, &at, data, size);
	} while (at > before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!server_config)
		start();
	if (size < 2)
		return 0;
	enum scene scene = data[0] % SCENES;
	size_t piece = data[1] ? data[1] : SIZE_MAX;
	struct end s, c;
	data += 2;
	size -= 2;
	end_init(&s, server_config);
	end_init(&c, client_config);
	struct end *victim = scene == SERVER || scene == OPEN_SERVER ? &s : &c;
	if (scene == CLIENT)
		end_shake(&c);
	if (scene == TAMPERED)
		shake(&s, &c, data, MIN(size, (size_t)300));
	if (scene == OPEN_SERVER || scene == OPEN_CLIENT)
		shake(&s, &c, NULL, 0);
	if (scene != TAMPERED)
		end_feed(victim, data, size, piece);
	end_done(&s);
	end_done(&c);
	return 0;
}
