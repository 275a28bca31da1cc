#include "storage_rules.h"

#define PARAMETERS_MAX       512
#define PARAMETERS_BYTES_MAX ((size_t)256 * KIB)

static struct str lower(struct arena *a, struct str s)
{
	struct str copy = arena_str(a, s);
	char *text = arena_text(a, copy.at);

	for (size_t i = 0; i < s.len; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] |= 0x20;
	return str_make(text, s.len);
}

void check_provisioner(struct field_errors *e, const struct cJSON *object, const char *name)
{
	struct path at = PATH(NULL, name);

	if (rule_text(e, NULL, object, name))
		field_check_name(
			e, &at, lower(e->arena, tree_str(object, name)), name_check_qualified);
}

void check_parameters(struct field_errors *e, const struct cJSON *object, bool may_be_empty)
{
	struct path at = PATH(NULL, "parameters");
	const struct cJSON *map = json_get(object, STR("parameters"));
	size_t bytes = 0;

	if (!may_be_empty && !json_count(map))
		field_required(e, &at, "must contain at least one key/value pair");
	if (json_count(map) > PARAMETERS_MAX) {
		field_too_long(e, &at, PARAMETERS_MAX);
		return;
	}
	json_each (item, map) {
		if (!json_key(item).len)
			field_invalid_str(e, &at, json_key(item), "field can not be empty.");
		bytes += json_key(item).len + json_str(item).len;
	}
	if (bytes > PARAMETERS_BYTES_MAX)
		field_too_long(e, &at, PARAMETERS_BYTES_MAX);
}
