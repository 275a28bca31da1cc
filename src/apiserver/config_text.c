#include "config_text.h"

#include <kube/time.h>
#include <kube/yaml.h>

#define FAULTS_MAX 20

static void add_fault(struct config_text *c, const struct path *at, const char *name,
	const char *before, const char *behind)
{
	_cleanup_(buf_done) struct buf place = BUF_INIT(8 * KIB);

	if (c->fault_count++ >= FAULTS_MAX)
		return;
	path_print(&place, at);
	if (name)
		buf_print(&place, "%s%s", place.len ? "." : "", name);
	buf_print(&c->faults, "%s%s \"%.*s\"%s", c->fault_count > 1 ? ", " : "", before,
		STRF(buf_str(&place)), behind);
}

static void add_double(void *ctx, const struct yaml_duplicate *duplicate)
{
	struct config_text *c = ctx;

	if (c->fault_count++ >= FAULTS_MAX)
		return;
	if (c->fault_count > 1)
		buf_add_text(&c->faults, ", ");
	yaml_print_duplicate(&c->faults, duplicate);
}

static int check_version(const struct cJSON *tree, const char *kind, const char *const *versions,
	const char **version, struct err *err)
{
	struct str told = json_str(json_get(tree, STR("apiVersion")));
	struct str told_kind = json_str(json_get(tree, STR("kind")));

	if (!told_kind.len)
		return err_set(err, ERR_SYNTAX, "Object 'Kind' is missing");
	if (!told.len)
		return err_set(err, ERR_SYNTAX, "Object 'apiVersion' is missing");
	for (size_t i = 0; versions[i]; i++)
		if (str_eq_text(told, versions[i]) && str_eq_text(told_kind, kind)) {
			*version = versions[i];
			return 0;
		}
	return err_set(err, ERR_SYNTAX, "no kind \"%.*s\" is registered for version \"%.*s\"",
		STRF(told_kind), STRF(told));
}

int config_read(struct config_text *c, struct arena *a, struct str text, const char *kind,
	const char *const *versions, struct cJSON **tree, const char **version, struct err *err)
{
	struct yaml_options options = {.limits.max_depth = 64, .duplicate = add_double, .ctx = c};
	int code;

	*c = (struct config_text){.arena = a, .faults = BUF_INIT(64 * KIB)};
	code = yaml_read_any(a, text, &options, tree, err);
	if (code)
		return code;
	if (!json_is(*tree, JSON_OBJECT))
		return err_set(err, ERR_SYNTAX, "the configuration is no mapping");
	return check_version(*tree, kind, versions, version, err);
}

void config_check_names(struct config_text *c, const struct path *at, const struct cJSON *object,
	const char *const *names)
{
	if (!json_is(object, JSON_OBJECT)) {
		add_fault(c, at, NULL, "field", " must be a mapping");
		return;
	}
	json_each (one, object) {
		struct str key = json_key(one);
		bool known = false;

		for (size_t i = 0; names[i] && !known; i++)
			known = str_eq_text(key, names[i]);
		if (!known)
			add_fault(c, at, arena_str(c->arena, key).at, "unknown field", "");
	}
}

/* The member if it is of that type; NULL when it is not there, or of another: a fault. */
static const struct cJSON *typed(struct config_text *c, const struct path *at,
	const struct cJSON *object, const char *name, enum json_type type, const char *what)
{
	const struct cJSON *value = json_get(object, str_from(name));

	if (!value || json_is(value, JSON_NULL) || json_is(value, type))
		return json_is(value, JSON_NULL) ? NULL : value;
	add_fault(c, at, name, "field", arena_print(c->arena, " must be %s", what).at);
	return NULL;
}

struct str config_str(
	struct config_text *c, const struct path *at, const struct cJSON *object, const char *name)
{
	return json_str(typed(c, at, object, name, JSON_STRING, "a string"));
}

bool config_bool(struct config_text *c, const struct path *at, const struct cJSON *object,
	const char *name, bool fallback)
{
	const struct cJSON *value = typed(c, at, object, name, JSON_BOOL, "a boolean");

	return value ? json_bool(value) : fallback;
}

int64_t config_duration(struct config_text *c, const struct path *at, const struct cJSON *object,
	const char *name, int64_t fallback)
{
	const struct cJSON *value = typed(c, at, object, name, JSON_STRING, "a duration");
	int64_t duration;

	if (!value)
		return fallback;
	if (!duration_parse(json_str(value), &duration, NULL))
		return duration;
	add_fault(c, at, name, "field", " must be a duration");
	return fallback;
}

const struct cJSON *config_list(
	struct config_text *c, const struct path *at, const struct cJSON *object, const char *name)
{
	return typed(c, at, object, name, JSON_ARRAY, "a list");
}

const struct cJSON *config_object(
	struct config_text *c, const struct path *at, const struct cJSON *object, const char *name)
{
	return typed(c, at, object, name, JSON_OBJECT, "a mapping");
}

int config_result(struct config_text *c, struct err *err)
{
	if (!c->fault_count)
		return 0;
	return err_set(err, ERR_SYNTAX, "strict decoding error: %.*s", STRF(buf_str(&c->faults)));
}

void config_done(struct config_text *c)
{
	buf_done(&c->faults);
}
