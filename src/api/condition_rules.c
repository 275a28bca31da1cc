#include "condition_rules.h"

#define REASON_MAX  1024
#define MESSAGE_MAX (32 * 1024)

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* [A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])? */
static bool is_reason(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_word(s.at[i]) && s.at[i] != ',' && s.at[i] != ':')
			return false;
	return s.len && is_word(s.at[s.len - 1]) && is_word(s.at[0]) && s.at[0] != '_' &&
	       !(s.at[0] >= '0' && s.at[0] <= '9');
}

static void check_reason(struct field_errors *e, const struct path *p, struct str reason)
{
	struct path at = PATH(p, "reason");

	if (!reason.len) {
		field_required(e, &at, "must be set");
		return;
	}
	if (!is_reason(reason))
		field_invalid_str(e, &at, reason,
			"a condition reason must start with alphabetic character, optionally "
			"followed by a string of alphanumeric characters or '_,:', and must end "
			"with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  "
			"or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used "
			"for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')");
	if (reason.len > REASON_MAX)
		field_too_long(e, &at, REASON_MAX);
}

static void check_condition(
	struct field_errors *e, const struct path *p, const struct cJSON *condition)
{
	static const char *const words[] = {"False", "True", "Unknown", NULL};
	struct path type = PATH(p, "type"), status_at = PATH(p, "status");
	struct path generation_at = PATH(p, "observedGeneration");
	struct path time = PATH(p, "lastTransitionTime"), message = PATH(p, "message");
	struct str status = tree_str(condition, "status");
	int64_t generation = tree_int(condition, "observedGeneration", 0);

	field_check_name(e, &type, tree_str(condition, "type"), name_check_qualified);
	if (!rule_is_one_of(status, words))
		field_not_supported_str(e, &status_at, status, words);
	if (generation < 0)
		field_invalid_int(
			e, &generation_at, generation, "must be greater than or equal to zero");
	if (!tree_str(condition, "lastTransitionTime").len)
		field_required(e, &time, "must be set");
	check_reason(e, p, tree_str(condition, "reason"));
	if (tree_str(condition, "message").len > MESSAGE_MAX)
		field_too_long(e, &message, MESSAGE_MAX);
}

void check_conditions(struct field_errors *e, const struct path *p, const struct cJSON *list)
{
	size_t i = 0;

	json_each (condition, list) {
		struct path at = PATH_INDEX(p, i), type_at = PATH(&at, "type");
		struct str type = tree_str(condition, "type");

		if (rule_came_before(list, i++, "type", type))
			field_duplicate_str(e, &type_at, type);
		check_condition(e, &at, condition);
	}
}
