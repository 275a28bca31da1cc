/*
 * A pod that waits at a gate may be narrowed to fewer nodes: its selector and its demands on nodes
 * may grow, and nothing in them may change or go.
 */
#include "pod_update.h"

static void set(struct arena *a, struct cJSON *object, const char *path, const struct cJSON *value)
{
	tree_set(a, object, path, value ? json_copy(a, value) : NULL);
}

static void check_selector(struct change *c, struct field_errors *e, struct cJSON *munged)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "nodeSelector");
	const struct cJSON *now = json_path(c->object, "spec.nodeSelector");
	const struct cJSON *old = json_path(c->old, "spec.nodeSelector");

	json_each (label, old)
		if (!json_equal(json_get(now, json_key(label)), label)) {
			field_invalid(e, &at, now,
				"only additions to spec.nodeSelector are allowed (no mutations or "
				"deletions)");
			break;
		}
	set(c->arena, munged, "spec.nodeSelector", old);
}

static bool begins_with(const struct cJSON *now, const struct cJSON *old)
{
	const struct cJSON *item = json_first(now);

	json_each (before, old) {
		if (!item || !json_equal(item, before))
			return false;
		item = json_next(item);
	}
	return true;
}

static bool only_adds(const struct cJSON *now, const struct cJSON *old)
{
	static const char *const lists[] = {"matchExpressions", "matchFields", NULL};
	bool was_empty = true, is_empty = true, adds = true;

	for (size_t i = 0; lists[i]; i++) {
		const struct cJSON *a = json_get(now, str_from(lists[i]));
		const struct cJSON *b = json_get(old, str_from(lists[i]));

		was_empty &= !json_count(b);
		is_empty &= !json_count(a);
		adds &= begins_with(a, b);
	}
	return was_empty ? is_empty : adds; /* an empty term matches nothing, and stays so */
}

static struct str go_terms(struct arena *a, const struct cJSON *terms)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

	if (!terms)
		return STR("null");
	buf_add_char(&text, '[');
	json_each (term, terms) {
		buf_add_text(&text, term == json_first(terms) ? "" : ",");
		api_print_go(&text, SCHEMA(core_v1, NodeSelectorTerm), term);
	}
	buf_add_char(&text, ']');
	return arena_str(a, buf_str(&text));
}

static void check_terms(struct change *c, struct field_errors *e)
{
	static const char path[] = "spec.affinity.nodeAffinity."
				   "requiredDuringSchedulingIgnoredDuringExecution."
				   "nodeSelectorTerms";
	struct path spec = PATH(NULL, "spec"), affinity = PATH(&spec, "affinity");
	struct path node = PATH(&affinity, "nodeAffinity");
	struct path required = PATH(&node, "requiredDuringSchedulingIgnoredDuringExecution");
	struct path at = PATH(&required, "nodeSelectorTerms");
	const struct cJSON *now = json_path(c->object, path), *old = json_path(c->old, path);
	size_t i = 0;

	if (json_count(old) && json_count(old) != json_count(now)) {
		field_invalid_raw(e, &at, go_terms(c->arena, now),
			"no additions/deletions to non-empty NodeSelectorTerms list are allowed");
		return;
	}
	json_each (term, old) {
		struct path item = PATH_INDEX(&at, i);
		const struct cJSON *other = json_at(now, i++);
		_cleanup_(buf_done) struct buf go = BUF_INIT(1 * MIB);

		if (only_adds(other, term))
			continue;
		api_print_go(&go, SCHEMA(core_v1, NodeSelectorTerm), other);
		field_invalid_raw(e, &item, buf_str(&go),
			"only additions are allowed (no mutations or deletions)");
	}
}

void pod_check_gated(struct change *c, struct field_errors *e, struct cJSON *munged)
{
	const struct cJSON *old = json_path(c->old, "spec.affinity.nodeAffinity");

	if (!json_count(json_path(c->old, "spec.schedulingGates")))
		return;
	set(c->arena, munged, "spec.schedulingGates", json_path(c->old, "spec.schedulingGates"));
	check_selector(c, e, munged);
	if (json_equal(old, json_path(c->object, "spec.affinity.nodeAffinity")))
		return;
	check_terms(c, e);
	set(c->arena, munged, "spec.affinity.nodeAffinity", old);
	if (!json_path(c->old, "spec.affinity") && !json_count(json_path(munged, "spec.affinity")))
		tree_drop(munged, "spec.affinity");
}
