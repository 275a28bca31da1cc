#include "flow_rules.h"

void check_flow_mandatory(struct change *c, struct field_errors *e,
	const struct flow_mandatory *list, const struct cJSON *spec, const struct schema *type,
	const char *except)
{
	struct path at = PATH(NULL, "spec");
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);
	struct cJSON *fixed;

	for (; list->name; list++)
		if (str_eq_text(c->name, list->name))
			break;
	if (!list->name)
		return;
	int failed = json_parse(c->arena, str_from(list->spec), NULL, &fixed, NULL);
	assert(!failed);
	(void)failed;
	if (json_equal(spec, fixed))
		return;
	api_print_go(&text, type, json_get(c->object, STR("spec")));
	field_invalid_raw(e, &at, buf_str(&text), "spec of '%s'%s must equal the fixed value",
		list->name, except);
}

void check_flow_status(struct field_errors *e, const struct cJSON *object)
{
	struct path status = PATH(NULL, "status"), list_at = PATH(&status, "conditions");
	const struct cJSON *list = json_path(object, "status.conditions");
	size_t i = 0;

	json_each (condition, list) {
		struct path at = PATH_INDEX(&list_at, i), type_at = PATH(&at, "type");
		struct str type = tree_str(condition, "type");

		if (rule_came_before(list, i++, "type", type))
			field_duplicate_str(e, &type_at, type);
		rule_text(e, &at, condition, "type");
	}
}
