/* LeaseCandidate */
#include "rules.h"

struct semver {
	uint64_t parts[3];
	bool pre; /* comes before the release of the same numbers */
};

/* "1.36.0", with "-rc.1" or "+build" behind it. */
static bool parse_semver(struct str text, struct semver *v)
{
	struct str numbers = text, one;
	ssize_t plus = str_find_char(numbers, '+');

	if (plus >= 0)
		numbers.len = (size_t)plus;
	ssize_t minus = str_find_char(numbers, '-');
	v->pre = minus >= 0;
	if (minus >= 0)
		numbers.len = (size_t)minus;
	for (size_t i = 0; i < 3; i++) {
		if (!str_next(&numbers, '.', &one) || !str_to_u64(one, &v->parts[i]) ||
			(one.len > 1 && one.at[0] == '0'))
			return false;
	}
	return !numbers.at;
}

static bool is_older(const struct semver *a, const struct semver *b)
{
	for (size_t i = 0; i < 3; i++)
		if (a->parts[i] != b->parts[i])
			return a->parts[i] < b->parts[i];
	return a->pre && !b->pre;
}

static void check_versions(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path emulated_at = PATH(p, "emulationVersion"), binary_at = PATH(p, "binaryVersion");
	struct str emulated = tree_str(spec, "emulationVersion");
	struct str binary = tree_str(spec, "binaryVersion");
	struct semver lower = {0}, upper = {0};
	bool good = true;

	if (emulated.len && !(good = parse_semver(emulated, &lower)))
		field_invalid_str(e, &emulated_at, emulated, "must be a valid semantic version");
	if (!rule_text(e, p, spec, "binaryVersion"))
		return;
	if (!parse_semver(binary, &upper))
		field_invalid_str(e, &binary_at, binary, "must be a valid semantic version");
	else if (emulated.len && good && is_older(&upper, &lower))
		field_invalid_str(
			e, &binary_at, binary, "must be greater than or equal to emulationVersion");
}

static void validate(struct change *c, struct field_errors *e)
{
	static const char *const strategies[] = {"OldestEmulationVersion", NULL};
	struct path root = PATH(NULL, "spec"), at = PATH(&root, "strategy");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	struct str strategy = tree_str(spec, "strategy");

	rule_text(e, &root, spec, "leaseName");
	check_versions(e, &root, spec);
	if (!rule_text(e, &root, spec, "strategy"))
		return;
	if (str_find_char(strategy, '/') >= 0)
		field_check_name(e, &at, strategy, name_check_qualified);
	else
		rule_choice(e, &root, spec, "strategy", strategies);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec");

	rule_immutable(e, &spec, json_get(c->object, STR("spec")), json_get(c->old, STR("spec")),
		"leaseName");
	validate(c, e);
}

const struct strategy strategy_leasecandidates = {
	.name_rule = name_check_dns_subdomain,
	.put_creates = true,
	.validate = validate,
	.validate_update = validate_update,
};
