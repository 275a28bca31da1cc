/* Requests become events, and events go to the log and to the webhook. */
#include "audit.h"
#include "api_options.h"
#include "hook.h"
#include "log.h"
#include "metrics.h"
#include "record.h"
#include "respond.h"

#include <kube/field.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/scope.h>
#include <kube/time.h>

#define POLICY_MAX (1 * MIB)
#define EVENT_MAX  (64 * MIB)
#define PATIENCE   (5 * SEC) /* with a server that takes no events, at the end */

struct audit {
	struct api_server *server;
	struct arena arena; /* of the policy */
	struct audit_policy policy;
	struct audit_sink *log, *hook; /* NULL: not wanted */
	struct op finishing, *finisher;
};

/* ---- life ---- */

static int read_policy(struct audit *a, struct str path, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(POLICY_MAX);
	const char *name = arena_print(&a->arena, "%.*s", STRF(path)).at;
	int code = disk_read_file(a->server->env->disk, name, &text, err);

	if (!code)
		code = audit_policy_read(&a->arena, buf_str(&text), &a->policy, err);
	return code ? err_wrap(err, code, "loading audit policy file") : 0;
}

static void count_lost(void *ctx, const char *plugin, size_t events)
{
	_cleanup_(buf_done) struct buf label = BUF_INIT(256);
	struct api_server *s = ctx;

	buf_print(&label, "plugin=\"%s\"", plugin);
	*metrics_number(s->metrics, METRIC_AUDIT_LOST, buf_str(&label)) += (int64_t)events;
}

static struct audit_sink *open_log(struct audit *a, const struct audit_options *o)
{
	struct api_server *s = a->server;
	const struct audit_log_options to = {
		.path = arena_print(&a->arena, "%.*s", STRF(o->log_path)).at,
		.max_bytes = o->log_maxsize * MIB,
		.max_days = (int)o->log_maxage,
		.max_files = (int)o->log_maxbackup,
		.pack = o->log_compress};

	return audit_sink_new(
		s->env, &s->scope, &o->log, audit_log_new(s->env, &to), count_lost, s);
}

static int open_sinks(struct audit *a, const struct audit_options *o, struct err *err)
{
	struct api_server *s = a->server;
	struct audit_writer *writer;
	int code = read_policy(a, o->policy_file, err);

	if (!code && o->hook_file.len) {
		code = audit_hook_new(
			s->env, &s->scope, o->hook_file, o->hook_backoff, &writer, err);
		if (!code)
			a->hook =
				audit_sink_new(s->env, &s->scope, &o->hook, writer, count_lost, s);
	}
	if (!code && o->log_path.len)
		a->log = open_log(a, o);
	return code;
}

int audit_new(struct api_server *s, struct audit **audit, struct err *err)
{
	const struct audit_options *o = &s->options->audit;
	struct audit *a;
	int code;

	*audit = NULL;
	metrics_number(s->metrics, METRIC_AUDIT_EVENTS, STR(""));
	metrics_number(s->metrics, METRIC_AUDIT_REJECTED, STR(""));
	if (!o->log_path.len && !o->hook_file.len)
		return 0;
	if (!o->policy_file.len) {
		log_v(2, "no audit policy file is given: no events will be recorded");
		return 0;
	}
	a = mem_new(sizeof(*a));
	a->server = s;
	arena_init(&a->arena);
	code = open_sinks(a, o, err);
	if (code)
		audit_free(a);
	else
		*audit = a;
	return code;
}

/* First the log, then the webhook. */
static void finished(struct op *op, struct err *err)
{
	struct audit *a = CONTAINER_OF(op, struct audit, finishing);

	(void)err;
	if (a->hook) {
		audit_sink_finish(a->hook, a->finisher, PATIENCE);
		return;
	}
	op_yield(a->finisher);
}

void audit_finish(struct audit *a, struct op *op)
{
	a->finisher = op;
	op_init(&a->finishing, &a->server->scope, finished, OP_NO_DEADLINE);
	if (a->log)
		audit_sink_finish(a->log, &a->finishing, PATIENCE);
	else
		op_yield(&a->finishing);
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	audit_sink_free(a->log);
	audit_sink_free(a->hook);
	arena_done(&a->arena);
	mem_free(a);
}

/* ---- telling ---- */

static void print_event(
	struct buf *out, struct api_request *r, enum audit_stage stage, bool brief, bool legacy)
{
	struct cJSON *event = audit_event(r, r->audit, stage, brief);

	buf_clear(out);
	if (legacy)
		audit_print_legacy(out, event);
	else
		json_print(out, event, JSON_COMPACT);
	/* the next event will have them, too */
	json_remove(event, r->audit->sent);
	json_remove(event, r->audit->answered);
}

static bool is_too_large(const struct audit_place_options *o, const struct buf *event)
{
	return o->truncate && (int64_t)event->len + 1 > o->truncate_event;
}

/* wait: NULL, or who waits. */
static void tell_one(struct api_request *r, struct audit_sink *sink, enum audit_stage stage,
	struct audit_wait *wait)
{
	const struct audit_options *all = &r->server->options->audit;
	bool to_log = sink == r->server->audit->log;
	const struct audit_place_options *o = to_log ? &all->log : &all->hook;
	_cleanup_(buf_done) struct buf text = BUF_INIT(EVENT_MAX);
	bool brief = false;

	print_event(&text, r, stage, brief, false);
	if (is_too_large(o, &text) && r->audit->decision.level >= AUDIT_REQUEST)
		print_event(&text, r, stage, brief = true, false);
	if (is_too_large(o, &text)) {
		audit_sink_lose(sink, "truncate", 1);
		if (wait)
			op_yield(wait->op);
		return;
	}
	if (to_log && str_eq_text(all->log_format, "legacy"))
		print_event(&text, r, stage, brief, true);
	audit_sink_add(sink, buf_str(&text), wait);
}

/* Is it wanted? Then it is told from here on. */
static bool begin_telling(struct api_request *r, enum audit_stage stage)
{
	struct audit_record *record = r->audit;

	if ((record->decision.omitted | record->told) & stage)
		return false;
	record->told |= stage;
	record->stage_time = env_wall(r->server->env);
	++*metrics_number(r->server->metrics, METRIC_AUDIT_EVENTS, STR(""));
	return true;
}

static void tell(struct api_request *r, enum audit_stage stage)
{
	struct audit *a = r->server->audit;

	if (!begin_telling(r, stage))
		return;
	if (a->log)
		tell_one(r, a->log, stage, NULL);
	if (a->hook)
		tell_one(r, a->hook, stage, NULL);
}

/* ---- the first stage, which requests may have to wait for ---- */

static void tell_received(struct api_request *r);

static void received(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	if (err->code == ERR_CANCELLED || err->code == ERR_TIMEOUT) {
		request_fail_err(r, err);
		return;
	}
	r->audit->refused |= err->code != 0;
	tell_received(r);
}

/* A mode that is strict wants nothing done that nobody knows of. No more is told of it. */
static void reject(struct api_request *r)
{
	r->audit->told = ~0u;
	++*metrics_number(r->server->metrics, METRIC_AUDIT_REJECTED, STR(""));
	answer_text(r, 500, "text/plain; charset=utf-8",
		arena_print(r->arena, "Internal Server Error: %.*s: failed to store audit event\n",
			STRF(field_quote(r->arena, r->x->request.target))));
}

/* One place after the other, as upstream. */
static void tell_received(struct api_request *r)
{
	struct audit *a = r->server->audit;
	struct audit_sink *sinks[] = {a->log, a->hook};
	struct audit_record *record = r->audit;

	while (record->sinks_told < ARRAY_LEN(sinks)) {
		struct audit_sink *sink = sinks[record->sinks_told++];

		if (!sink)
			continue;
		if (audit_sink_blocks(sink)) {
			op_init(&r->op, &r->x->scope, received, r->deadline);
			record->wait.op = &r->op;
			tell_one(r, sink, AUDIT_RECEIVED, &record->wait);
			return;
		}
		tell_one(r, sink, AUDIT_RECEIVED, NULL);
	}
	if (record->refused)
		reject(r);
	else
		request_next(r);
}

static void open_record(struct api_request *r)
{
	struct audit *a = r->server->audit;
	struct access_query q = access_query_of(r);
	struct audit_decision d = audit_decide(&a->policy, &q);

	++*metrics_number(r->server->metrics, METRIC_AUDIT_LEVELS,
		arena_print(r->arena, "level=\"%s\"", audit_level_name(d.level)));
	if (d.level == AUDIT_NONE)
		return;
	r->audit = arena_new(r->arena, sizeof(*r->audit));
	r->audit->decision = d;
	r->audit->annotations = r->noted ? r->noted : json_new(r->arena, JSON_OBJECT);
}

void stage_audit(struct api_request *r)
{
	if (r->server->audit)
		open_record(r);
	if (r->audit && begin_telling(r, AUDIT_RECEIVED))
		tell_received(r);
	else
		request_next(r);
}

void audit_unauthenticated(struct api_request *r)
{
	if (!r->server->audit || r->audit)
		return;
	open_record(r);
	if (r->audit)
		r->audit->decision.omitted |= AUDIT_RECEIVED;
}

void audit_started(struct api_request *r)
{
	if (r->audit && r->long_running)
		tell(r, AUDIT_STARTED);
}

void audit_end(struct api_request *r)
{
	if (r->audit)
		tell(r, AUDIT_COMPLETE);
}
