/* Conditions of definitions, in upstream's words. */
#include "go_url.h"
#include "types.h"

#include <kube/api_codec.h>

#include <kube/definition.h>
#include <kube/resource.h>
#include <kube/time.h>

#define APPROVAL       "api-approved.kubernetes.io"
#define APPROVAL_PLACE "https://github.com/kubernetes/enhancements/pull/1111"

/* ---- conditions ---- */

static struct cJSON *find_condition(const struct cJSON *definition, const char *type)
{
	json_each (condition, json_path(definition, "status.conditions"))
		if (str_eq_text(tree_str(condition, "type"), type))
			return condition;
	return NULL;
}

bool definition_condition_is_true(const struct cJSON *definition, const char *type)
{
	return str_eq_text(tree_str(find_condition(definition, type), "status"), "True");
}

static struct cJSON *condition_list(struct arena *a, struct cJSON *definition)
{
	struct cJSON *list = json_path(definition, "status.conditions");

	if (json_is(list, JSON_ARRAY))
		return list;
	list = json_new(a, JSON_ARRAY);
	tree_set(a, definition, "status.conditions", list);
	return list;
}

void definition_set_condition(struct arena *a, struct cJSON *definition, const char *type,
	const char *status, const char *reason, struct str message, int64_t now)
{
	struct cJSON *old = find_condition(definition, type);
	_cleanup_(buf_done) struct buf time = BUF_INIT(64);

	if (!old) {
		old = json_new(a, JSON_OBJECT);
		tree_set_str(a, old, "type", str_from(type));
		json_append(condition_list(a, definition), old);
	}
	if (!str_eq_text(tree_str(old, "status"), status)) {
		time_print(&time, now / SEC * SEC);
		tree_set_str(a, old, "status", str_from(status));
		tree_set_str(a, old, "lastTransitionTime", buf_str(&time));
	}
	tree_set_str(a, old, "reason", str_from(reason));
	tree_set_str(a, old, "message", message);
}

static void drop_condition(struct cJSON *definition, const char *type)
{
	struct cJSON *old = find_condition(definition, type);

	if (old)
		json_remove(json_path(definition, "status.conditions"), old);
}

/* ---- names ---- */

struct naming {
	struct arena *arena;
	const struct cJSON *wanted;
	struct cJSON *accepted; /* becomes the new one */
	const struct cJSON *const *others;
	size_t count;
	const char *reason;
	struct str message;
};

static bool is_used(const struct naming *n, struct str name, bool kinds)
{
	static const char *const words[2][2] = {{"plural", "singular"}, {"kind", "listKind"}};

	for (size_t i = 0; i < n->count; i++) {
		for (size_t k = 0; k < 2; k++)
			if (str_eq(tree_str(n->others[i], words[kinds][k]), name))
				return true;
		json_each (word, kinds ? NULL : json_get(n->others[i], STR("shortNames")))
			if (str_eq(json_str(word), name))
				return true;
	}
	return false;
}

static void take_name(struct naming *n, const char *member, bool kinds, const char *reason)
{
	struct str name = tree_str(n->wanted, member);

	if (!str_eq(name, tree_str(n->accepted, member)) && is_used(n, name, kinds)) {
		n->reason = reason;
		n->message = arena_print(n->arena, "\"%.*s\" is already in use", STRF(name));
		return;
	}
	if (name.len)
		tree_set_str(n->arena, n->accepted, member, name);
	else
		tree_drop(n->accepted, member);
}

static void take_list(struct naming *n, const char *member)
{
	const struct cJSON *list = json_get(n->wanted, str_from(member));

	if (json_count(list))
		tree_set(n->arena, n->accepted, member, json_copy(n->arena, list));
	else
		tree_drop(n->accepted, member);
}

static bool has_word(const struct cJSON *list, struct str word)
{
	json_each (item, list)
		if (str_eq(json_str(item), word))
			return true;
	return false;
}

/* Short names are taken all or not at all; several faults are told as one. */
static void take_short_names(struct naming *n)
{
	_cleanup_(buf_done) struct buf faults = BUF_INIT(64 * KIB);
	const struct cJSON *mine = json_get(n->accepted, STR("shortNames"));
	size_t count = 0;

	json_each (word, json_get(n->wanted, STR("shortNames"))) {
		if (has_word(mine, json_str(word)) || !is_used(n, json_str(word), false))
			continue;
		buf_print(&faults, "%s\"%.*s\" is already in use", count++ ? ", " : "",
			STRF(json_str(word)));
	}
	if (!count) {
		take_list(n, "shortNames");
		return;
	}
	n->reason = "ShortNamesConflict";
	n->message = arena_print(n->arena, count > 1 ? "[%.*s]" : "%.*s", STRF(buf_str(&faults)));
}

static void accept_names(struct naming *n)
{
	take_name(n, "plural", false, "PluralConflict");
	take_name(n, "singular", false, "SingularConflict");
	take_short_names(n);
	take_name(n, "kind", true, "KindConflict");
	take_name(n, "listKind", true, "ListKindConflict");
	take_list(n, "categories");
}

/* ---- groups of the community ---- */

static bool is_protected(struct str group)
{
	return str_eq_text(group, "k8s.io") || str_eq_text(group, "kubernetes.io") ||
	       str_ends(group, STR(".k8s.io")) || str_ends(group, STR(".kubernetes.io"));
}

/* As Go reads the URI of a request: absolute, or a path. */
static bool is_address(struct arena *a, struct str text)
{
	struct str problem;
	struct go_url url;

	return go_url_parse(a, text, &url, &problem) && url.scheme.len && url.host.len;
}

static void judge_approval(struct arena *a, struct cJSON *d, int64_t now)
{
	struct str word = json_str(json_get(json_path(d, "metadata.annotations"), STR(APPROVAL)));
	const char *status = "False", *reason;
	struct str message;

	if (!is_protected(tree_str(d, "spec.group"))) {
		drop_condition(d, "KubernetesAPIApprovalPolicyConformant");
		return;
	}
	if (!word.len) {
		reason = "MissingAnnotation";
		message = STR("protected groups must have approval annotation \"" APPROVAL
			      "\", see " APPROVAL_PLACE);
	} else if (str_starts(word, STR("unapproved"))) {
		reason = "UnapprovedAnnotation";
		message = arena_print(a, "not approved: \"%.*s\"", STRF(word));
	} else if (is_address(a, word)) {
		status = "True";
		reason = "ApprovedAnnotation";
		message = arena_print(a, "approved in %.*s", STRF(word));
	} else {
		reason = "InvalidAnnotation";
		message = STR("protected groups must have approval annotation \"" APPROVAL
			      "\" with either a URL or a reason starting with "
			      "\"unapproved\", see " APPROVAL_PLACE);
	}
	definition_set_condition(
		a, d, "KubernetesAPIApprovalPolicyConformant", status, reason, message, now);
}

/* ---- the next step ---- */

static void judge_names(struct arena *a, struct cJSON *d, const struct cJSON *const *others,
	size_t count, int64_t now)
{
	struct naming n = {
		.arena = a, .wanted = json_path(d, "spec.names"), .others = others, .count = count};
	const struct cJSON *accepted = json_path(d, "status.acceptedNames");

	n.accepted = accepted ? json_copy(a, accepted) : json_new(a, JSON_OBJECT);
	accept_names(&n);
	tree_set(a, d, "status.acceptedNames", n.accepted);
	if (n.reason)
		definition_set_condition(a, d, "NamesAccepted", "False", n.reason, n.message, now);
	else
		definition_set_condition(a, d, "NamesAccepted", "True", "NoConflicts",
			STR("no conflicts found"), now);
	if (definition_condition_is_true(d, "Established"))
		return;
	if (!n.reason)
		definition_set_condition(a, d, "Established", "False", "Installing",
			STR("the initial names have been accepted"), now);
	else if (!find_condition(d, "Established"))
		definition_set_condition(a, d, "Established", "False", "NotAccepted",
			STR("not all names are accepted"), now);
}

static void judge_structure(
	struct arena *a, struct cJSON *d, struct definition_faults faults, int64_t now)
{
	if (faults.text.len)
		definition_set_condition(a, d, "NonStructuralSchema",
			faults.unchecked ? "Unknown" : "True",
			faults.unchecked ? "StructuralError" : "Violations", faults.text, now);
	else
		drop_condition(d, "NonStructuralSchema");
}

bool definition_step(struct arena *a, struct cJSON *d, struct definition_faults faults,
	const struct cJSON *const *others, size_t count, int64_t now)
{
	struct cJSON *before = json_copy(a, d);
	bool accepted = definition_condition_is_true(d, "NamesAccepted");

	if (tree_has(d, "metadata.deletionTimestamp"))
		return false;
	judge_names(a, d, others, count, now);
	judge_structure(a, d, faults, now);
	judge_approval(a, d, now);
	if (accepted && definition_condition_is_true(d, "NamesAccepted") &&
		!definition_condition_is_true(d, "Established"))
		definition_set_condition(a, d, "Established", "True", "InitialNamesAccepted",
			STR("the initial names have been accepted"), now);
	return !json_equal(before, d);
}

/* ---- deletion ---- */

void definition_mark_deleted(struct arena *a, struct cJSON *d, int64_t now)
{
	_cleanup_(buf_done) struct buf time = BUF_INIT(64);
	struct cJSON *list = json_path(d, "metadata.finalizers");

	time_print(&time, now / SEC * SEC);
	tree_set_str(a, d, "metadata.deletionTimestamp", buf_str(&time));
	if (!list) {
		list = json_new(a, JSON_ARRAY);
		tree_set(a, d, "metadata.finalizers", list);
	}
	if (!has_word(list, STR(DEFINITION_FINALIZER)))
		json_append(list, json_new_str(a, STR(DEFINITION_FINALIZER)));
	definition_set_condition(a, d, "Terminating", "True", "InstanceDeletionPending",
		STR("CustomResourceDefinition marked for deletion; CustomResource deletion will "
		    "begin soon"),
		now);
}

bool definition_has_finalizer(const struct cJSON *d)
{
	return has_word(json_path(d, "metadata.finalizers"), STR(DEFINITION_FINALIZER));
}

void definition_drop_finalizer(struct cJSON *d)
{
	struct cJSON *list = json_path(d, "metadata.finalizers"), *item = json_first(list);

	while (item) {
		struct cJSON *next = json_next(item);

		if (str_eq_text(json_str(item), DEFINITION_FINALIZER))
			json_remove(list, item);
		item = next;
	}
	if (!json_count(list))
		tree_drop(d, "metadata.finalizers");
}

/* ---- versions on their way out ---- */

struct str definition_deprecation(
	struct arena *a, const struct cJSON *d, const struct cJSON *version)
{
	const struct cJSON *own = json_get(version, STR("deprecationWarning"));
	struct str name = tree_str(version, "name"), group = tree_str(d, "spec.group");
	struct str kind = tree_str(d, "spec.names.kind"), best = {0};

	if (!tree_true(version, "deprecated"))
		return STR("");
	if (own)
		return arena_str(a, json_str(own));
	json_each (other, json_path(d, "spec.versions")) {
		struct str other_name = tree_str(other, "name");

		if (tree_true(other, "served") && !tree_true(other, "deprecated") &&
			api_version_compare(other_name, best.len ? best : name) > 0)
			best = other_name;
	}
	struct str words =
		arena_print(a, "%.*s/%.*s %.*s is deprecated", STRF(group), STRF(name), STRF(kind));
	if (!best.len)
		return words;
	return arena_print(
		a, "%.*s; use %.*s/%.*s %.*s", STRF(words), STRF(group), STRF(best), STRF(kind));
}
