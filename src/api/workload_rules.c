#include "workload_rules.h"

#include "pod_update.h"

/* ---- selector and template ---- */

void workload_check_selector(struct field_errors *e, const struct cJSON *object, const char *word)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "selector");
	const struct cJSON *selector = json_path(object, "spec.selector");
	struct label_selector_rules rules = {0};

	if (json_type(selector) == JSON_NULL) {
		field_required(e, &at, "%s", "");
		return;
	}
	check_label_selector(e, &at, selector, rules);
	if (!json_count(json_get(selector, STR("matchLabels"))) &&
		!json_count(json_get(selector, STR("matchExpressions"))))
		field_invalid(e, &at, selector, "empty selector is invalid for %s", word);
}

void workload_check_match(struct field_errors *e, const struct path *spec_at,
	const struct cJSON *spec, const struct cJSON *selector)
{
	struct path tmpl = PATH(spec_at, "template"), meta = PATH(&tmpl, "metadata");
	struct path at = PATH(&meta, "labels");
	const struct cJSON *labels = json_path(spec, "template.metadata.labels");
	struct selector parsed;

	if (!label_selector_from(e->arena, selector, &parsed, NULL) &&
		!label_selector_matches(&parsed, labels))
		field_invalid(e, &at, labels, "`selector` does not match template `labels`");
}

void workload_check_restart(struct field_errors *e, const struct cJSON *object)
{
	static const char *const always[] = {"Always", NULL};
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");
	struct path pod = PATH(&tmpl, "spec"), at = PATH(&pod, "restartPolicy");
	struct str policy = tree_str(object, "spec.template.spec.restartPolicy");

	if (!str_eq_text(policy, "Always"))
		field_not_supported_str(e, &at, policy, always);
}

void workload_check_deadline(
	struct field_errors *e, const struct cJSON *object, const char *kind_word)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");
	struct path pod = PATH(&tmpl, "spec"), at = PATH(&pod, "activeDeadlineSeconds");

	if (tree_has(object, "spec.template.spec.activeDeadlineSeconds"))
		field_forbidden(e, &at, "activeDeadlineSeconds in %s is not Supported", kind_word);
}

void workload_check_template(struct field_errors *e, const struct cJSON *object,
	const struct cJSON *selector, const struct workload_words *words)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");

	workload_check_match(e, &spec, json_get(object, STR("spec")), selector);
	check_template(e, &tmpl, json_path(object, "spec.template"));
	workload_check_restart(e, object);
	workload_check_deadline(e, object, words->deadline);
}

void workload_check_pods(
	struct field_errors *e, const struct cJSON *object, const struct workload_words *words)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "selector");
	const struct cJSON *selector = json_path(object, "spec.selector");
	struct selector parsed;

	workload_check_selector(e, object, words->empty);
	if (label_selector_from(e->arena, selector, &parsed, NULL))
		field_invalid(e, &at, selector, "%s", words->unsound);
	else
		workload_check_template(e, object, selector, words);
}

/* ---- counts ---- */

void workload_check_counts(struct field_errors *e, const struct path *p, const struct cJSON *object,
	const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		check_not_negative(e, p, names[i], object);
}

void workload_check_replicas(struct field_errors *e, const struct cJSON *object,
	const char *const *names, const char *ready)
{
	struct path status_at = PATH(NULL, "status"), at = PATH(&status_at, "availableReplicas");
	const struct cJSON *status = json_get(object, STR("status"));
	int64_t replicas = tree_int(status, "replicas", 0);
	int64_t available = tree_int(status, "availableReplicas", 0);

	for (size_t i = 0; names[i]; i++) {
		struct path count = PATH(&status_at, names[i]);
		int64_t value = tree_int(status, names[i], 0);

		if (value > replicas)
			field_invalid_int(
				e, &count, value, "cannot be greater than status.replicas");
	}
	if (available > tree_int(status, "readyReplicas", 0))
		field_invalid_int(e, &at, available, "cannot be greater than %s", ready);
}

void workload_check_collisions(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), at = PATH(&status, "collisionCount");
	int64_t now = tree_int(c->object, "status.collisionCount", 0);

	if (!tree_has(c->old, "status.collisionCount"))
		return;
	if (!tree_has(c->object, "status.collisionCount") ||
		now < tree_int(c->old, "status.collisionCount", 0))
		field_invalid_int(e, &at, now, "cannot be decremented");
}

/* ---- numbers or shares ---- */

static bool is_percent(const struct cJSON *value)
{
	struct name_faults f = {0};

	if (!json_is(value, JSON_STRING))
		return false;
	name_check_percent(json_str(value), &f);
	return !f.count;
}

int64_t workload_share(const struct cJSON *value)
{
	struct str text = json_str(value);
	int64_t number = 0;

	if (is_percent(value))
		text.len--;
	if (json_is(value, JSON_STRING))
		return str_to_i64(text, &number) ? number : 0;
	return json_int(value, &number) ? number : 0;
}

void workload_check_share(struct field_errors *e, const struct path *at, const struct cJSON *value)
{
	int64_t number = 0;

	if (json_is(value, JSON_STRING))
		field_check_name(e, at, json_str(value), name_check_percent);
	else if (json_int(value, &number) && number < 0)
		field_invalid_int(e, at, number, "must be greater than or equal to 0");
}

void workload_check_whole(struct field_errors *e, const struct path *at, const struct cJSON *value)
{
	if (is_percent(value) && workload_share(value) > 100)
		field_invalid(e, at, value, "must not be greater than 100%%");
}

/* ---- whole structs ---- */

void workload_invalid(struct field_errors *e, const struct path *at, const struct schema *s,
	const struct cJSON *value, const char *detail)
{
	_cleanup_(buf_done) struct buf go = BUF_INIT(4 * MIB);

	api_print_go(&go, s, value);
	field_invalid_raw(e, at, buf_str(&go), "%s", detail);
}

void workload_not_supported(struct field_errors *e, const struct path *at, const struct schema *s,
	const struct cJSON *value, const char *const *choices)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	api_print_go(&text, s, value);
	for (size_t i = 0; choices[i]; i++)
		buf_print(&text, "%s\"%s\"", i ? ", " : ": supported values: ", choices[i]);
	field_add(e, FIELD_NOT_SUPPORTED, at, buf_str(&text));
}

/* ---- warnings ---- */

bool workload_is_quiet(const struct change *c)
{
	return c->old &&
	       json_equal(json_get(c->object, STR("spec")), json_get(c->old, STR("spec")));
}

void workload_warn_name(struct change *c)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * KIB);
	struct name_faults f = {0};

	name_check_dns_label(tree_str(c->object, "metadata.name"), &f);
	if (c->old || !f.count)
		return;
	for (size_t i = 0; i < f.count; i++)
		buf_print(&text, "%s%s", i ? " " : "", f.items[i]);
	change_warn(c,
		"metadata.name: this is used in Pod names and hostnames, which can result in "
		"surprising behavior; a DNS label is recommended: [%.*s]",
		STRF(buf_str(&text)));
}

void workload_warn(struct change *c)
{
	struct path spec = PATH(NULL, "spec"), tmpl = PATH(&spec, "template");

	if (!workload_is_quiet(c))
		pod_warn_template(c, &tmpl, json_path(c->object, "spec.template"));
}
