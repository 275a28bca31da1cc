/* Between the stages of a request and the log. */
#include "audit.h"
#include "api_options.h"
#include "log.h"
#include "metrics.h"
#include "record.h"
#include "represent_private.h"

#include <kube/mem.h>

#define POLICY_MAX (1 * MIB)
#define EVENT_MAX  (64 * MIB)

struct audit {
	struct api_server *server;
	struct arena arena; /* of the policy */
	struct audit_policy policy;
	struct audit_log *log;
};

static int read_policy(struct audit *a, struct str path, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(POLICY_MAX);
	const char *name = arena_print(&a->arena, "%.*s", STRF(path)).at;
	int code = disk_read_file(a->server->env->disk, name, &text, err);

	if (!code)
		code = audit_policy_read(&a->arena, buf_str(&text), &a->policy, err);
	return code ? err_wrap(err, code, "loading audit policy file") : 0;
}

int audit_new(struct api_server *s, struct audit **audit, struct err *err)
{
	const struct api_options *o = s->options;
	struct audit *a;
	int code;

	*audit = NULL;
	if (!o->audit_policy_file.len || !o->audit_log_path.len)
		return 0;
	a = mem_new(sizeof(*a));
	a->server = s;
	arena_init(&a->arena);
	code = read_policy(a, o->audit_policy_file, err);
	if (code) {
		audit_free(a);
		return code;
	}
	struct audit_log_options to = {
		.path = arena_print(&a->arena, "%.*s", STRF(o->audit_log_path)).at,
		.max_bytes = o->audit_log_maxsize * MIB,
		.max_days = (int)o->audit_log_maxage,
		.max_files = (int)o->audit_log_maxbackup,
		.pack = o->audit_log_compress};
	a->log = audit_log_new(s->env, &s->scope, &to);
	*audit = a;
	return 0;
}

void audit_flush(struct audit *a, struct op *op)
{
	audit_log_flush(a->log, op);
}

void audit_free(struct audit *a)
{
	if (!a)
		return;
	if (a->log)
		audit_log_free(a->log);
	arena_done(&a->arena);
	mem_free(a);
}

/* ---- telling ---- */

static void tell(struct api_request *r, enum audit_stage stage)
{
	_cleanup_(buf_done) struct buf line = BUF_INIT(EVENT_MAX);
	struct audit_record *record = r->audit;

	if ((record->decision.omitted | record->told) & stage)
		return;
	record->told |= stage;
	json_print(&line, audit_event(r, record, stage), JSON_COMPACT);
	audit_log_add(r->server->audit->log, buf_str(&line));
	++*metrics_number(r->server->metrics, METRIC_AUDIT_EVENTS, STR(""));
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
	r->audit->annotations = json_new(r->arena, JSON_OBJECT);
}

void stage_audit(struct api_request *r)
{
	if (r->server->audit) {
		open_record(r);
		if (r->audit)
			tell(r, AUDIT_RECEIVED);
	}
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

void audit_annotate(struct api_request *r, const char *key, struct str value)
{
	if (!r->audit)
		return;
	if (!json_get(r->audit->annotations, str_from(key)))
		json_set(r->arena, r->audit->annotations, str_from(key),
			json_new_str(r->arena, arena_str(r->arena, value)));
}

/* ---- what was sent ---- */

static void drop_managed_fields(struct cJSON *tree)
{
	struct cJSON *items = json_get(tree, STR("items"));

	tree_drop(tree, "metadata.managedFields");
	json_each (item, items)
		tree_drop(item, "metadata.managedFields");
}

static struct cJSON *kept(struct api_request *r, const struct cJSON *tree)
{
	struct cJSON *copy = json_copy(r->arena, tree);

	if (r->audit->decision.omits_managed_fields)
		drop_managed_fields(copy);
	return copy;
}

void audit_sent(struct api_request *r, const struct cJSON *tree)
{
	if (!r->audit || r->audit->meta)
		return;
	r->audit->meta = json_get(tree, STR("metadata"))
				 ? json_copy(r->arena, json_get(tree, STR("metadata")))
				 : json_new(r->arena, JSON_OBJECT);
	if (r->audit->decision.level >= AUDIT_REQUEST)
		r->audit->sent = kept(r, tree);
}

void audit_sent_hub(struct api_request *r, struct cJSON *tree)
{
	struct representation as = {.resource = r->resource, .now = r->now};

	if (r->audit && !r->audit->meta)
		audit_sent(r, api_canonical(r->arena, r->resource->schema,
				      shown_tree(r->arena, &as, tree)));
}

/* ---- what was answered ---- */

void audit_answered_status(struct api_request *r, const struct status *s)
{
	if (!r->audit || s->plain)
		return;
	r->audit->status = status_tree(r->arena, s);
	if (r->audit->decision.level == AUDIT_REQUEST_RESPONSE)
		r->audit->answered = json_copy(r->arena, r->audit->status);
}

bool audit_wants_answer(const struct api_request *r)
{
	return r->audit && r->audit->decision.level == AUDIT_REQUEST_RESPONSE &&
	       !r->audit->answered;
}

void audit_answered_tree(struct api_request *r, const struct cJSON *tree)
{
	if (audit_wants_answer(r))
		r->audit->answered = kept(r, tree);
}

void audit_answered(struct api_request *r, struct str json)
{
	struct cJSON *tree;

	if (audit_wants_answer(r) && !json_parse(r->arena, json, NULL, &tree, NULL))
		audit_answered_tree(r, tree);
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
