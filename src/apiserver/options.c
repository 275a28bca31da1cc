/* Query parameters and the bodies of DELETE, decoded and checked in upstream's order. */
#include "body.h"
#include "options_private.h"
#include "respond.h"

#define MANAGER_MAX 128

/* ---- single values, as Go converts them ---- */

bool options_bool(const struct api_request *r, const char *name, bool *value)
{
	struct str text;

	if (!request_query(r, name, &text))
		return false;
	*value = request_is_on(r, name);
	return true;
}

static bool is_integer_text(struct str s)
{
	size_t at = s.len && (s.at[0] == '-' || s.at[0] == '+');

	if (at == s.len)
		return false;
	for (; at < s.len; at++)
		if (s.at[at] < '0' || s.at[at] > '9')
			return false;
	return true;
}

struct str options_quote(struct arena *a, struct str s)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	json_print_str(&out, s);
	return arena_str(a, buf_str(&out));
}

struct status *options_int(struct api_request *r, const char *name, bool *has, int64_t *value)
{
	struct str text;

	if (!request_query(r, name, &text))
		return NULL;
	if (has)
		*has = true;
	if (str_to_i64(text, value))
		return NULL;
	return status_new(r->arena, ERR_BAD_REQUEST, "strconv.ParseInt: parsing %.*s: %s",
		STRF(options_quote(r->arena, text)),
		is_integer_text(text) ? "value out of range" : "invalid syntax");
}

/* ---- field errors of options ---- */

struct status *options_invalid(
	struct api_request *r, const char *kind, const struct field_errors *e)
{
	return status_invalid(r->arena, STR("meta.k8s.io"), str_from(kind), STR(""), e);
}

void options_check_dry_run(
	struct api_request *r, struct field_errors *e, const struct str *values, size_t count)
{
	_cleanup_(buf_done) struct buf list = BUF_INIT(64 * KIB);
	bool fine = true;

	for (size_t i = 0; i < count; i++)
		fine &= str_eq(values[i], STR("All"));
	r->options.dry_run = count > 0;
	if (fine)
		return;
	buf_add_char(&list, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(&list, ',');
		json_print_str(&list, values[i]);
	}
	buf_add_text(&list, "]: supported values: \"All\"");
	field_add(
		e, FIELD_NOT_SUPPORTED, &PATH(NULL, "dryRun"), arena_str(r->arena, buf_str(&list)));
}

/* One code point of UTF-8 at *at, which moves on. */
static uint32_t next_rune(struct str s, size_t *at)
{
	uint8_t first = (uint8_t)s.at[*at];
	size_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
	uint32_t rune = more == 0 ? first : first & (0x3fu >> more);

	(*at)++;
	for (; more && *at < s.len; more--)
		rune = rune << 6 | ((uint8_t)s.at[(*at)++] & 0x3f);
	return rune;
}

static bool rune_prints(uint32_t rune)
{
	return rune >= 0x20 && rune != 0x7f && !(rune >= 0x80 && rune < 0xa1) && rune != 0xad;
}

static void check_manager(struct api_request *r, struct field_errors *e)
{
	struct path path = PATH(NULL, "fieldManager");
	struct str manager = r->options.field_manager;

	if (manager.len > MANAGER_MAX)
		field_too_long(e, &path, MANAGER_MAX);
	for (size_t at = 0; str_is_utf8(manager) && at < manager.len;) {
		size_t from = at;
		uint32_t rune = next_rune(manager, &at);

		if (!rune_prints(rune)) {
			field_invalid_str(e, &path, manager,
				"invalid character U+%04X (at position %zu)", rune, from);
			return;
		}
	}
}

/* The first word of the User-Agent, what of it prints. */
struct str options_manager_of_agent(struct api_request *r)
{
	struct str word, rest;
	char out[MANAGER_MAX];
	size_t len = 0;

	str_cut(r->user_agent, '/', &word, &rest);
	for (size_t at = 0; str_is_utf8(word) && at < word.len;) {
		size_t from = at;

		if (!rune_prints(next_rune(word, &at)))
			continue;
		if (len + (at - from) > MANAGER_MAX)
			break;
		memcpy(out + len, word.at + from, at - from);
		len += at - from;
	}
	return len ? arena_str(r->arena, str_make(out, len)) : STR("unknown");
}

static void check_validation(struct api_request *r, struct field_errors *e)
{
	static const char *const choices[] = {"", "Ignore", "Strict", "Warn", NULL};
	struct str value = {0};

	request_query(r, "fieldValidation", &value);
	if (!value.len || str_eq(value, STR("Warn")))
		r->options.validation = VALIDATE_WARN;
	else if (str_eq(value, STR("Ignore")))
		r->options.validation = VALIDATE_IGNORE;
	else if (str_eq(value, STR("Strict")))
		r->options.validation = VALIDATE_STRICT;
	else
		field_not_supported_str(e, &PATH(NULL, "fieldValidation"), value, choices);
}

/* ---- writing ---- */

static struct status *read_write_options(struct api_request *r, const char *kind)
{
	struct field_errors e = {.arena = r->arena};
	struct str dry[16];
	bool force = false, has_force = options_bool(r, "force", &force);
	bool patch = str_eq_text(str_from(kind), "PatchOptions");
	bool apply = patch && str_eq(r->content_type, STR("application/apply-patch+yaml"));
	struct request_options *o = &r->options;

	request_query(r, "fieldManager", &o->field_manager);
	o->field_manager_given = o->field_manager.len > 0;
	o->force = force;
	if (patch && !apply && has_force)
		field_forbidden(
			&e, &PATH(NULL, "force"), "may not be specified for non-apply patch");
	if (apply && !o->field_manager.len)
		field_required(&e, &PATH(NULL, "fieldManager"), "is required for apply patch");
	check_manager(r, &e);
	options_check_dry_run(r, &e, dry, request_query_all(r, "dryRun", dry, ARRAY_LEN(dry)));
	check_validation(r, &e);
	if (!o->field_manager.len)
		o->field_manager = options_manager_of_agent(r);
	return options_invalid(r, kind, &e);
}

/* ---- reading ---- */

static void check_list(struct field_errors *e, const struct request_options *o, struct str match)
{
	struct path path = PATH(NULL, "resourceVersionMatch");
	bool exact = str_eq(match, STR("Exact")), not_older = str_eq(match, STR("NotOlderThan"));

	if (match.len) {
		if (!o->resource_version.len)
			field_forbidden(e, &path,
				"resourceVersionMatch is forbidden unless resourceVersion is "
				"provided");
		if (o->continue_.len)
			field_forbidden(e, &path,
				"resourceVersionMatch is forbidden when continue is provided");
		if (!exact && !not_older)
			field_add(e, FIELD_NOT_SUPPORTED, &path,
				arena_print(e->arena,
					"%.*s: supported values: \"Exact\", \"NotOlderThan\", \"\"",
					STRF(options_quote(e->arena, match))));
		if (exact && str_eq(o->resource_version, STR("0")))
			field_forbidden(e, &path,
				"resourceVersionMatch \"exact\" is forbidden for resourceVersion "
				"\"0\"");
	}
	if (o->has_send_initial)
		field_forbidden(e, &PATH(NULL, "sendInitialEvents"),
			"sendInitialEvents is forbidden for list");
}

static void check_watch(struct field_errors *e, const struct request_options *o, struct str match)
{
	struct path path = PATH(NULL, "resourceVersionMatch");
	bool not_older = str_eq(match, STR("NotOlderThan"));

	if (o->has_send_initial && !not_older)
		field_forbidden(e, &path,
			"sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
	if (o->continue_.len && !match.len)
		field_forbidden(
			e, &path, "resourceVersionMatch is forbidden when continue is provided");
	if (!match.len)
		return;
	if (!o->has_send_initial)
		field_forbidden(e, &path,
			"resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
			"provided");
	if (!not_older)
		field_add(e, FIELD_NOT_SUPPORTED, &path,
			arena_print(e->arena, "%.*s: supported values: \"NotOlderThan\"",
				STRF(options_quote(e->arena, match))));
	if (o->continue_.len)
		field_forbidden(
			e, &path, "resourceVersionMatch is forbidden when continue is provided");
}

/* Does the version's group call the fields otherwise than the hub's? */
static bool has_aliases(const struct resource *r)
{
	const struct strategy *s = r->hub->strategy;

	for (const struct field_alias *a = s ? s->field_aliases : NULL; a && a->label; a++)
		if (str_eq_text(r->group, a->group))
			return true;
	return false;
}

static bool take_alias(const struct resource *r, struct str *key)
{
	for (const struct field_alias *a = r->hub->strategy->field_aliases; a->label; a++)
		if (str_eq_text(r->group, a->group) && str_eq_text(*key, a->label)) {
			*key = str_from(a->hub);
			return true;
		}
	return false;
}

/* Which fields a kind may be selected by, and the words of those that may not. */
static struct status *check_fields(struct api_request *r)
{
	const struct resource *hub = r->resource->hub;
	const char *const *known = hub->strategy ? hub->strategy->field_labels : NULL;

	for (size_t i = 0; i < r->options.fields.count; i++) {
		struct str key = r->options.fields.terms[i].key;
		bool found =
			str_eq(key, STR("metadata.name")) ||
			(str_eq(key, STR("metadata.namespace")) && (hub->namespaced || !known));

		if (!found && has_aliases(r->resource))
			found = take_alias(r->resource, &r->options.fields.terms[i].key);
		else
			for (size_t k = 0; known && known[k] && !found; k++)
				found = str_eq_text(key, known[k]);
		if (found)
			continue;
		if (!known)
			return status_new(r->arena, ERR_BAD_REQUEST,
				"%.*s is not a known field selector: only \"metadata.name\", "
				"\"metadata.namespace\"",
				STRF(options_quote(r->arena, key)));
		if (str_eq(hub->kind, STR("Job")))
			return status_new(r->arena, ERR_BAD_REQUEST,
				"field label %.*s not supported for Job",
				STRF(options_quote(r->arena, key)));
		return status_new(
			r->arena, ERR_BAD_REQUEST, "field label not supported: %.*s", STRF(key));
	}
	return NULL;
}

/* Upstream's watch cache and its store word this differently. */
static struct status *read_version(struct api_request *r, bool list)
{
	struct request_options *o = &r->options;
	uint64_t value;

	if (!o->resource_version.len)
		return NULL;
	if (str_to_u64(o->resource_version, &value)) {
		o->version = value > INT64_MAX ? INT64_MAX : (int64_t)value;
		return NULL;
	}
	bool digits = is_integer_text(o->resource_version) && o->resource_version.at[0] != '-' &&
		      o->resource_version.at[0] != '+';
	struct str quoted = options_quote(r->arena, o->resource_version);
	struct status *s = status_new(r->arena, list ? ERR_BAD_REQUEST : ERR_INTERNAL,
		"%sresourceVersion: Invalid value: %.*s: strconv.ParseUint: parsing %.*s: %s",
		list ? "invalid resource version: " : "", STRF(quoted), STRF(quoted),
		digits ? "value out of range" : "invalid syntax");
	if (!list)
		s->reason = STR("");
	return s;
}

static struct status *read_selectors(struct api_request *r)
{
	_cleanup_(err_done) struct err err = {0};
	struct str text;

	if (request_query(r, "labelSelector", &text) &&
		label_selector_parse(r->arena, text, &r->options.labels, &err))
		return status_new(r->arena, ERR_BAD_REQUEST, "%s", err_text(&err));
	if (request_query(r, "fieldSelector", &text) &&
		field_selector_parse(r->arena, text, &r->options.fields, &err))
		return status_new(r->arena, ERR_BAD_REQUEST, "%s", err_text(&err));
	return NULL;
}

static struct status *read_list_options(struct api_request *r)
{
	struct request_options *o = &r->options;
	struct field_errors e = {.arena = r->arena};
	struct str match = {0};
	bool watch = str_eq(r->verb, STR("watch"));
	struct status *no = read_selectors(r);

	o->watch = watch;
	o->timeout_seconds = -1;
	if (!no)
		no = options_int(r, "timeoutSeconds", NULL, &o->timeout_seconds);
	if (!no)
		no = options_int(r, "limit", NULL, &o->limit);
	if (no)
		return no;
	if (o->limit < 0)
		o->limit = 0;
	options_bool(r, "allowWatchBookmarks", &o->allow_bookmarks);
	o->has_send_initial = options_bool(r, "sendInitialEvents", &o->send_initial);
	request_query(r, "resourceVersion", &o->resource_version);
	request_query(r, "resourceVersionMatch", &match);
	request_query(r, "continue", &o->continue_);
	if (watch)
		check_watch(&e, o, match);
	else
		check_list(&e, o, match);
	o->match = str_eq(match, STR("Exact")) ? MATCH_EXACT
		   : match.len                 ? MATCH_NOT_OLDER
					       : MATCH_UNSET;
	no = options_invalid(r, "ListOptions", &e);
	if (!no)
		no = check_fields(r);
	return no ? no : read_version(r, !watch);
}

void stage_options(struct api_request *r)
{
	struct status *no = NULL;

	r->options.timeout_seconds = -1;
	if (!r->is_resource)
		;
	else if (str_eq(r->verb, STR("list")) || str_eq(r->verb, STR("watch")))
		no = read_list_options(r);
	else if (str_eq(r->verb, STR("create")))
		no = read_write_options(r, "CreateOptions");
	else if (str_eq(r->verb, STR("update")))
		no = read_write_options(r, "UpdateOptions");
	else if (str_eq(r->verb, STR("patch")))
		no = read_write_options(r, "PatchOptions");
	else if (str_eq(r->verb, STR("delete")))
		no = options_read_delete(r);
	else if (str_eq(r->verb, STR("deletecollection"))) {
		no = read_list_options(r);
		if (!no)
			no = options_read_delete(r);
	} else if (str_eq(r->verb, STR("get"))) {
		request_query(r, "resourceVersion", &r->options.resource_version);
		no = read_version(r, false);
	}
	if (no)
		request_fail(r, no);
	else
		request_next(r);
}
