#include "sim_stream.h"

#include <kube/block.h>
#include <kube/mem.h>
#include <kube/time.h>

/* Bytes on the way and unread together: a writer beyond that waits, as on a socket. */
#define WINDOW  (64 * KIB)
#define SEGMENT (16 * KIB)
/* While hosts are parted their segments are tried again this often, and given up after that. */
#define PARTED_RETRY (SEC)
#define PARTED_LIMIT (15 * MINUTE)

enum segment_kind { SEGMENT_DATA, SEGMENT_FIN, SEGMENT_RESET };

struct segment {
	struct link in_inbox;
	enum segment_kind kind;
	int64_t at;
	struct block *bytes;
};

/* ---- connections ---- */

struct sim_conn *sim_conn_new(struct sim_host *from, struct sim_host *to,
	const struct address *local, const struct address *remote)
{
	struct sim_conn *c = mem_new(sizeof(*c));

	*c = (struct sim_conn){
		.sim = from->sim, .hosts = {from, to}, .addresses = {*local, *remote}, .refs = 1};
	for (int i = 0; i < 2; i++) {
		list_init(&c->inboxes[i].segments);
		buf_init(&c->inboxes[i].bytes, WINDOW);
	}
	return c;
}

static void segment_free(struct segment *g)
{
	link_remove(&g->in_inbox);
	block_unref(g->bytes);
	mem_free(g);
}

static void inbox_drop(struct sim_inbox *in)
{
	list_each_safe (k, &in->segments)
		segment_free(LIST_ENTRY(k, struct segment, in_inbox));
	in->on_the_way = 0;
	buf_done(&in->bytes);
}

void sim_conn_unref(struct sim_conn *c)
{
	if (--c->refs)
		return;
	inbox_drop(&c->inboxes[0]);
	inbox_drop(&c->inboxes[1]);
	mem_free(c);
}

/* ---- arriving ---- */

static void arrival_arm(struct sim_end *e);
static void write_more(struct sim_end *e);

static struct sim_inbox *inbox_of(struct sim_end *e)
{
	return &e->conn->inboxes[e->side];
}

static struct sim_end *peer_of(struct sim_end *e)
{
	return e->conn->ends[!e->side];
}

static void fail_closed(struct op *op)
{
	if (op)
		op_fail_with(op, ERR_CLOSED, "connection reset by peer");
}

static void end_break(struct sim_end *e)
{
	struct sim_inbox *in = inbox_of(e);

	in->broken = true;
	inbox_drop(in);
	fail_closed(stream_take_reading(&e->base));
	fail_closed(stream_take_writing(&e->base));
}

static void read_try(struct sim_end *e)
{
	struct sim_inbox *in = inbox_of(e);

	if (!e->base.reading)
		return;
	if (in->bytes.len) {
		size_t n = MIN(in->bytes.len, stream_room(e->into, e->max));
		buf_add(e->into, in->bytes.at, n);
		buf_drop_front(&in->bytes, n);
		e->base.bytes_in += n;
		op_finish(stream_take_reading(&e->base), (int64_t)n);
		/* There is room in the window again. */
		if (peer_of(e))
			write_more(peer_of(e));
	} else if (in->finished) {
		op_finish(stream_take_reading(&e->base), 0);
	}
}

static void segment_arrive(struct sim_end *e, struct segment *g)
{
	struct sim_inbox *in = inbox_of(e);
	size_t len = g->bytes ? g->bytes->len : 0;

	sim_note(e->conn->sim, "arrive", (uint64_t)g->kind, len);
	in->on_the_way -= len;
	if (g->kind == SEGMENT_DATA)
		buf_add_str(&in->bytes, block_str(g->bytes));
	else if (g->kind == SEGMENT_FIN)
		in->finished = true;
	bool reset = g->kind == SEGMENT_RESET;
	segment_free(g);
	if (reset)
		end_break(e);
}

/* Between parted hosts nothing arrives; in the end each side gives the other up. */
static bool held_up(struct sim_end *e, int64_t now)
{
	struct sim_conn *c = e->conn;
	struct sim_inbox *in = inbox_of(e);

	if (!sim_is_parted(c->hosts[0], c->hosts[1])) {
		in->parted_since = 0;
		return false;
	}
	if (!in->parted_since)
		in->parted_since = now;
	if (now - in->parted_since > PARTED_LIMIT) {
		end_break(e);
		return true;
	}
	list_each (k, &in->segments) {
		struct segment *g = LIST_ENTRY(k, struct segment, in_inbox);
		g->at = MAX(g->at, now + PARTED_RETRY);
	}
	in->last_at = MAX(in->last_at, now + PARTED_RETRY);
	return true;
}

static void arrival_done(struct op *op, struct err *err)
{
	struct sim_end *e = CONTAINER_OF(op, struct sim_end, arrival);
	struct sim_inbox *in = inbox_of(e);
	int64_t now = loop_now(e->conn->sim->loop);

	if (err->code) {
		/* Closed; or torture, which is for those who use the network, not for it. */
		if (!scope_closing(&e->life))
			arrival_arm(e);
		return;
	}
	struct link *k;
	while (!held_up(e, now) && (k = list_first(&in->segments))) {
		struct segment *g = LIST_ENTRY(k, struct segment, in_inbox);
		if (g->at > now)
			break;
		segment_arrive(e, g);
	}
	read_try(e);
	arrival_arm(e);
}

static void arrival_arm(struct sim_end *e)
{
	struct link *k = list_first(&inbox_of(e)->segments);

	if (!k || op_active(&e->arrival) || e->closed)
		return;
	op_init(&e->arrival, &e->life, arrival_done, OP_NO_DEADLINE);
	timer_wait(&e->arrival, LIST_ENTRY(k, struct segment, in_inbox)->at);
}

/* ---- sending ---- */

static void send_segment(struct sim_conn *c, int to, enum segment_kind kind, struct str bytes)
{
	struct sim_inbox *in = &c->inboxes[to];
	struct sim_end *e = c->ends[to];

	if (in->broken || (e && e->closed))
		return;
	struct segment *g = mem_new(sizeof(*g));
	g->kind = kind;
	g->at = in->last_at = MAX(in->last_at, loop_now(c->sim->loop) + sim_delay(c->sim));
	if (bytes.len)
		g->bytes = block_from(bytes);
	in->on_the_way += bytes.len;
	list_push(&in->segments, &g->in_inbox);
	if (e)
		arrival_arm(e);
}

void sim_send_reset(struct sim_conn *c, int side)
{
	send_segment(c, side, SEGMENT_RESET, (struct str){0});
}

/* Whether the network breaks the connection under this segment. */
static bool broken_by_chance(struct sim_end *e)
{
	struct sim_conn *c = e->conn;

	if (!sim_chance(c->sim, c->sim->faults.reset))
		return false;
	sim_note(c->sim, "reset", 0, 0);
	sim_send_reset(c, !e->side);
	end_break(e);
	return true;
}

static size_t segment_size(struct sim *sim, size_t len)
{
	len = MIN(len, SEGMENT);
	return len > 1 && sim_chance(sim, sim->faults.split) ? 1 + rng_below(&sim->rng, len - 1)
							     : len;
}

static void write_more(struct sim_end *e)
{
	struct sim_conn *c = e->conn;
	struct sim_inbox *out = &c->inboxes[!e->side];

	while (e->base.writing && e->part < e->part_count) {
		struct str rest = str_skip(e->parts[e->part], e->offset);
		size_t used = out->on_the_way + out->bytes.len;
		if (!rest.len) {
			e->part++;
			e->offset = 0;
			continue;
		}
		if (used >= WINDOW)
			return;
		if (broken_by_chance(e))
			return;
		size_t n = segment_size(c->sim, MIN(rest.len, WINDOW - used));
		send_segment(c, !e->side, SEGMENT_DATA, str_sub(rest, 0, n));
		e->offset += n;
		e->written += n;
		e->base.bytes_out += n;
	}
	if (e->base.writing)
		op_finish(stream_take_writing(&e->base), (int64_t)e->written);
}

/* ---- stream_ops ---- */

static void end_read(struct stream *s, struct op *op, struct buf *into, size_t max)
{
	struct sim_end *e = (struct sim_end *)s;

	(void)op;
	e->into = into;
	e->max = max;
	if (inbox_of(e)->broken)
		fail_closed(stream_take_reading(s));
	else
		read_try(e);
}

static void end_write(struct stream *s, struct op *op, const struct str *parts, size_t count)
{
	struct sim_end *e = (struct sim_end *)s;

	(void)op;
	e->parts = parts;
	e->part_count = count;
	e->part = e->offset = e->written = 0;
	/* Nobody is there any more: what is sent now is answered with a reset. */
	if (e->conn->inboxes[!e->side].broken)
		sim_send_reset(e->conn, e->side);
	if (inbox_of(e)->broken)
		fail_closed(stream_take_writing(s));
	else
		write_more(e);
}

static void end_finish(struct stream *s, struct op *op)
{
	struct sim_end *e = (struct sim_end *)s;

	(void)op;
	send_segment(e->conn, !e->side, SEGMENT_FIN, (struct str){0});
	op_finish(stream_take_writing(s), 0);
}

static void end_cancel(struct stream *s, struct op *op)
{
	if (s->reading == op)
		stream_take_reading(s);
	else
		stream_take_writing(s);
	op_fail_cancelled(op);
}

static void end_gone(struct op *op, struct err *err)
{
	struct sim_end *e = CONTAINER_OF(op, struct sim_end, closer);
	struct sim_conn *c = e->conn;

	(void)err;
	c->ends[e->side] = NULL;
	link_remove(&e->in_host);
	mem_free(e);
	sim_conn_unref(c);
}

static void end_close(struct stream *s)
{
	struct sim_end *e = (struct sim_end *)s;
	struct sim_inbox *in = inbox_of(e);
	/* Closing with unread bytes is rude, and seen as such, as with TCP. */
	bool unread = in->bytes.len || in->on_the_way;

	assert(!e->closed);
	if (!in->broken)
		send_segment(
			e->conn, !e->side, unread ? SEGMENT_RESET : SEGMENT_FIN, (struct str){0});
	e->closed = true;
	stream_end_pending(s);
	in->broken = true;
	inbox_drop(in);
	/* Who still waits for room in our window must not wait for ever. */
	struct sim_end *peer = peer_of(e);
	if (peer && peer->base.writing)
		sim_send_reset(e->conn, peer->side);
	op_init(&e->closer, s->scope, end_gone, OP_NO_DEADLINE);
	scope_close(&e->life, &e->closer);
}

struct stream *sim_end_new(struct sim_conn *c, int side, struct scope *scope)
{
	static const struct stream_ops ops = {
		.name = "sim",
		.read = end_read,
		.write = end_write,
		.finish = end_finish,
		.cancel = end_cancel,
		.close = end_close,
	};
	struct sim_end *e = mem_new(sizeof(*e));

	e->base = (struct stream){.ops = &ops,
		.scope = scope,
		.local = c->addresses[side],
		.remote = c->addresses[!side]};
	e->conn = c;
	e->side = side;
	c->ends[side] = e;
	c->refs++;
	list_push(&c->hosts[side]->ends, &e->in_host);
	scope_init(&e->life, scope, "sim stream", NULL);
	arrival_arm(e);
	return &e->base;
}

void sim_break_streams(struct sim_host *host)
{
	list_each (k, &host->ends) {
		struct sim_end *e = LIST_ENTRY(k, struct sim_end, in_host);
		if (e->closed)
			continue;
		sim_send_reset(e->conn, !e->side);
		end_break(e);
	}
}
