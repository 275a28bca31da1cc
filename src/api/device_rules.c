#include "device_rules.h"

#include "volume_sources.h"

#include <kube/cel.h>
#include <kube/time.h>

#define SELECTORS_MAX          32
#define EXPRESSION_MAX         (10 * 1024)
#define EXPRESSION_COST_MAX    1000000
#define PARAMETERS_MAX         (10 * 1024)
#define POOL_NAME_MAX          253
#define IDENTIFIER_MAX         32
#define BINDING_CONDITIONS_MAX 4

/* ---- lists ---- */

static struct str key_of(const struct cJSON *item, const char *key)
{
	return json_str(*key ? json_get(item, str_from(key)) : item);
}

void check_devices_list(struct field_errors *e, const struct path *p, const struct cJSON *list,
	int64_t max, const char *key, device_check_fn *check, const void *ctx)
{
	size_t i = 0;

	if (max >= 0 && (int64_t)json_count(list) > max) {
		field_too_many(e, p, (int64_t)json_count(list), (size_t)max);
		return;
	}
	json_each (item, list) {
		struct path at = PATH_INDEX(p, i++);

		check(e, &at, item, ctx);
	}
	i = 0;
	json_each (item, list) {
		struct path at = PATH_INDEX(p, i);

		if (key && rule_came_before(list, i, *key ? key : NULL, key_of(item, key)))
			field_duplicate_str(e, &at, key_of(item, key));
		i++;
	}
}

/* ---- names ---- */

void check_driver_name(struct field_errors *e, const struct path *at, struct str name)
{
	check_csi_driver_name(e, at, name);
}

void check_pool_name(struct field_errors *e, const struct path *at, struct str name)
{
	struct str rest = name, part;

	if (!name.len) {
		field_required(e, at, "%s", "");
		return;
	}
	if (name.len > POOL_NAME_MAX)
		field_too_long(e, at, POOL_NAME_MAX);
	while (str_next(&rest, '/', &part))
		field_check_name(e, at, part, name_check_dns_subdomain);
}

void check_device_name(struct field_errors *e, const struct path *at, struct str name)
{
	field_check_name(e, at, name, name_check_dns_label);
}

static void check_identifier(struct field_errors *e, const struct path *at, struct str name)
{
	if (name.len > IDENTIFIER_MAX)
		field_too_long(e, at, IDENTIFIER_MAX);
	field_check_name(e, at, name, name_check_c_identifier);
}

void check_attribute_name(struct field_errors *e, const struct path *at, struct str name)
{
	struct str domain, id;

	if (!str_cut(name, '/', &domain, &id)) {
		check_identifier(e, at, name);
		return;
	}
	if (str_find_char(id, '/') >= 0)
		return; /* as upstream lets it pass */
	if (domain.len)
		check_driver_name(e, at, domain);
	else
		field_invalid_str(e, at, STR(""), "the domain must not be empty");
	if (id.len)
		check_identifier(e, at, id);
	else
		field_invalid_str(e, at, STR(""), "the name must not be empty");
}

void check_uuid(struct field_errors *e, const struct path *at, struct str text)
{
	bool digits = text.len == 36, lower = true;

	if (text.len != 36 && text.len != 32 && text.len != 38 && text.len != 45) {
		field_invalid_str(
			e, at, text, "error validating uid: invalid UUID length: %zu", text.len);
		return;
	}
	for (size_t i = 0; i < text.len && digits; i++) {
		char c = text.at[i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		lower &= !(c >= 'A' && c <= 'F');
		digits = dash ? c == '-'
			      : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
					 (c >= 'A' && c <= 'F');
	}
	if (text.len == 36 && !digits)
		field_invalid_str(e, at, text, "error validating uid: invalid UUID format");
	else if (text.len != 36 || !lower)
		field_invalid_str(e, at, text,
			"uid must be in RFC 4122 normalized form, "
			"`xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal "
			"characters");
}

/* ---- selectors and configurations ---- */

static void check_selector_expression(
	struct field_errors *e, const struct path *p, struct cel_env *env, struct str text)
{
	struct cel_program *program = cel_compile(env, text, NULL);
	struct cel_failure failure = cel_failure(program);
	enum cel_kind kind = cel_type_kind(cel_result_type(program));
	struct str type = cel_type_text(e->arena, cel_result_type(program));

	if (failure.kind == CEL_INVALID)
		field_invalid_str(e, p, text, "compilation failed: %s", failure.text.at);
	else if (failure.kind == CEL_UNBUILT)
		field_invalid_str(e, p, text, "program instantiation failed: %s", failure.text.at);
	else if (kind != CEL_BOOL && kind != CEL_DYN)
		field_invalid_str(
			e, p, text, "must evaluate to bool or the unknown type, not %s", type.at);
	else if (cel_estimate(program).max > EXPRESSION_COST_MAX)
		field_forbidden(e, p, "too complex, exceeds cost limit");
	cel_program_free(program);
}

static void check_selector(
	struct field_errors *e, const struct path *p, const struct cJSON *selector, const void *ctx)
{
	struct path cel = PATH(p, "cel"), expression = PATH(&cel, "expression");
	struct str text = tree_str(selector, "cel.expression");
	struct cel_env *const *env = ctx;

	if (!tree_has(selector, "cel"))
		field_required(e, &cel, "%s", "");
	else if (text.len > EXPRESSION_MAX)
		field_too_long(e, &expression, EXPRESSION_MAX);
	else
		check_selector_expression(e, &expression, *env, text);
}

void check_device_selectors(struct field_errors *e, const struct path *p, const struct cJSON *list)
{
	struct cel_env *env = list ? cel_env_for_devices() : NULL;

	check_devices_list(e, p, list, SELECTORS_MAX, NULL, check_selector, &env);
	cel_env_free(env);
}

void check_raw_object(
	struct field_errors *e, const struct path *at, const struct cJSON *raw, size_t max)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	if (json_is(raw, JSON_NULL)) {
		field_required(e, at, "%s", "");
		return;
	}
	json_print(&text, raw, JSON_COMPACT);
	if (text.len > max)
		field_too_long(e, at, max);
	else if (!json_is(raw, JSON_OBJECT))
		field_invalid_str(e, at, STR("<value omitted>"), "must be a valid JSON object");
}

void check_device_config(struct field_errors *e, const struct path *p, const struct cJSON *config)
{
	struct path at = PATH(p, "opaque"), driver = PATH(&at, "driver");
	struct path parameters = PATH(&at, "parameters");
	const struct cJSON *opaque = json_get(config, STR("opaque"));

	if (!opaque) {
		field_required(e, &at, "%s", "");
		return;
	}
	check_driver_name(e, &driver, tree_str(opaque, "driver"));
	check_raw_object(e, &parameters, json_get(opaque, STR("parameters")), PARAMETERS_MAX);
}

/* ---- taints and tolerations ---- */

static const char *const effects[] = {"NoExecute", "NoSchedule", "None", NULL};

void check_device_taint(struct field_errors *e, const struct path *p, const struct cJSON *taint,
	const struct cJSON *old)
{
	struct path key = PATH(p, "key");

	field_check_name(e, &key, tree_str(taint, "key"), name_check_qualified);
	rule_name(e, p, taint, "value", name_check_label_value);
	if (!old || !str_eq(tree_str(old, "effect"), tree_str(taint, "effect")))
		rule_choice_required(e, p, taint, "effect", effects);
}

void check_device_toleration(struct field_errors *e, const struct path *p,
	const struct cJSON *toleration, const void *ctx)
{
	static const char *const operators[] = {"Equal", "Exists", NULL};
	struct path value_at = PATH(p, "value"), effect_at = PATH(p, "effect");
	struct str operator= tree_str(toleration, "operator");
	struct str value = tree_str(toleration, "value"), effect = tree_str(toleration, "effect");

	(void)ctx;
	rule_name(e, p, toleration, "key", name_check_qualified);
	if (str_eq_text(operator, "Exists") && value.len)
		field_invalid_str(e, &value_at, value, "must be empty for operator `Exists`");
	else if (str_eq_text(operator, "Equal"))
		field_check_name(e, &value_at, value, name_check_label_value);
	rule_choice_required(e, p, toleration, "operator", operators);
	if (effect.len && !rule_is_one_of(effect, effects))
		field_not_supported_str(e, &effect_at, effect, effects);
}

void set_taint_times(struct change *c, struct cJSON *taint)
{
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	if (tree_has(taint, "timeAdded"))
		return;
	time_print(&now, c->now / SEC * SEC);
	tree_set_str(c->arena, taint, "timeAdded", buf_str(&now));
}

/* ---- binding ---- */

static void check_condition_name(
	struct field_errors *e, const struct path *p, const struct cJSON *item, const void *ctx)
{
	(void)ctx;
	field_check_name(e, p, json_str(item), name_check_qualified);
}

static bool lists(const struct cJSON *list, struct str text)
{
	json_each (item, list)
		if (str_eq(json_str(item), text))
			return true;
	return false;
}

void check_binding_conditions(
	struct field_errors *e, const struct path *p, const struct cJSON *device)
{
	struct path ready_at = PATH(p, "bindingConditions");
	struct path failed_at = PATH(p, "bindingFailureConditions");
	const struct cJSON *ready = json_get(device, STR("bindingConditions"));
	const struct cJSON *failed = json_get(device, STR("bindingFailureConditions"));
	size_t i = 0;

	check_devices_list(
		e, &ready_at, ready, BINDING_CONDITIONS_MAX, "", check_condition_name, NULL);
	check_devices_list(
		e, &failed_at, failed, BINDING_CONDITIONS_MAX, "", check_condition_name, NULL);
	json_each (item, failed) {
		struct path at = PATH_INDEX(&failed_at, i++);

		if (lists(ready, json_str(item)))
			field_invalid_str(e, &at, json_str(item),
				"bindingFailureConditions must not overlap with bindingConditions");
	}
	if (!json_count(ready) && json_count(failed))
		field_invalid(e, &ready_at, ready,
			"bindingConditions are required to use bindingFailureConditions");
	if (!json_count(failed) && json_count(ready))
		field_invalid(e, &failed_at, failed,
			"bindingFailureConditions are required to use bindingConditions");
}

/* ---- what stays ---- */

void check_device_fixed(struct field_errors *e, const struct path *at, const struct schema *type,
	const struct cJSON *now, const struct cJSON *old)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	if (json_equal(now, old))
		return;
	api_print_go(&text, type, now);
	field_invalid_raw(e, at, buf_str(&text), "field is immutable");
}
