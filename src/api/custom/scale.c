/* Numbers at paths of the definition's choosing. */
#include "checks.h"

#include "go_print.h"

/*
 * The value at ".spec.replicas". False: something on the way is no object, and `why` says so in
 * upstream's words.
 */
static bool look_up(struct arena *a, const struct cJSON *object, struct str path,
	const struct cJSON **found, struct str *why)
{
	_cleanup_(buf_done) struct buf shown = BUF_INIT(64 * KIB);
	struct str rest = str_starts(path, STR(".")) ? str_skip(path, 1) : path, whole = rest, step;

	*found = object;
	while (str_next(&rest, '.', &step)) {
		struct str walked = str_make(whole.at, (size_t)(step.at - whole.at));

		if (!*found)
			return true;
		if (!json_is(*found, JSON_OBJECT)) {
			go_print_plain(&shown, a, *found);
			*why = arena_print(a,
				".%.*s accessor error: %.*s is of the type %s, expected "
				"map[string]interface{}",
				STRF(str_sub(walked, 0, walked.len ? walked.len - 1 : 0)),
				STRF(buf_str(&shown)), go_type_of(*found));
			return false;
		}
		*found = json_get(*found, step);
	}
	return true;
}

static struct str wrong_type(
	struct arena *a, struct str path, const struct cJSON *value, const char *wanted)
{
	_cleanup_(buf_done) struct buf shown = BUF_INIT(64 * KIB);

	go_print_plain(&shown, a, value);
	return arena_print(a, "%s%.*s accessor error: %.*s is of the type %s, expected %s",
		str_starts(path, STR(".")) ? "" : ".", STRF(path), STRF(buf_str(&shown)),
		go_type_of(value), wanted);
}

static void check_replicas(struct field_errors *e, const struct cJSON *object, struct str path)
{
	struct path at = PATH(NULL, path.at);
	const struct cJSON *found;
	struct str why = {0};
	int64_t number = 0;

	if (look_up(e->arena, object, path, &found, &why) && found && !json_int(found, &number))
		why = wrong_type(e->arena, path, found, "int64");
	if (why.len)
		field_invalid_int(e, &at, 0, "%.*s", STRF(why));
	else if (number < 0)
		field_invalid_int(e, &at, number, "should be a non-negative integer");
	else if (number > INT32_MAX)
		field_invalid_int(e, &at, number, "should be less than or equal to %d", INT32_MAX);
}

void check_scale_spec(struct field_errors *e, const struct cJSON *scale, const struct cJSON *object)
{
	if (scale)
		check_replicas(e, object, tree_str(scale, "specReplicasPath"));
}

void check_scale_status(
	struct field_errors *e, const struct cJSON *scale, const struct cJSON *object)
{
	struct str path = tree_str(scale, "labelSelectorPath"), why = {0};
	struct path at = PATH(NULL, path.at);
	const struct cJSON *found;

	if (!scale)
		return;
	check_replicas(e, object, tree_str(scale, "statusReplicasPath"));
	if (!path.len)
		return;
	if (look_up(e->arena, object, path, &found, &why) && found && !json_is(found, JSON_STRING))
		why = wrong_type(e->arena, path, found, "string");
	if (why.len)
		field_invalid_str(e, &at, STR(""), "%.*s", STRF(why));
}
