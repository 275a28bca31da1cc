/* Event: of core and of events.k8s.io, which asks for more. */
#include "rules.h"

#define WORD_MAX    128
#define MESSAGE_MAX 1024

static bool is_new_style(const struct change *c)
{
	return c->requested && str_eq_text(c->requested->group, "events.k8s.io") &&
	       str_eq_text(c->requested->version, "v1");
}

/* ---- what both ask for ---- */

static void check_length(
	struct field_errors *e, const struct cJSON *event, const char *name, size_t max)
{
	struct path at = PATH(NULL, name);

	if (tree_str(event, name).len > max)
		field_invalid_str(e, &at, STR(""), "can have at most %zu characters", max);
}

static void check_word(struct field_errors *e, const struct cJSON *event, const char *name)
{
	rule_text(e, NULL, event, name);
	check_length(e, event, name, WORD_MAX);
}

static bool is_one_of_two(struct str space, const char *one, const char *other)
{
	return !space.len || str_eq_text(space, one) || str_eq_text(space, other);
}

/* Whoever is met has to be in the event's namespace; the cluster's objects are met in default. */
static void check_namespace(struct change *c, struct field_errors *e, bool dated)
{
	struct path object = PATH(NULL, "involvedObject"), at = PATH(&object, "namespace");
	struct str own = tree_str(c->object, "metadata.namespace");
	struct str other = tree_str(c->object, "involvedObject.namespace");
	bool fits;

	if (other.len)
		fits = dated || str_eq(own, other);
	else
		fits = is_one_of_two(own, "default", dated ? "kube-system" : "default");
	if (!fits)
		field_invalid_str(e, &at, other, "does not match event.namespace");
}

static void check_plain(struct change *c, struct field_errors *e)
{
	bool core = !c->requested || !c->requested->group.len;
	struct path reporter = PATH(NULL, core ? "reportingComponent" : "reportingController");
	struct str who = tree_str(c->object, "reportingComponent");
	bool dated = tree_str(c->object, "eventTime").len;

	check_namespace(c, e, dated);
	if (!dated)
		return;
	if (!who.len)
		field_required(e, &reporter, "%s", "");
	field_check_name(e, &reporter, who, name_check_qualified);
	check_word(e, c->object, "reportingInstance");
	check_word(e, c->object, "action");
	check_word(e, c->object, "reason");
	check_length(e, c->object, "message", MESSAGE_MAX);
}

/* ---- what events.k8s.io asks for ---- */

static void check_series(struct change *c, struct field_errors *e)
{
	struct path count = PATH(NULL, "series.count");
	struct path last = PATH(NULL, "series.lastObservedTime");

	if (!tree_has(c->object, "series"))
		return;
	if (tree_int(c->object, "series.count", 0) < 2)
		field_invalid_str(e, &count, STR(""), "should be at least 2");
	if (!tree_str(c->object, "series.lastObservedTime").len)
		field_required(e, &last, "%s", "");
}

static void check_unset(struct field_errors *e, const char *name, bool set)
{
	struct path at = PATH(NULL, name);

	if (set)
		field_invalid_str(e, &at, STR(""), "needs to be unset");
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path meta = PATH(NULL, "metadata"), name_at = PATH(&meta, "name");
	struct path type_at = PATH(NULL, "type");
	struct str name = tree_str(c->object, "metadata.name"), type = tree_str(c->object, "type");

	check_plain(c, e);
	if (!is_new_style(c))
		return;
	if (name.len)
		field_check_name(e, &name_at, name, name_check_dns_subdomain);
	check_series(c, e);
	rule_text(e, NULL, c->object, "eventTime");
	if (!str_eq_text(type, "Normal") && !str_eq_text(type, "Warning"))
		field_invalid_str(e, &type_at, STR(""), "has invalid value: %.*s", STRF(type));
	check_unset(e, "firstTimestamp", tree_has(c->object, "firstTimestamp"));
	check_unset(e, "lastTimestamp", tree_has(c->object, "lastTimestamp"));
	check_unset(e, "count", tree_int(c->object, "count", 0) != 0);
	check_unset(e, "source", json_count(json_get(c->object, STR("source"))) != 0);
}

/* Only the series moves on. Some members are looked at twice, as upstream does. */
static void validate_update(struct change *c, struct field_errors *e)
{
	static const char *const kept[] = {"involvedObject", "reason", "message", "source",
		"firstTimestamp", "lastTimestamp", "count", "reason", "type", "eventTime", "action",
		"related", "reportingController", "reportingInstance", NULL};
	struct path meta = PATH(NULL, "metadata");

	check_plain(c, e);
	if (!is_new_style(c))
		return;
	check_object_meta_update(
		e, &meta, json_get(c->object, STR("metadata")), json_get(c->old, STR("metadata")));
	if (!json_equal(json_get(c->object, STR("series")), json_get(c->old, STR("series"))))
		check_series(c, e);
	for (size_t i = 0; kept[i]; i++) {
		bool reporter = str_eq_text(str_from(kept[i]), "reportingController");
		struct str name = reporter ? STR("reportingComponent") : str_from(kept[i]);
		struct path at = PATH(NULL, kept[i]);
		const struct cJSON *now = json_get(c->object, name);
		bool object = json_is(now, JSON_OBJECT);

		rule_same(e, &at,
			!object ? NULL
			: str_eq_text(str_from(kept[i]), "source")
				? SCHEMA(core_v1, EventSource)
				: SCHEMA(core_v1, ObjectReference),
			now, json_get(c->old, name));
	}
}

/* ---- field selectors ---- */

static const char *const labels[] = {"involvedObject.kind", "involvedObject.namespace",
	"involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
	"involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
	"reportingComponent", "source", "type", NULL};

#define VIEW "events.k8s.io"
static const struct field_alias aliases[] = {
	{VIEW, "regarding.kind", "involvedObject.kind"},
	{VIEW, "regarding.namespace", "involvedObject.namespace"},
	{VIEW, "regarding.name", "involvedObject.name"},
	{VIEW, "regarding.uid", "involvedObject.uid"},
	{VIEW, "regarding.apiVersion", "involvedObject.apiVersion"},
	{VIEW, "regarding.resourceVersion", "involvedObject.resourceVersion"},
	{VIEW, "regarding.fieldPath", "involvedObject.fieldPath"},
	{VIEW, "reportingController", "reportingComponent"},
	{VIEW, "reason", "reason"},
	{VIEW, "type", "type"},
	{NULL, NULL, NULL},
};

/* The source is whoever reports when nobody is named. */
static struct str value(struct arena *a, const struct cJSON *object, struct str label)
{
	struct str source = tree_str(object, "source.component");

	if (!str_eq_text(label, "source"))
		return tree_str(object, arena_str(a, label).at);
	return source.len ? source : tree_str(object, "reportingComponent");
}

const struct strategy strategy_events = {
	.name_rule = name_check_path_segment,
	.update_checks_metadata_once = true,
	.put_creates = true,
	.unconditional = true,
	.validate = validate,
	.validate_update = validate_update,
	.field_labels = labels,
	.field_aliases = aliases,
	.field_value = value,
};
