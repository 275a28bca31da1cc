#include "body.h"
#include "audit.h"
#include "body_private.h"
#include "respond.h"

#include <kube/codec.h>
#include <kube/patch.h>

#define SHOWN 30 /* bytes of a body in messages */

struct body_kind body_of_resource(const struct resource *r)
{
	return (struct body_kind){.schema = r->schema,
		.group = r->group,
		.version = r->version,
		.kind = r->kind,
		.resource = r};
}

struct str body_api_version(struct arena *a, const struct body_kind *kind)
{
	return kind->group.len ? arena_print(a, "%.*s/%.*s", STRF(kind->group), STRF(kind->version))
			       : kind->version;
}

struct body_kind body_of_subresource(const struct subresource *s)
{
	return (struct body_kind){
		.schema = s->schema, .group = s->group, .version = s->version, .kind = s->kind};
}

/* ---- what is wrong, in upstream's words ---- */

static struct str summary(struct arena *a, struct str body)
{
	_cleanup_(buf_done) struct buf hex = BUF_INIT(KIB);
	const char *more = body.len > SHOWN ? " ..." : "";
	struct str shown = str_sub(body, 0, SHOWN);

	if (!body.len)
		return STR("<empty>");
	if (body.at[0] == '{')
		return arena_print(a, "%.*s%s", STRF(shown), more);
	hex_encode(&hex, shown);
	return arena_print(a, "%.*s%s", STRF(buf_str(&hex)), more);
}

static struct status *unrecognized(
	struct api_request *r, const struct body_kind *kind, struct str why)
{
	return status_new(r->arena, ERR_BAD_REQUEST,
		"the object provided is unrecognized (must be of type %.*s): %.*s (%.*s)",
		STRF(kind->kind), STRF(why), STRF(summary(r->arena, buf_str(&r->body))));
}

/* ---- fields ---- */

static struct str join_notes(struct arena *a, const struct decode_notes *notes, bool yaml)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(256 * KIB);
	bool in_yaml = false;

	for (size_t i = 0; i < notes->count; i++) {
		bool line = yaml && str_starts(notes->items[i], STR("line "));

		if (line)
			buf_add_text(&out, in_yaml ? "\n  " : "yaml: unmarshal errors:\n  ");
		else if (i)
			buf_add_text(&out, ", ");
		in_yaml |= line;
		buf_add_str(&out, notes->items[i]);
	}
	return arena_str(a, buf_str(&out));
}

/* NULL, or the text of a strict failure. */
static struct str report_notes(struct api_request *r, const struct decode_notes *notes, bool yaml)
{
	if (!notes->count || r->options.validation == VALIDATE_IGNORE)
		return STR("");
	if (r->options.validation == VALIDATE_STRICT)
		return arena_print(r->arena, "strict decoding error: %.*s",
			STRF(join_notes(r->arena, notes, yaml)));
	for (size_t i = 0; i < notes->count; i++)
		request_warn(r, notes->items[i]);
	return STR("");
}

/* The requested version's own defaults come before it is understood as the hub's. */
int body_to_hub(struct api_request *r, const struct resource *from, struct cJSON *tree,
	struct cJSON **out, struct err *err)
{
	if (from == from->hub) {
		*out = tree;
		return 0;
	}
	resource_version_defaults(r->arena, from, tree);
	api_set_standards(r->arena, from->schema, tree);
	return resource_convert(r->arena, from, from->hub, tree, out, err);
}

static void put_identity(struct arena *a, struct cJSON *tree, const struct body_identity *who)
{
	tree_set_str(a, tree, "kind", who->kind);
	tree_set_str(a, tree, "apiVersion", who->api_version);
}

/* An object that has lost its version is read as one that has no names for its fields. */
static struct cJSON *nameless(struct arena *a, const struct cJSON *in, struct decode_notes *notes)
{
	struct str names[64];
	size_t count = 0;

	json_each (member, in) {
		struct str key = json_key(member);
		size_t at = count;

		if (str_eq_text(key, "kind") || count == ARRAY_LEN(names))
			continue;
		for (; at > 0 && str_cmp(names[at - 1], key) > 0; at--)
			names[at] = names[at - 1];
		names[at] = key;
		count++;
	}
	for (size_t i = 0; i < count; i++)
		decode_note(notes, arena_print(a, "unknown field \"%.*s\"", STRF(names[i])));
	return json_new(a, JSON_OBJECT);
}

int body_decode_tree(struct api_request *r, const struct body_kind *kind, const struct cJSON *in,
	const struct decode_notes *notes, struct cJSON **out, struct str *failure)
{
	_cleanup_(err_done) struct err err = {0};
	struct decode_notes all = {.arena = r->arena};
	struct str api_version, named;
	struct cJSON *tree;
	int code = 0;

	for (size_t i = 0; i < notes->count; i++)
		decode_note(&all, notes->items[i]);
	if (!body_read_identity(r->arena, in, &api_version, &named, failure))
		return ERR_BAD_REQUEST;
	struct body_identity who = body_complete_identity(r->arena, api_version, named, kind);
	/* what a custom object presents itself as is looked at by its rules */
	struct status *no = body_is_custom(kind) ? NULL : body_check_identity(r, &who, kind);
	if (no) {
		*failure = no->message;
		return ERR_BAD_REQUEST;
	}
	if (!api_version.len && !body_is_custom(kind))
		in = nameless(r->arena, in, &all);
	r->resets_managed_fields = apply_resets_managed_fields(in);
	code = api_decode(r->arena, kind->schema, in, &all, &tree, &err);
	if (!code) {
		*failure = report_notes(r, &all, false);
		if (failure->len)
			return ERR_BAD_REQUEST;
		put_identity(r->arena, tree, &who);
		code = kind->resource ? body_to_hub(r, kind->resource, tree, out, &err) : 0;
		if (!kind->resource)
			*out = tree;
	}
	if (code)
		*failure = arena_str(r->arena, str_from(err_text(&err)));
	return code;
}

static struct status *decode_text(
	struct api_request *r, const struct body_kind *kind, bool yaml, struct cJSON **out)
{
	_cleanup_(err_done) struct err err = {0};
	struct decode_notes repeated = {.arena = r->arena}, unknown = repeated, notes = repeated;
	struct str api_version, named, why;
	struct cJSON *root, *tree;

	if (body_parse(r->arena, buf_str(&r->body), yaml, &repeated, &root, &err)) {
		if (err.code == ERR_TOO_LARGE)
			return status_new(r->arena, ERR_TOO_LARGE, "Request entity too large: %s",
				err_text(&err));
		return unrecognized(r, kind,
			arena_print(r->arena, "%s%s",
				yaml ? "" : "couldn't get version/kind; json parse error: ",
				err_text(&err)));
	}
	if (!body_read_identity(r->arena, root, &api_version, &named, &why))
		return unrecognized(r, kind, why);
	if (body_is_custom(kind) && !named.len)
		return unrecognized(r, kind,
			arena_print(r->arena, "Object 'Kind' is missing in '%.*s'",
				STRF(buf_str(&r->body))));
	struct body_identity who = body_complete_identity(r->arena, api_version, named, kind);
	struct status *no = body_check_identity(r, &who, kind);
	if (no)
		return no;
	if (json_is(root, JSON_NULL))
		root = json_new(r->arena, JSON_OBJECT);
	r->resets_managed_fields = apply_resets_managed_fields(root);
	if (api_decode(r->arena, kind->schema, root, &unknown, &tree, &err))
		return body_cannot_handle(r, &who, kind, str_from(err_text(&err)));
	if (yaml)
		body_order_notes(r->arena, STR(""), &repeated, &unknown, &notes);
	else
		body_order_notes(r->arena, buf_str(&r->body), &repeated, &unknown, &notes);
	why = report_notes(r, &notes, yaml);
	if (why.len)
		return body_cannot_handle(r, &who, kind, why);
	put_identity(r->arena, tree, &who);
	if (!kind->resource) {
		*out = tree;
		return NULL;
	}
	if (body_to_hub(r, kind->resource, tree, out, &err))
		return body_cannot_handle(r, &who, kind, str_from(err_text(&err)));
	return NULL;
}

static struct status *decode_protobuf(
	struct api_request *r, const struct body_kind *kind, struct cJSON **out)
{
	_cleanup_(err_done) struct err err = {0};
	struct str api_version = {0}, named = {0}, message = {0};
	struct str body = buf_str(&r->body);
	struct cJSON *tree;

	if (!proto_is_wrapped(body))
		return unrecognized(r, kind,
			STR("provided data does not appear to be a protobuf message, expected "
			    "prefix [107 56 115 0]"));
	if (proto_unwrap(body, &api_version, &named, &message, &err))
		return unrecognized(r, kind, str_from(err_text(&err)));
	struct body_identity who = body_complete_identity(r->arena, api_version, named, kind);
	struct status *no = body_check_identity(r, &who, kind);
	if (no)
		return no;
	if (proto_decode(r->arena, kind->schema, message, &tree, &err))
		return body_cannot_handle(r, &who, kind, str_from(err_text(&err)));
	put_identity(r->arena, tree, &who);
	if (!kind->resource) {
		*out = tree;
		return NULL;
	}
	if (body_to_hub(r, kind->resource, tree, out, &err))
		return body_cannot_handle(r, &who, kind, str_from(err_text(&err)));
	return NULL;
}

struct status *body_decode(struct api_request *r, const struct body_kind *kind, struct cJSON **out)
{
	bool protobuf = str_eq(r->content_type, STR("application/vnd.kubernetes.protobuf"));
	bool yaml = str_eq(r->content_type, STR("application/yaml"));
	struct status *no =
		protobuf ? decode_protobuf(r, kind, out) : decode_text(r, kind, yaml, out);

	if (no)
		return no;
	if (kind->resource)
		audit_sent_hub(r, *out);
	else
		audit_sent(r, *out);
	return NULL;
}

/* ---- DELETE ---- */

static struct status *bad(struct api_request *r, struct str why)
{
	return status_new(r->arena, ERR_BAD_REQUEST, "%.*s", STRF(why));
}

struct status *body_delete_options(struct api_request *r, struct cJSON **out)
{
	_cleanup_(err_done) struct err err = {0};
	const struct schema *schema =
		schema_find(STR("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"));
	bool yaml = str_eq(r->content_type, STR("application/yaml"));
	struct str api_version = {0}, kind = {0}, message, why, body = buf_str(&r->body);
	struct cJSON *root = NULL;

	if (str_eq(r->content_type, STR("application/vnd.kubernetes.protobuf"))) {
		if (proto_unwrap(body, &api_version, &kind, &message, &err) ||
			proto_decode(r->arena, schema, message, out, &err))
			return bad(r, str_from(err_text(&err)));
	} else {
		if (body_parse(r->arena, body, yaml, NULL, &root, &err))
			return bad(r,
				arena_print(r->arena, "%s%s",
					yaml ? "" : "couldn't get version/kind; json parse error: ",
					err_text(&err)));
		if (!body_read_identity(r->arena, root, &api_version, &kind, &why))
			return bad(r, why);
	}
	if (kind.len && !str_eq(kind, STR("DeleteOptions")))
		return bad(
			r, arena_print(r->arena,
				   "no kind \"%.*s\" is registered for version \"%.*s\" in scheme "
				   "\"pkg/apis/meta/internalversion/scheme/register.go:27\"",
				   STRF(kind), STRF(api_version)));
	if (!root)
		return NULL;
	if (json_is(root, JSON_NULL))
		root = json_new(r->arena, JSON_OBJECT);
	if (api_decode(r->arena, schema, root, NULL, out, &err))
		return bad(r, str_from(err_text(&err)));
	audit_sent(r, *out);
	return NULL;
}

/* ---- reading ---- */

static void body_read(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);

	if (err->code == ERR_TOO_LARGE)
		request_fail(r, status_new(r->arena, ERR_TOO_LARGE,
					"Request entity too large: limit is %zu", r->body.max));
	else if (err->code)
		request_fail_err(r, err);
	else
		request_next(r);
}

void stage_read_body(struct api_request *r)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
	bool wanted = false;

	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		wanted |= str_eq_text(r->method, methods[i]);
	if (!wanted || !r->is_resource || r->long_running || !r->x->request.length) {
		request_next(r);
		return;
	}
	op_init(&r->op, &r->x->scope, body_read, r->deadline);
	http_read_all(r->x, &r->op, &r->body, r->body.max);
}
