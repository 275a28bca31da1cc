#include "forward.h"

#include <kube/mem.h>
#include <kube/time.h>

#define TRIES        2 /* of each server */
#define PATIENCE     (2 * SEC)
#define OVERALL      (5 * SEC) /* then who asks has stopped waiting */
#define GENERATION   2048      /* answers */
#define REMEMBER_MAX (1 * HOUR)
#define PACKET_MAX   sizeof(((struct forward *)0)->packet)

struct remembered {
	int64_t at, until; /* loop time */
	struct str message;
};

/* ---- what is remembered ---- */

static int64_t now_of(const struct forwarder *f)
{
	return loop_now(f->env->loop) + f->now_offset;
}

/* The question without the letters' case, and how much may be answered. */
static struct str cache_key(struct arena *a, const struct dns_question *q, bool tcp)
{
	return arena_print(a, "%.*s %d %d %d %d %d", STRF(q->lower), q->type, q->class,
		q->edns_size, q->dnssec_ok, tcp);
}

static void drop_generation(struct map *m)
{
	map_each (it, m) {
		struct remembered *r = it.value;

		mem_free((char *)(uintptr_t)r->message.at);
		mem_free(r);
	}
	map_done(m);
	map_init(m);
}

static void remember(struct forwarder *f, struct str key, struct remembered *r)
{
	struct remembered *before;

	if (f->young.count >= GENERATION) {
		drop_generation(&f->old);
		f->old = f->young;
		map_init(&f->young);
	}
	before = map_set(&f->young, key, r);
	if (before) {
		mem_free((char *)(uintptr_t)before->message.at);
		mem_free(before);
	}
}

/* How long it is true: as long as its shortest record, or, of nothing, as its SOA says. */
static int64_t life_of(const struct dns_message *m)
{
	uint32_t ttl = UINT32_MAX;
	bool answered = false;

	if (m->question.truncated ||
		(m->question.rcode != DNS_NOERROR && m->question.rcode != DNS_NXDOMAIN))
		return 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct dns_record *r = &m->records[i];
		uint32_t minimum = r->ttl;

		answered |= r->section == DNS_ANSWER;
		if (r->type == DNS_SOA && r->section == DNS_AUTHORITY && r->data.len > 20) {
			const uint8_t *b = (const uint8_t *)r->data.at + r->data.len - 4;
			uint32_t said = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 |
					(uint32_t)b[2] << 8 | b[3];

			answered = true;
			minimum = MIN(minimum, said);
		}
		ttl = MIN(ttl, minimum);
	}
	return answered ? MIN((int64_t)ttl * SEC, REMEMBER_MAX) : 0;
}

static void put32(char *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (char)(value >> (24 - 8 * i));
}

/* Its records are older by now. */
static void grow_old(struct forward *w, int64_t age)
{
	struct dns_message m;
	uint32_t seconds = (uint32_t)(age / SEC);

	if (dns_parse(&w->arena, buf_str(&w->answer), &m, NULL))
		return;
	for (size_t i = 0; i < m.count; i++)
		put32(w->answer.at + m.records[i].ttl_at,
			m.records[i].ttl > seconds ? m.records[i].ttl - seconds : 0);
}

/* The id and the letters' case are those of who asks. */
static void make_his(struct forward *w)
{
	struct str raw = w->asked.question.raw;

	memcpy(w->answer.at, w->query.at, 2);
	memcpy(w->answer.at + 12, raw.at, raw.len);
}

static bool recall(struct forward *w)
{
	struct forwarder *f = w->by;
	struct str key = cache_key(&w->arena, &w->asked.question, w->tcp);
	struct remembered *r = map_get(&f->young, key);

	if (!r && (r = map_remove(&f->old, key)))
		remember(f, key, r);
	if (!r || r->until <= now_of(f))
		return false;
	buf_add_str(&w->answer, r->message);
	grow_old(w, now_of(f) - r->at);
	make_his(w);
	return true;
}

/* ---- asking ---- */

enum step { ASK, HEARD, CONNECTED, WRITTEN, READ };
static const char *const steps[] = {"ask", "heard", "connected", "written", "read"};

static void finish_sockets(struct forward *w)
{
	datagram_close(TAKE(w->socket));
	if (w->stream)
		stream_close(TAKE(w->stream));
}

static void ended(struct forward *w, struct err *err)
{
	finish_sockets(w);
	w->by->under_way--;
	if (err)
		task_fail(&w->task, err);
	else
		task_finish(&w->task, (int64_t)w->answer.len);
}

static bool is_the_answer(struct forward *w, struct str packet, struct dns_message *m)
{
	const struct dns_question *asked = &w->asked.question;

	return packet.len >= 12 && !dns_parse(&w->arena, packet, m, NULL) && m->question.response &&
	       memcmp(packet.at, w->sending.at, 2) == 0 &&
	       str_eq(m->question.lower, asked->lower) && m->question.type == asked->type &&
	       m->question.class == asked->class && m->question.raw.len == asked->raw.len;
}

static void take_answer(struct forward *w, struct str packet, const struct dns_message *m)
{
	int64_t life = life_of(m);

	w->by->first = (w->first + w->attempt) % w->by->upstream_count;
	if (life) {
		struct remembered *r = mem_new(sizeof(*r));

		r->at = now_of(w->by);
		r->until = r->at + life;
		r->message = str_make(str_dup(packet), packet.len);
		remember(w->by, cache_key(&w->arena, &w->asked.question, w->tcp), r);
	}
	buf_add_str(&w->answer, packet);
	make_his(w);
	ended(w, NULL);
}

static const struct address *server_of(const struct forward *w)
{
	return &w->by->upstreams[(w->first + w->attempt) % w->by->upstream_count];
}

static void new_id(struct forward *w)
{
	buf_clear(&w->sending);
	buf_add_str(&w->sending, w->query);
	env_random(w->by->env, w->sending.at, 2);
}

static void ask_udp(struct forward *w)
{
	const struct address *to = server_of(w);
	struct address any = {.ip.len = to->ip.len};

	if (datagram_open(w->by->env, w->task.op->scope, &any, &w->socket, NULL) ||
		!datagram_send(w->socket, to, buf_str(&w->sending))) {
		/* no way there: as if nobody had answered, a moment later */
		timer_wait(task_await(&w->task, HEARD, w->deadline),
			loop_in(w->by->env->loop, 10 * MSEC));
		return;
	}
	datagram_receive(w->socket, task_await(&w->task, HEARD, w->deadline), w->packet, PACKET_MAX,
		&w->from);
}

static void ask(struct forward *w)
{
	struct err err = {0};

	finish_sockets(w);
	if (w->attempt >= TRIES * w->by->upstream_count || loop_now(w->by->env->loop) >= w->over) {
		err_set(&err, ERR_UNAVAILABLE, "no server outside answers");
		ended(w, &err);
		return;
	}
	new_id(w);
	w->deadline = MIN(loop_in(w->by->env->loop, PATIENCE), w->over);
	if (w->tcp)
		net_connect(w->by->env, task_await(&w->task, CONNECTED, w->deadline),
			w->task.op->scope, server_of(w), &w->stream);
	else
		ask_udp(w);
}

static void ask_next(struct forward *w)
{
	w->attempt++;
	ask(w);
}

static void heard(struct forward *w, struct err *err)
{
	struct str packet = str_make(w->packet, (size_t)w->task.wait.n);
	struct dns_message m;

	if (err->code || !w->socket || (size_t)w->task.wait.n > PACKET_MAX) {
		ask_next(w);
	} else if (address_eq(&w->from, server_of(w)) && is_the_answer(w, packet, &m)) {
		take_answer(w, packet, &m);
	} else { /* somebody else's */
		datagram_receive(w->socket, task_await(&w->task, HEARD, w->deadline), w->packet,
			PACKET_MAX, &w->from);
	}
}

static void send_length(struct forward *w)
{
	char length[2] = {(char)(w->sending.len >> 8), (char)w->sending.len};
	struct str parts[2];

	memcpy(w->packet, length, 2);
	parts[0] = str_make(w->packet, 2);
	parts[1] = buf_str(&w->sending);
	stream_write(w->stream, task_await(&w->task, WRITTEN, w->deadline), parts, 2);
}

static void read_more(struct forward *w)
{
	stream_read(
		w->stream, task_await(&w->task, READ, w->deadline), &w->answer, DNS_MESSAGE_MAX);
}

static void was_read(struct forward *w, struct err *err)
{
	const uint8_t *b = (const uint8_t *)w->answer.at;
	struct dns_message m;

	if (err->code || w->task.wait.n == 0) {
		buf_clear(&w->answer);
		ask_next(w);
		return;
	}
	if (w->answer.len < 2 || w->answer.len < 2 + ((size_t)b[0] << 8 | b[1])) {
		read_more(w);
		return;
	}
	struct str packet =
		arena_str(&w->arena, str_make(w->answer.at + 2, (size_t)b[0] << 8 | b[1]));
	buf_clear(&w->answer);
	if (is_the_answer(w, packet, &m))
		take_answer(w, packet, &m);
	else
		ask_next(w);
}

static void run(struct task *t, struct err *err)
{
	struct forward *w = CONTAINER_OF(t, struct forward, task);

	if (err->code == ERR_CANCELLED) {
		ended(w, err);
		return;
	}
	switch ((enum step)t->step) {
	case ASK:
		w->by->under_way++;
		w->first = w->by->first;
		w->over = loop_in(w->by->env->loop, OVERALL);
		ask(w);
		return;
	case HEARD:
		heard(w, err);
		return;
	case CONNECTED:
		if (err->code)
			ask_next(w);
		else
			send_length(w);
		return;
	case WRITTEN:
		if (err->code)
			ask_next(w);
		else
			read_more(w);
		return;
	case READ:
		was_read(w, err);
		return;
	}
}

void forward_start(struct forwarder *f, struct op *op, struct forward *w)
{
	static const struct task_kind kind = TASK_KIND("dns forward", steps, run);
	static const struct op_kind known = {.name = "dns recall"};
	_cleanup_(err_done) struct err err = {0};

	w->by = f;
	arena_init(&w->arena);
	buf_init(&w->answer, DNS_MESSAGE_MAX + 2);
	buf_init(&w->sending, DNS_MESSAGE_MAX);
	bool good = !dns_parse(&w->arena, w->query, &w->asked, &err);
	if (good && f->upstream_count && f->under_way < FORWARDS_MAX && !recall(w)) {
		task_start(&w->task, &kind, op);
		return;
	}
	if (!op_begin(op, &known, w))
		return;
	if (good && w->answer.len) {
		op_finish(op, (int64_t)w->answer.len);
		return;
	}
	if (good)
		err_set(&err, ERR_UNAVAILABLE, "nobody outside can be asked now");
	op_fail(op, &err);
}

void forward_done(struct forward *w)
{
	arena_done(&w->arena);
	buf_done(&w->answer);
	buf_done(&w->sending);
}

void forwarder_init(struct forwarder *f, struct env *env, struct scope *scope,
	const struct address *upstreams, size_t count)
{
	*f = (struct forwarder){
		.env = env, .scope = scope, .upstreams = upstreams, .upstream_count = count};
	map_init(&f->young);
	map_init(&f->old);
}

void forwarder_done(struct forwarder *f)
{
	drop_generation(&f->young);
	drop_generation(&f->old);
	map_done(&f->young);
	map_done(&f->old);
}
