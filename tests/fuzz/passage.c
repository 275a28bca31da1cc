/*
 * A client and a pod that talk through the API server, each saying what it likes: requests through
 * the proxy of a pod, some of them upgraded. The first byte: bit 0 it asks for an upgrade, to SPDY
 * or (bit 1) to WebSocket; bit 2 the pod agrees first; bit 3 the client's bytes are part of its
 * head; bit 4 the client, bit 5 the pod ends its half after what it has said; bit 6 they come piece
 * by piece. The second byte: how many of the rest are the client's; what is left is the pod's.
 */
#include "api_world.h"

#define PODS 4 /* connections that the pod takes */

struct peer {
	struct stream *stream;
	struct op writing, reading;
	struct str said; /* still to be written */
	size_t piece;
	bool ends;
	struct buf heard;
};

static struct api_world world;
static struct listener *pod;
static struct peer client, taken[PODS];
static struct peer pods_words; /* what each connection of the pod says */
static struct stream *fresh;
static struct op accepting;
static int count;

/* ---- what the harness expects: there is no test here that could fail, only crashes ---- */

bool test_fail(const char *file, int line, const char *format, ...)
{
	(void)format;
	fprintf(stderr, "%s:%d\n", file, line);
	abort();
}

bool test_expect_int(const char *file, int line, const char *what, int64_t got, int64_t wanted)
{
	return got == wanted || test_fail(file, line, "%s", what);
}

/* ---- one side ---- */

static void say(struct peer *p);

static void said(struct op *op, struct err *err)
{
	struct peer *p = CONTAINER_OF(op, struct peer, writing);

	if (!err->code && p->stream)
		say(p);
}

static void finished(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
}

static void say(struct peer *p)
{
	static struct str part;

	part = str_make(p->said.at, MIN(p->said.len, p->piece));
	p->said = str_skip(p->said, part.len);
	op_init(&p->writing, world.root, part.len ? said : finished, OP_NO_DEADLINE);
	if (part.len)
		stream_write(p->stream, &p->writing, &part, 1);
	else if (p->ends)
		stream_finish(p->stream, &p->writing);
}

static void hear(struct peer *p);

static void heard(struct op *op, struct err *err)
{
	struct peer *p = CONTAINER_OF(op, struct peer, reading);

	if (!err->code && op->n && p->stream)
		hear(p);
}

static void hear(struct peer *p)
{
	op_init(&p->reading, world.root, heard, OP_NO_DEADLINE);
	stream_read(p->stream, &p->reading, &p->heard, 4 * KIB);
}

static void begin(struct peer *p, struct stream *stream, const struct peer *words)
{
	*p = *words;
	p->stream = stream;
	buf_init(&p->heard, 4 * MIB);
	hear(p);
	say(p);
}

static void end(struct peer *p)
{
	stream_close(TAKE(p->stream));
	buf_done(&p->heard);
}

/* ---- the pod ---- */

static void accepted(struct op *op, struct err *err)
{
	if (err->code)
		return;
	if (count == PODS)
		stream_close(TAKE(fresh));
	else
		begin(&taken[count++], TAKE(fresh), &pods_words);
	op_init(op, world.root, accepted, OP_NO_DEADLINE);
	listener_accept(pod, op, world.root, &fresh);
}

static void put_pod(void)
{
	struct own_write w = {.resource = resource_find(STR(""), STR("v1"), STR("pods"))};
	struct told written = {0};

	if (json_parse(&world.arena,
		    STR("{\"metadata\":{\"namespace\":\"n\",\"name\":\"p\"},\"spec\":{"
			"\"containers\":[{"
			"\"name\":\"c\",\"image\":\"i\"}]},\"status\":{\"podIP\":\"10.0.0.2\","
			"\"podIPs\":[{\"ip\":\"10.0.0.2\"}]}}"),
		    NULL, &w.object, NULL))
		abort();
	server_write(world.server, told_op(&written, world.root, OP_NO_DEADLINE), &w);
	api_world_await(&world, &written);
	if (written.err.code)
		abort();
	told_done(&written);
}

static void open_world(void)
{
	struct address at = address_of(ip_v4(10, 0, 0, 2), 80);

	if (!api_world_open(&world, 1, NULL) ||
		net_listen(world.far, world.root, &at, 0, &pod, NULL))
		abort();
	put_pod();
	put_pod(); /* what is created has no status yet */
	op_init(&accepting, world.root, accepted, OP_NO_DEADLINE);
	listener_accept(pod, &accepting, world.root, &fresh);
}

/* ---- a conversation ---- */

static void add_head(struct buf *out, int flags, struct str words)
{
	buf_add_text(out,
		"POST /api/v1/namespaces/n/pods/p:80/proxy/a%20b?c=d HTTP/1.1\r\nHost: h\r\n"
		"Authorization: Bearer rigtoken\r\n");
	if (flags & 1)
		buf_print(out, "Connection: Upgrade\r\nUpgrade: %s\r\n",
			flags & 2 ? "websocket" : "SPDY/3.1");
	if (flags & 8)
		buf_add_str(out, words);
	buf_add_text(out, "\r\n");
	if (!(flags & 8))
		buf_add_str(out, words);
}

static void talk(int flags, struct str clients, struct str pods)
{
	_cleanup_(buf_done) struct buf request = BUF_INIT(MIB), answer = BUF_INIT(MIB);
	struct address server = address_of(ip_v4(10, 0, 0, 1), 80);
	size_t piece = flags & 64 ? 3 : MIB;
	struct stream *stream = NULL;
	struct told connected = {0};

	add_head(&request, flags, clients);
	if (flags & 4)
		buf_add_text(&answer, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
				      "Upgrade: SPDY/3.1\r\n\r\n");
	buf_add_str(&answer, pods);
	pods_words = (struct peer){.said = buf_str(&answer), .piece = piece, .ends = flags & 32};
	count = 0;
	net_connect(world.far, told_op(&connected, world.root, OP_NO_DEADLINE), world.root, &server,
		&stream);
	api_world_await(&world, &connected);
	told_done(&connected);
	begin(&client, stream,
		&(struct peer){.said = buf_str(&request), .piece = piece, .ends = flags & 16});
	api_world_pass(&world, 2 * MINUTE);
	assert(!client.heard.len || str_starts(buf_str(&client.heard), STR("HTTP/1.1 ")));
	end(&client);
	for (int i = 0; i < count; i++)
		end(&taken[i]);
	api_world_pass(&world, MINUTE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 64 * KIB)
		return 0;
	if (!world.sim)
		open_world();
	struct str rest = str_make((const char *)data + 2, size - 2);
	size_t n = MIN(data[1], rest.len);
	talk(data[0], str_make(rest.at, n), str_skip(rest, n));
	return 0;
}
