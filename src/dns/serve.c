/* From a question to its answer: ours, somebody else's, or first ours and then somebody else's. */
#include "server.h"

#define HOPS_MAX 8
#define UDP_MOST 4096 /* whatever a client says it takes */

enum step { BEGIN, FORWARDED, FOLLOWED };
static const char *const steps[] = {"begin", "forwarded", "followed"};

static size_t limit_of(const struct serving *w)
{
	size_t said = w->m.question.edns_size ? w->m.question.edns_size : DNS_UDP_MAX;

	return w->tcp ? 0 : MIN(said, (size_t)UDP_MOST);
}

static void begin_answer(struct serving *w)
{
	buf_clear(&w->answer);
	dns_answer_begin(&w->writer, &w->arena, &w->answer, &w->m.question, limit_of(w));
}

static void end_answer(struct serving *w, enum dns_rcode rcode, bool ours)
{
	dns_answer_end(&w->writer, rcode, ours, w->server->forwarder.upstream_count > 0);
	task_finish(&w->task, (int64_t)w->answer.len);
}

static void refuse(struct serving *w, enum dns_rcode rcode)
{
	begin_answer(w);
	end_answer(w, rcode, false);
}

/* ---- where a CNAME leads ---- */

static void step_on(struct serving *w);

static void take_over(struct serving *w, struct str message, const struct dns_message *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct dns_record *r = &m->records[i];
		struct str name;

		if (r->section != DNS_ANSWER)
			continue;
		if (r->type == DNS_A || r->type == DNS_AAAA)
			dns_add_raw(&w->writer, DNS_ANSWER, r->name, r->type, r->ttl, r->data);
		else if (r->type == DNS_CNAME &&
			 !dns_parse_name(&w->arena, message, r->data, &name, NULL))
			dns_add_name(&w->writer, DNS_ANSWER, r->name, DNS_CNAME, r->ttl, name);
	}
}

static void followed(struct serving *w, struct err *err)
{
	struct dns_message m;
	struct str message = buf_str(&w->forward.answer);

	if (err->code || dns_parse(&w->arena, message, &m, NULL)) {
		forward_done(&w->forward);
		refuse(w, DNS_SERVFAIL);
		return;
	}
	if (m.question.truncated && !w->forward.tcp) {
		forward_done(&w->forward);
		w->forward = (struct forward){.query = buf_str(&w->asking), .tcp = true};
		forward_start(&w->server->forwarder, task_await(&w->task, FOLLOWED, OP_NO_DEADLINE),
			&w->forward);
		return;
	}
	take_over(w, message, &m);
	forward_done(&w->forward);
	end_answer(w, (enum dns_rcode)m.question.rcode, false);
}

static void ask_outside(struct serving *w)
{
	if (!w->server->forwarder.upstream_count) {
		end_answer(w, DNS_NOERROR, true);
		return;
	}
	buf_clear(&w->asking);
	dns_ask(&w->arena, &w->asking, w->m.question.id, w->follow, w->m.question.type);
	w->forward = (struct forward){.query = buf_str(&w->asking)};
	forward_start(
		&w->server->forwarder, task_await(&w->task, FOLLOWED, OP_NO_DEADLINE), &w->forward);
}

/* The name behind the CNAME may be one of ours again. */
static void step_on(struct serving *w)
{
	struct dns_question q = w->m.question;
	enum dns_rcode rcode;

	if (++w->hops > HOPS_MAX) {
		end_answer(w, DNS_SERVFAIL, true);
		return;
	}
	q.name = q.lower = w->follow;
	switch (zone_resolve(&w->server->zone, &q, &w->writer, &rcode, &w->follow)) {
	case ZONE_ANSWERED:
		end_answer(w, rcode, true);
		return;
	case ZONE_FOLLOW:
		step_on(w);
		return;
	case ZONE_ELSEWHERE:
		ask_outside(w);
		return;
	}
}

/* ---- the question itself ---- */

static void pass_on(struct serving *w)
{
	if (!w->server->forwarder.upstream_count) {
		refuse(w, DNS_REFUSED);
		return;
	}
	w->forward = (struct forward){.query = w->query, .tcp = w->tcp};
	forward_start(&w->server->forwarder, task_await(&w->task, FORWARDED, OP_NO_DEADLINE),
		&w->forward);
}

static void forwarded(struct serving *w, struct err *err)
{
	buf_clear(&w->answer);
	if (!err->code)
		buf_add_str(&w->answer, buf_str(&w->forward.answer));
	forward_done(&w->forward);
	if (err->code)
		refuse(w, DNS_SERVFAIL);
	else
		task_finish(&w->task, (int64_t)w->answer.len);
}

static void resolve(struct serving *w)
{
	enum dns_rcode rcode;

	if (!w->server->ready(w->server->ctx)) {
		refuse(w, DNS_SERVFAIL);
		return;
	}
	begin_answer(w);
	switch (zone_resolve(&w->server->zone, &w->m.question, &w->writer, &rcode, &w->follow)) {
	case ZONE_ANSWERED:
		end_answer(w, rcode, true);
		return;
	case ZONE_FOLLOW:
		step_on(w);
		return;
	case ZONE_ELSEWHERE:
		pass_on(w);
		return;
	}
}

/* What cannot be read is told so, as long as there is an id to tell it to. */
static void complain(struct serving *w)
{
	static const char format_error[] = "\x80\x01\0\0\0\0\0\0\0\0";

	if (w->query.len >= 12 && !(w->query.at[2] & 0x80)) {
		buf_add(&w->answer, w->query.at, 2);
		buf_add(&w->answer, format_error, 10);
	}
	task_finish(&w->task, (int64_t)w->answer.len);
}

static void begin(struct serving *w)
{
	if (dns_parse(&w->arena, w->query, &w->m, NULL))
		complain(w);
	else if (w->m.question.response)
		task_finish(&w->task, 0);
	else if (w->m.question.opcode)
		refuse(w, DNS_NOTIMP);
	else if (w->m.question.edns_version)
		refuse(w, DNS_BADVERS);
	else if (w->m.question.class != 1)
		refuse(w, DNS_REFUSED);
	else
		resolve(w);
}

static void run(struct task *t, struct err *err)
{
	struct serving *w = CONTAINER_OF(t, struct serving, task);

	switch ((enum step)t->step) {
	case BEGIN:
		begin(w);
		return;
	case FORWARDED:
		forwarded(w, err);
		return;
	case FOLLOWED:
		followed(w, err);
		return;
	}
}

void serve_start(struct dns_server *s, struct op *op, struct serving *w)
{
	static const struct task_kind kind = TASK_KIND("dns question", steps, run);

	w->server = s;
	arena_init(&w->arena);
	buf_init(&w->answer, DNS_MESSAGE_MAX);
	buf_init(&w->asking, DNS_UDP_MAX);
	task_start(&w->task, &kind, op);
}

void serve_done(struct serving *w)
{
	arena_done(&w->arena);
	buf_done(&w->answer);
	buf_done(&w->asking);
}
