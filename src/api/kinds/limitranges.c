/* LimitRange */
#include "pod_parts.h"
#include "resource_names.h"

/* ---- filling in ---- */

static void fill(struct arena *a, struct cJSON *item, const char *into, const char *from)
{
	json_each (amount, json_get(item, str_from(from))) {
		struct cJSON *list = json_get(item, str_from(into));

		if (!list) {
			list = json_new(a, JSON_OBJECT);
			json_set(a, item, str_from(into), list);
		}
		if (!json_get(list, json_key(amount)))
			json_set(a, list, json_key(amount), json_copy(a, amount));
	}
}

static void defaults(struct change *c)
{
	json_each (item, json_path(c->object, "spec.limits")) {
		if (!str_eq_text(tree_str(item, "type"), "Container"))
			continue;
		fill(c->arena, item, "default", "max");
		fill(c->arena, item, "defaultRequest", "default");
		fill(c->arena, item, "defaultRequest", "min");
	}
}

/* A range that nobody named is called by a unique number. */
static void prepare_create(struct change *c)
{
	if (!tree_str(c->object, "metadata.name").len)
		tree_set_str(
			c->arena, c->object, "metadata.name", tree_str(c->object, "metadata.uid"));
}

/* ---- one resource's numbers against each other ---- */

enum part { MIN, MAX, DEFAULT, REQUEST, RATIO, PARTS };

static const char *const members[PARTS] = {
	"min", "max", "default", "defaultRequest", "maxLimitRequestRatio"};

struct numbers {
	struct str key;
	bool has[PARTS];
	struct quantity q[PARTS];
	struct str text[PARTS];
};

static void read(struct numbers *n, const struct cJSON *item, struct str key)
{
	bool pod = str_eq_text(tree_str(item, "type"), "Pod");

	*n = (struct numbers){.key = key};
	for (size_t i = 0; i < PARTS; i++) {
		const struct cJSON *value = json_get(json_get(item, str_from(members[i])), key);

		n->text[i] = json_str(value);
		n->has[i] = value && !(pod && (i == DEFAULT || i == REQUEST)) &&
			    !quantity_parse(n->text[i], &n->q[i], NULL);
	}
}

/* Says that `low` is above `high`, at `at`, of the value `shown`. */
static void check_order(struct field_errors *e, const struct path *p, const struct numbers *n,
	enum part low, enum part high, enum part at, enum part shown, const char *text)
{
	struct path member = PATH(p, members[at]), key = PATH_KEY(&member, n->key);

	if (n->has[low] && n->has[high] && quantity_cmp(n->q[low], n->q[high]) > 0)
		field_invalid_str(
			e, &key, n->text[shown], text, STRF(n->text[low]), STRF(n->text[high]));
}

static void check_ratio(struct field_errors *e, const struct path *p, const struct numbers *n)
{
	struct path member = PATH(p, members[RATIO]), key = PATH_KEY(&member, n->key);
	struct quantity one = quantity_from_int(1, QUANTITY_DECIMAL_SI);
	double most;

	if (!n->has[RATIO])
		return;
	if (quantity_cmp(n->q[RATIO], one) < 0)
		field_invalid_str(
			e, &key, n->text[RATIO], "ratio %.*s is less than 1", STRF(n->text[RATIO]));
	if (!n->has[MIN] || !n->has[MAX] || !quantity_sign(n->q[MIN]))
		return;
	most = (double)n->q[MAX].nano / (double)n->q[MIN].nano;
	if ((double)n->q[RATIO].nano / 1e9 > most)
		field_invalid_str(e, &key, n->text[RATIO],
			"ratio %.*s is greater than max/min = %f", STRF(n->text[RATIO]), most);
}

/* What cannot be promised twice is asked for as much as it is limited. */
static void check_exact(struct field_errors *e, const struct path *p, const struct numbers *n)
{
	struct path member = PATH(p, members[REQUEST]), key = PATH_KEY(&member, n->key);

	if (n->has[DEFAULT] && n->has[REQUEST] && !resource_name_overcommits(n->key) &&
		quantity_cmp(n->q[DEFAULT], n->q[REQUEST]))
		field_invalid_str(e, &key, n->text[REQUEST],
			"default value %.*s must equal to defaultRequest value %.*s in %.*s",
			STRF(n->text[DEFAULT]), STRF(n->text[REQUEST]), STRF(n->key));
}

static void check_numbers(
	struct field_errors *e, const struct path *p, const struct cJSON *item, struct str key)
{
	struct numbers n;

	read(&n, item, key);
	check_order(e, p, &n, MIN, MAX, MIN, MIN, "min value %.*s is greater than max value %.*s");
	check_order(e, p, &n, MIN, REQUEST, REQUEST, REQUEST,
		"min value %.*s is greater than default request value %.*s");
	check_order(e, p, &n, REQUEST, MAX, REQUEST, REQUEST,
		"default request value %.*s is greater than max value %.*s");
	check_order(e, p, &n, REQUEST, DEFAULT, REQUEST, REQUEST,
		"default request value %.*s is greater than default limit value %.*s");
	check_order(e, p, &n, MIN, DEFAULT, DEFAULT, MIN,
		"min value %.*s is greater than default value %.*s");
	check_order(e, p, &n, DEFAULT, MAX, DEFAULT, MAX,
		"default value %.*s is greater than max value %.*s");
	check_ratio(e, p, &n);
	check_exact(e, p, &n);
}

/* ---- an item ---- */

static void check_type(struct field_errors *e, const struct path *at, struct str type)
{
	static const char *const known[] = {"Pod", "Container", "PersistentVolumeClaim", NULL};
	struct name_faults f = {0};

	name_check_qualified(type, &f);
	field_check_name(e, at, type, name_check_qualified);
	if (!f.count && str_find_char(type, '/') < 0 && !rule_is_one_of(type, known))
		field_invalid_str(e, at, type, "must be a standard limit type or fully qualified");
}

static void check_resource_names(
	struct field_errors *e, const struct path *p, const struct cJSON *item, const char *name)
{
	struct path member = PATH(p, name);
	struct str type = tree_str(item, "type");
	bool of_containers = str_eq_text(type, "Pod") || str_eq_text(type, "Container");

	json_each (amount, json_get(item, str_from(name))) {
		struct path at = PATH_KEY(&member, json_key(amount));

		if (of_containers)
			check_container_resource_name(e, &at, json_key(amount));
		else
			check_resource_name(e, &at, json_key(amount));
	}
}

static void check_pod_item(
	struct field_errors *e, const struct path *p, const struct cJSON *item, const char *name)
{
	struct path at = PATH(p, name);

	if (json_count(json_get(item, str_from(name))))
		field_forbidden(e, &at, "may not be specified when `type` is 'Pod'");
}

static void check_item(struct field_errors *e, const struct path *p, const struct cJSON *item)
{
	static const char *const names[] = {
		"max", "min", "default", "defaultRequest", "maxLimitRequestRatio", NULL};
	bool pod = str_eq_text(tree_str(item, "type"), "Pod");
	bool claim = str_eq_text(tree_str(item, "type"), "PersistentVolumeClaim");
	struct path limits = PATH(p, "limits");

	check_resource_names(e, p, item, "max");
	check_resource_names(e, p, item, "min");
	(pod ? check_pod_item : check_resource_names)(e, p, item, "default");
	(pod ? check_pod_item : check_resource_names)(e, p, item, "defaultRequest");
	if (claim && !tree_has(item, "min.storage") && !tree_has(item, "max.storage"))
		field_required(e, &limits,
			"either minimum or maximum storage value is required, but neither was "
			"provided");
	check_resource_names(e, p, item, "maxLimitRequestRatio");
	for (size_t i = 0; names[i]; i++)
		json_each (amount, json_get(item, str_from(names[i]))) {
			bool seen = false;

			for (size_t j = 0; j < i; j++)
				seen |= json_get(json_get(item, str_from(names[j])),
						json_key(amount)) != NULL;
			if (!seen)
				check_numbers(e, p, item, json_key(amount));
		}
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), limits = PATH(&spec, "limits");
	const struct cJSON *list = json_path(c->object, "spec.limits");
	size_t i = 0;

	json_each (item, list) {
		struct path at = PATH_INDEX(&limits, i), type = PATH(&at, "type");

		check_type(e, &type, tree_str(item, "type"));
		if (rule_came_before(list, i++, "type", tree_str(item, "type")))
			field_duplicate_str(e, &type, tree_str(item, "type"));
		check_item(e, &at, item);
	}
}

const struct strategy strategy_limitranges = {
	.name_rule = name_check_dns_subdomain,
	.put_creates = true,
	.unconditional = true,
	.defaults = defaults,
	.prepare_create = prepare_create,
	.validate = validate,
	.validate_update = validate,
};
