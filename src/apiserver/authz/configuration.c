#include "configuration.h"

#include "api_options.h"
#include "config_text.h"

#include <kube/map.h>
#include <kube/names.h>
#include <kube/time.h>

#define GROUP           "apiserver.config.k8s.io"
#define AUTHORIZERS_MAX 64
#define CONDITIONS_MAX  64
#define TIMEOUT_MAX     (30 * SEC)

/* As upstream sorts them in its messages. */
static const struct {
	const char *word;
	enum authz_type type;
} types[] = {{"ABAC", AUTHZ_ABAC}, {"AlwaysAllow", AUTHZ_ALLOW}, {"AlwaysDeny", AUTHZ_DENY},
	{"Node", AUTHZ_NODE}, {"RBAC", AUTHZ_RBAC}, {"Webhook", AUTHZ_WEBHOOK}};
static const char *const type_words[] = {
	"ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook", NULL};

const char *authz_type_word(enum authz_type type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].type == type)
			return types[i].word;
	return "";
}

bool authz_type_find(struct str word, enum authz_type *type)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eq_text(word, types[i].word)) {
			*type = types[i].type;
			return true;
		}
	return false;
}

/* ---- flags ---- */

/* The name of an authorizer that has none: its type in lower case. */
static struct str lower(struct arena *a, const char *word)
{
	char *out = arena_text(a, word);

	for (char *c = out; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c |= 0x20;
	return str_from(out);
}

void authz_entries_of_flags(
	struct arena *a, const struct api_options *o, struct authz_entries *entries)
{
	const struct flag_list *modes = &o->authorization_modes;

	entries->items = arena_new(a, (modes->count + 1) * sizeof(*entries->items));
	entries->count = 0;
	for (size_t i = 0; i < modes->count; i++) {
		struct authz_entry *e = &entries->items[entries->count];

		if (!authz_type_find(modes->items[i], &e->type))
			continue; /* options are checked before */
		entries->count++;
		e->name = lower(a, authz_type_word(e->type));
		if (e->type != AUTHZ_WEBHOOK)
			continue;
		e->name = STR("default");
		e->webhook = (struct webhook_settings){.name = e->name,
			.file = o->authorization_webhook_file,
			.version = o->authorization_webhook_version,
			.authorized_ttl = o->authorization_webhook_authorized_ttl,
			.unauthorized_ttl = o->authorization_webhook_unauthorized_ttl,
			.no_authorized_cache = o->authorization_webhook_authorized_ttl <= 0,
			.no_unauthorized_cache = o->authorization_webhook_unauthorized_ttl <= 0,
			.timeout = TIMEOUT_MAX};
	}
}

/* ---- the file ---- */

struct reading {
	struct expressions *expressions;
	struct config_text text;
	struct field_errors errors;
	struct map names;
	bool seen[ARRAY_LEN(types)];
};

static void check_time(struct reading *r, const struct path *at, const char *name, int64_t value,
	int64_t most, const char *words)
{
	struct path path = PATH(at, name);
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	if (!value) {
		field_required(&r->errors, &path, "%s", "");
	} else if (value < 0 || value > most) {
		duration_print(&text, value);
		field_invalid_str(&r->errors, &path, buf_str(&text), "%s", words);
	}
}

static void check_choice(struct reading *r, const struct path *at, const char *name,
	struct str value, const char *const *choices)
{
	struct path path = PATH(at, name);

	if (!value.len) {
		field_required(&r->errors, &path, "%s", "");
		return;
	}
	for (size_t i = 0; choices[i]; i++)
		if (str_eq_text(value, choices[i]))
			return;
	field_not_supported_str(&r->errors, &path, value, choices);
}

static void read_connection(struct reading *r, const struct path *at, const struct path *told,
	const struct cJSON *webhook, struct webhook_settings *w)
{
	static const char *const names[] = {"type", "kubeConfigFile", NULL};
	static const char *const kinds[] = {"InClusterConfig", "KubeConfigFile", NULL};
	struct path info = PATH(at, "connectionInfo"), shown = PATH(told, "connectionInfo");
	struct path file = PATH(&shown, "kubeConfigFile");
	const struct cJSON *tree = config_object(&r->text, at, webhook, "connectionInfo");
	struct str type;

	if (tree)
		config_check_names(&r->text, &info, tree, names);
	type = config_str(&r->text, &info, tree, "type");
	w->file = config_str(&r->text, &info, tree, "kubeConfigFile");
	check_choice(r, &shown, "type", type, kinds);
	if (str_eq_text(type, "InClusterConfig")) {
		if (w->file.len)
			field_invalid_str(&r->errors, &file, w->file,
				"can only be set when type=KubeConfigFile");
		else
			field_forbidden(&r->errors, &PATH(&shown, "type"),
				"InClusterConfig is not part of this version");
	}
	if (!str_eq_text(type, "KubeConfigFile"))
		return;
	if (!w->file.len)
		field_required(&r->errors, &file, "%s", "");
	else if (w->file.at[0] != '/')
		field_invalid_str(&r->errors, &file, w->file, "must be an absolute path");
}

/* false: it is none. */
static bool read_condition(struct reading *r, const struct path *at, struct str text,
	struct map *seen, struct webhook_condition *condition)
{
	struct str why = {0};

	if (!str_trim(text).len) {
		field_required(&r->errors, at, "%s", "");
		return false;
	}
	if (map_has(seen, text)) {
		field_duplicate_str(&r->errors, at, text);
		return false;
	}
	map_set(seen, text, NULL);
	condition->text = text;
	condition->expression = expression_compile(
		r->expressions, ABOUT_REQUEST, text, true, r->errors.arena, &why);
	if (!condition->expression)
		field_invalid_str(&r->errors, at, text, "%.*s", STRF(why));
	return condition->expression;
}

static void check_condition_version(
	struct reading *r, const struct path *told, struct str version, size_t count)
{
	struct path at = PATH(told, "matchConditionSubjectAccessReviewVersion");
	static const char *const versions[] = {"v1", NULL};

	if (!version.len && count)
		field_required(&r->errors, &at, "required if match conditions are specified");
	if (version.len && !str_eq_text(version, "v1"))
		field_not_supported_str(&r->errors, &at, version, versions);
}

static void read_conditions(struct reading *r, const struct path *at, const struct path *told,
	const struct cJSON *webhook, struct webhook_settings *w)
{
	static const char *const names[] = {"expression", NULL};
	struct path list = PATH(at, "matchConditions"), shown = PATH(told, "matchConditions");
	const struct cJSON *all = config_list(&r->text, at, webhook, "matchConditions");
	struct webhook_condition *conditions;
	struct map seen;
	size_t i = 0;

	check_condition_version(r, told,
		config_str(&r->text, at, webhook, "matchConditionSubjectAccessReviewVersion"),
		json_count(all));
	if (json_count(all) > CONDITIONS_MAX) {
		field_too_many(&r->errors, &shown, (int64_t)json_count(all), CONDITIONS_MAX);
		return;
	}
	conditions = arena_new(r->errors.arena, (json_count(all) + 1) * sizeof(*conditions));
	map_init(&seen);
	json_each (one, all) {
		struct path element = PATH_INDEX(&list, i), place = PATH_INDEX(&shown, i);
		struct path expression = PATH(&place, "expression");

		i++;
		config_check_names(&r->text, &element, one, names);
		w->condition_count += read_condition(r, &expression,
			config_str(&r->text, &element, one, "expression"), &seen,
			&conditions[w->condition_count]);
	}
	map_done(&seen);
	w->conditions = conditions;
}

/* Upstream's messages leave `webhook` out of the path. */
static void read_webhook(
	struct reading *r, const struct path *told, const struct cJSON *tree, struct authz_entry *e)
{
	static const char *const names[] = {"authorizedTTL", "cacheAuthorizedRequests",
		"unauthorizedTTL", "cacheUnauthorizedRequests", "timeout",
		"subjectAccessReviewVersion", "matchConditionSubjectAccessReviewVersion",
		"failurePolicy", "connectionInfo", "matchConditions", NULL};
	static const char *const versions[] = {"v1", "v1beta1", NULL};
	static const char *const policies[] = {"Deny", "NoOpinion", NULL};
	struct path at = PATH(told, "webhook");
	struct config_text *c = &r->text;
	struct webhook_settings *w = &e->webhook;
	struct str policy = config_str(c, &at, tree, "failurePolicy");

	config_check_names(c, &at, tree, names);
	w->name = e->name;
	w->timeout = config_duration(c, &at, tree, "timeout", 0);
	w->authorized_ttl = config_duration(c, &at, tree, "authorizedTTL", 5 * MINUTE);
	w->unauthorized_ttl = config_duration(c, &at, tree, "unauthorizedTTL", 30 * SEC);
	w->no_authorized_cache = !config_bool(c, &at, tree, "cacheAuthorizedRequests", true);
	w->no_unauthorized_cache = !config_bool(c, &at, tree, "cacheUnauthorizedRequests", true);
	w->version = config_str(c, &at, tree, "subjectAccessReviewVersion");
	w->deny_on_error = str_eq_text(policy, "Deny");
	check_time(r, told, "timeout", w->timeout, TIMEOUT_MAX, "must be > 0s and <= 30s");
	check_time(r, told, "authorizedTTL", w->authorized_ttl, INT64_MAX, "must be > 0s");
	check_time(r, told, "unauthorizedTTL", w->unauthorized_ttl, INT64_MAX, "must be > 0s");
	check_choice(r, told, "subjectAccessReviewVersion", w->version, versions);
	check_choice(r, told, "failurePolicy", policy, policies);
	read_connection(r, &at, told, tree, w);
	read_conditions(r, &at, told, tree, w);
}

static void check_name(struct reading *r, const struct path *at, struct str name)
{
	struct path path = PATH(at, "name");
	struct name_faults faults = {0};

	name_check_dns_subdomain(name, &faults);
	if (!name.len)
		field_required(&r->errors, &path, "%s", "");
	else if (map_has(&r->names, name))
		field_duplicate_str(&r->errors, &path, name);
	else if (faults.count)
		field_invalid_str(
			&r->errors, &path, name, "authorizer name is invalid: %s", faults.items[0]);
	map_set(&r->names, name, NULL);
}

/* false: the entry is not worth looking at further. */
static bool check_type(
	struct reading *r, const struct path *at, struct str word, enum authz_type *type)
{
	struct path path = PATH(at, "type");

	if (!word.len) {
		field_required(&r->errors, &path, "%s", "");
		return false;
	}
	if (!authz_type_find(word, type)) {
		field_not_supported_str(&r->errors, &path, word, type_words);
		return false;
	}
	if (r->seen[*type] && *type != AUTHZ_WEBHOOK) {
		field_duplicate_str(&r->errors, &path, word);
		return false;
	}
	r->seen[*type] = true;
	return true;
}

static void read_entry(
	struct reading *r, const struct path *at, const struct cJSON *tree, struct authz_entry *e)
{
	static const char *const names[] = {"type", "name", "webhook", NULL};
	struct path webhook = PATH(at, "webhook");
	const struct cJSON *settings;

	config_check_names(&r->text, at, tree, names);
	e->name = config_str(&r->text, at, tree, "name");
	settings = config_object(&r->text, at, tree, "webhook");
	if (!check_type(r, at, config_str(&r->text, at, tree, "type"), &e->type))
		return;
	check_name(r, at, e->name);
	if (e->type == AUTHZ_WEBHOOK && !settings)
		field_required(&r->errors, &webhook, "required when type=Webhook");
	else if (e->type == AUTHZ_WEBHOOK)
		read_webhook(r, at, settings, e);
	else if (settings)
		field_invalid_str(&r->errors, &webhook, STR("non-null"),
			"may only be specified when type=Webhook");
}

static int read_all(
	struct reading *r, const struct cJSON *tree, struct authz_entries *entries, struct err *err)
{
	static const char *const names[] = {"apiVersion", "kind", "authorizers", NULL};
	struct path root = PATH(NULL, "authorizers");
	const struct cJSON *list = config_list(&r->text, NULL, tree, "authorizers");
	int code;

	config_check_names(&r->text, NULL, tree, names);
	if (json_count(list) > AUTHORIZERS_MAX)
		return err_set(err, ERR_LIMIT, "authorizers: more than %d", AUTHORIZERS_MAX);
	entries->items =
		arena_new(r->errors.arena, (json_count(list) + 1) * sizeof(*entries->items));
	entries->count = 0;
	if (!json_count(list))
		field_required(
			&r->errors, &root, "at least one authorization mode must be defined");
	json_each (one, list) {
		struct path at = PATH_INDEX(&root, entries->count);

		read_entry(r, &at, one, &entries->items[entries->count++]);
	}
	code = config_result(&r->text, err);
	if (!code && r->errors.count)
		code = err_set(err, ERR_INVALID, "%.*s",
			STRF(field_errors_text(r->errors.arena, &r->errors)));
	return code;
}

int authz_configuration_parse(
	struct arena *a, struct str text, struct authz_entries *entries, struct err *err)
{
	static const char *const versions[] = {
		GROUP "/v1", GROUP "/v1beta1", GROUP "/v1alpha1", NULL};
	struct reading r = {.errors.arena = a, .expressions = entries->expressions};
	const char *version;
	struct cJSON *tree;
	int code = config_read(
		&r.text, a, text, "AuthorizationConfiguration", versions, &tree, &version, err);

	map_init(&r.names);
	if (!code)
		code = read_all(&r, tree, entries, err);
	map_done(&r.names);
	config_done(&r.text);
	return code;
}
