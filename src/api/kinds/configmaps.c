/* ConfigMap */
#include "config_data.h"

static void validate(struct change *c, struct field_errors *e)
{
	const struct cJSON *data = json_get(c->object, STR("data"));
	const struct cJSON *binary = json_get(c->object, STR("binaryData"));
	struct path root = PATH(NULL, "data");
	size_t total = 0;

	json_each (item, data) {
		struct path at = PATH_KEY(&root, json_key(item));

		if (json_get(binary, json_key(item)))
			field_invalid_str(
				e, &at, json_key(item), "duplicate of key present in binaryData");
	}
	total += check_data_keys(e, "data", data, false);
	total += check_data_keys(e, "binaryData", binary, true);
	if (total > CONFIG_DATA_MAX) {
		struct path none = PATH_KEY(NULL, STR("")); /* upstream names no member */

		field_too_long(e, &none, CONFIG_DATA_MAX);
	}
}

static void validate_update(struct change *c, struct field_errors *e)
{
	static const char *const members[] = {"data", "binaryData", NULL};

	check_immutable(c, e, members);
	validate(c, e);
}

const struct strategy strategy_configmaps = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.validate = validate,
	.validate_update = validate_update,
};
