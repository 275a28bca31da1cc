/* One object asked for or written. */
#include "send.h"

#include <kube/mem.h>

struct client_sending {
	struct client_request *r;
	struct sending *sending;
	struct op *op; /* the caller's */
	struct op wait;
};

struct verb_row {
	const char *method, *type; /* of the body */
	bool writes;
};

static const struct verb_row verbs[] = {
	[CLIENT_GET] = {"GET", NULL, false},
	[CLIENT_CREATE] = {"POST", "application/json", true},
	[CLIENT_UPDATE] = {"PUT", "application/json", true},
	[CLIENT_PATCH_JSON] = {"PATCH", "application/json-patch+json", true},
	[CLIENT_PATCH_MERGE] = {"PATCH", "application/merge-patch+json", true},
	[CLIENT_PATCH_STRATEGIC] = {"PATCH", "application/strategic-merge-patch+json", true},
	[CLIENT_APPLY] = {"PATCH", "application/apply-patch+yaml", true},
	[CLIENT_DELETE] = {"DELETE", "application/json", false},
	[CLIENT_DELETE_COLLECTION] = {"DELETE", "application/json", false},
	[CLIENT_RAW_GET] = {"GET", NULL, false},
};

void client_request_init(struct client_request *r, enum client_verb verb,
	const struct resource *resource, struct str namespace, struct str name)
{
	*r = (struct client_request){
		.verb = verb, .resource = resource, .namespace = namespace, .name = name};
	arena_init(&r->arena);
}

void client_request_done(struct client_request *r)
{
	if (r->sending)
		sending_free(r->sending->sending);
	arena_done(&r->arena);
	r->sending = NULL;
}

/* ---- the answer ---- */

static void answered(struct op *op, struct err *err)
{
	struct client_sending *cs = CONTAINER_OF(op, struct client_sending, wait);
	struct client_request *r = cs->r;
	struct sending *s = cs->sending;

	r->code = s->call.status;
	r->status = s->status;
	r->warnings = s->warnings;
	r->warning_count = s->warning_count;
	r->text = buf_str(&s->text);
	const struct json_options options = {.limits = {.max_bytes = ITEM_MAX}};
	if (!err->code && r->verb != CLIENT_RAW_GET && r->text.len &&
		json_parse(&r->arena, r->text, &options, &r->object, err))
		err_wrap(err, err->code, "reading the answer");
	if (err->code)
		op_fail(cs->op, err);
	else
		op_finish(cs->op, r->code);
}

static void send_cancel(struct op *op)
{
	struct client_sending *cs = op->ctx;

	op_cancel(&cs->wait);
}

/* ---- the question ---- */

static struct str make_target(struct client *c, const struct client_request *r, struct arena *a)
{
	bool one = r->verb != CLIENT_CREATE && r->verb != CLIENT_DELETE_COLLECTION;
	/* A subresource is made below its object. */
	bool named = one || r->subresource.len;
	struct str manager = r->field_manager.len ? r->field_manager : c->field_manager;
	struct target t;

	target_begin(&t, r->resource, r->namespace, named ? r->name : STR(""), r->subresource);
	target_query(&t, "labelSelector", r->labels);
	target_query(&t, "fieldSelector", r->fields);
	target_query(&t, "resourceVersion", r->resource_version);
	if (verbs[r->verb].writes) {
		target_query(&t, "fieldManager", manager);
		target_query(&t, "fieldValidation", r->validation);
	}
	target_flag(&t, "force", r->force && r->verb == CLIENT_APPLY);
	target_query(&t, "dryRun", r->dry_run ? STR("All") : STR(""));
	return target_end(&t, a);
}

void client_send(struct client *c, struct op *op, struct client_request *r)
{
	static const struct op_kind kind = {.name = "client send", .cancel = send_cancel};
	struct client_sending *cs = arena_new(&r->arena, sizeof(*cs));
	struct sending *s = sending_new(c);
	const struct verb_row *verb = &verbs[r->verb];

	assert(!r->sending);
	*cs = (struct client_sending){.r = r, .sending = s, .op = op};
	r->sending = cs;
	s->resource = r->resource;
	s->name = arena_str(&s->arena, r->name);
	s->call.method = str_from(verb->method);
	s->call.target = r->verb == CLIENT_RAW_GET ? arena_str(&s->arena, r->path)
						   : make_target(c, r, &s->arena);
	if (r->body && verb->type) {
		_cleanup_(buf_done) struct buf body = BUF_INIT(ANSWER_MAX);

		json_print(&body, r->body, JSON_COMPACT);
		s->call.body = arena_str(&s->arena, buf_str(&body));
		http_headers_add(
			&s->arena, &s->call.headers, STR("Content-Type"), str_from(verb->type));
	}
	if (!op_begin(op, &kind, cs))
		return;
	op_init(&cs->wait, op->scope, answered, OP_NO_DEADLINE);
	sending_start(s, &cs->wait);
}
