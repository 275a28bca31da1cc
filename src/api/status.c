#include <kube/api_codec.h>
#include <kube/resource.h>
#include <kube/status.h>

#include <stdarg.h>

/* ---- making ---- */

static struct status *status_make(struct arena *a, int err_code, struct str message)
{
	struct status *s = arena_new(a, sizeof(*s));

	s->code = err_code_status(err_code);
	s->reason = str_from(err_code_reason(err_code));
	s->message = message;
	return s;
}

static struct str print_args(struct arena *a, const char *format, va_list args)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);

	buf_vprint(&text, format, args);
	return arena_str(a, buf_str(&text));
}

struct status *status_new(struct arena *a, int err_code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct status *s = status_make(a, err_code, print_args(a, format, args));
	va_end(args);
	return s;
}

static void set_details(struct status *s, const struct resource *r, struct str name)
{
	s->has_details = true;
	s->name = name;
	if (r) {
		s->group = r->group;
		s->kind = r->plural;
	}
}

struct status *status_for(struct arena *a, int err_code, const struct resource *r, struct str name,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct status *s = status_make(a, err_code, print_args(a, format, args));
	va_end(args);
	set_details(s, r, name);
	return s;
}

struct status *status_not_found(struct arena *a, const struct resource *r, struct str name)
{
	return status_for(a, ERR_NOT_FOUND, r, name, "%.*s \"%.*s\" not found",
		STRF(resource_full_name(a, r)), STRF(name));
}

struct status *status_already_exists(struct arena *a, const struct resource *r, struct str name)
{
	return status_for(a, ERR_ALREADY_EXISTS, r, name, "%.*s \"%.*s\" already exists",
		STRF(resource_full_name(a, r)), STRF(name));
}

struct status *status_conflict(
	struct arena *a, const struct resource *r, struct str name, const char *why, ...)
{
	va_list args;

	va_start(args, why);
	struct str text = print_args(a, why, args);
	va_end(args);
	return status_for(a, ERR_CONFLICT, r, name,
		"Operation cannot be fulfilled on %.*s \"%.*s\": %.*s",
		STRF(resource_full_name(a, r)), STRF(name), STRF(text));
}

struct status *status_invalid(struct arena *a, struct str group, struct str kind, struct str name,
	const struct field_errors *errors)
{
	if (!errors->count)
		return NULL;
	struct status *s = status_new(a, ERR_INVALID, "%.*s%s%.*s %.*s is invalid: %.*s",
		STRF(kind), group.len ? "." : "", STRF(group), STRF(field_quote(a, name)),
		STRF(field_errors_text(a, errors)));
	s->has_details = true;
	s->name = name;
	s->group = group;
	s->kind = kind;
	for (size_t i = 0; i < errors->count; i++)
		status_add_cause(a, s, str_from(field_reason_name(errors->items[i].reason)),
			errors->items[i].body, errors->items[i].path);
	return s;
}

struct status *status_internal(struct arena *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct str text = print_args(a, format, args);
	va_end(args);
	struct status *s = status_new(a, ERR_INTERNAL, "Internal error occurred: %.*s", STRF(text));
	s->has_details = true;
	status_add_cause(a, s, STR(""), text, STR(""));
	return s;
}

struct status *status_from_err(struct arena *a, const struct err *err)
{
	if (err->code == ERR_INTERNAL || err->code == ERR_IO)
		return status_internal(a, "%s", err_text(err));
	return status_new(a, err->code, "%s", err_text(err));
}

void status_add_cause(
	struct arena *a, struct status *s, struct str reason, struct str message, struct str field)
{
	struct status_cause *grown = arena_alloc(a, (s->cause_count + 1) * sizeof(*grown));

	if (s->cause_count)
		memcpy(grown, s->causes, s->cause_count * sizeof(*grown));
	grown[s->cause_count++] =
		(struct status_cause){.reason = reason, .message = message, .field = field};
	s->causes = grown;
}

/* ---- the object ---- */

static void add_text(struct arena *a, struct cJSON *object, const char *key, struct str value)
{
	if (value.len)
		json_add_borrowed(object, str_from(key), json_new_str(a, value));
}

static struct cJSON *causes_tree(struct arena *a, const struct status *s)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < s->cause_count; i++) {
		struct cJSON *cause = json_new(a, JSON_OBJECT);

		add_text(a, cause, "reason", s->causes[i].reason);
		add_text(a, cause, "message", s->causes[i].message);
		add_text(a, cause, "field", s->causes[i].field);
		json_append(list, cause);
	}
	return list;
}

static struct cJSON *details_tree(struct arena *a, const struct status *s)
{
	struct cJSON *details = json_new(a, JSON_OBJECT);

	add_text(a, details, "name", s->name);
	add_text(a, details, "group", s->group);
	add_text(a, details, "kind", s->kind);
	add_text(a, details, "uid", s->uid);
	if (s->cause_count)
		json_add_borrowed(details, STR("causes"), causes_tree(a, s));
	if (s->retry_after)
		json_add_borrowed(
			details, STR("retryAfterSeconds"), json_new_int(a, s->retry_after));
	return details;
}

struct cJSON *status_tree(struct arena *a, const struct status *s)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *meta = json_new(a, JSON_OBJECT);

	add_text(a, tree, "kind", STR("Status"));
	add_text(a, tree, "apiVersion", STR("v1"));
	add_text(a, meta, "continue", s->continue_token);
	json_add_borrowed(tree, STR("metadata"), meta);
	add_text(a, tree, "status", s->success ? STR("Success") : STR("Failure"));
	add_text(a, tree, "message", s->message);
	add_text(a, tree, "reason", s->reason);
	if (s->has_details)
		json_add_borrowed(tree, STR("details"), details_tree(a, s));
	if (!s->success || s->code != 200)
		json_add_borrowed(tree, STR("code"), json_new_int(a, s->code));
	return tree;
}

void status_read_details(struct arena *a, struct status *s, const struct cJSON *details)
{
	int64_t seconds = tree_int(details, "retryAfterSeconds", 0);

	s->has_details = true;
	s->name = tree_str(details, "name");
	s->group = tree_str(details, "group");
	s->kind = tree_str(details, "kind");
	s->uid = tree_str(details, "uid");
	s->retry_after = seconds > 0 && seconds < INT32_MAX ? (int)seconds : 0;
	json_each (cause, json_get(details, STR("causes")))
		status_add_cause(a, s, tree_str(cause, "reason"), tree_str(cause, "message"),
			tree_str(cause, "field"));
}
