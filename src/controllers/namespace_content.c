/* What is left of a namespace, in upstream's words. */
#include "namespace_content.h"

#include "workload.h"

#include <stdlib.h>

#define SOONEST  (500 * MSEC)
#define LATEST   (15 * SEC)
#define TEXT_MAX (32 * KIB) /* of a message */

static void add_count(struct arena *a, struct content_count **list, size_t *count, size_t *cap,
	struct str name, int64_t n)
{
	for (size_t i = 0; i < *count; i++) {
		if (!str_eq((*list)[i].name, name))
			continue;
		(*list)[i].count += n;
		return;
	}
	if (*count == *cap) {
		size_t more = *cap ? *cap * 2 : 8;
		struct content_count *grown = arena_alloc(a, more * sizeof(*grown));

		if (*count)
			memcpy(grown, *list, *count * sizeof(*grown));
		*list = grown;
		*cap = more;
	}
	(*list)[(*count)++] = (struct content_count){arena_str(a, name), n};
}

void namespace_note_resource(struct namespace_content *c, const struct resource *r, int64_t left)
{
	struct str name = arena_print(c->arena, "%.*s.%.*s", STRF(r->plural), STRF(r->group));

	add_count(c->arena, &c->resources, &c->resource_count, &c->resource_cap, name, left);
}

void namespace_note_finalizer(struct namespace_content *c, struct str name)
{
	add_count(c->arena, &c->finalizers, &c->finalizer_count, &c->finalizer_cap, name, 1);
}

void namespace_note_error(struct namespace_content *c, struct str text)
{
	if (c->error_count == c->error_cap) {
		size_t cap = c->error_cap ? c->error_cap * 2 : 8;
		struct str *errors = arena_alloc(c->arena, cap * sizeof(*errors));

		if (c->error_count)
			memcpy(errors, c->errors, c->error_count * sizeof(*errors));
		c->errors = errors;
		c->error_cap = cap;
	}
	c->errors[c->error_count++] = arena_str(c->arena, text);
}

int64_t namespace_pod_grace(const struct cJSON *pod, int64_t deleted, int64_t now)
{
	int64_t grace = tree_int(pod, "spec.terminationGracePeriodSeconds", 0);

	if (pod_is_finished(pod) || now - deleted >= grace * SEC)
		return 0;
	return grace;
}

bool namespace_is_empty(const struct namespace_content *c)
{
	return !c->resource_count && !c->finalizer_count && !c->error_count && !c->estimate &&
	       !c->undiscovered_count;
}

/* ---- conditions ---- */

struct row {
	const char *type, *status, *reason;
	struct str message;
};

static int by_name(const void *left, const void *right)
{
	const struct content_count *a = left, *b = right;

	return str_cmp(a->name, b->name);
}

static struct str counts_text(
	struct arena *a, const struct content_count *list, size_t count, const char *format)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	struct content_count *sorted = arena_copy(a, list, count * sizeof(*list));

	qsort(sorted, count, sizeof(*sorted), by_name);
	for (size_t i = 0; i < count; i++)
		buf_print(&text, "%s%.*s %s %lld resource instances", i ? ", " : "",
			STRF(sorted[i].name), format, (long long)sorted[i].count);
	return arena_str(a, buf_str(&text));
}

static struct str errors_text(struct arena *a, const struct namespace_content *c)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

	for (size_t i = 0; i < c->error_count; i++) {
		buf_print(&text, "%s", i ? ", " : "");
		buf_add_str(&text, c->errors[i]);
	}
	return arena_str(a, buf_str(&text));
}

static void discovery_rows(struct arena *a, const struct namespace_content *c, struct row *rows)
{
	rows[0] = (struct row){"NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered",
		STR("All resources successfully discovered")};
	rows[1] = (struct row){"NamespaceDeletionGroupVersionParsingFailure", "False",
		"ParsedGroupVersions", STR("All legacy kube types successfully parsed")};
	if (!c->undiscovered_count)
		return;
	rows[0].status = "True";
	rows[0].reason = "DiscoveryFailed";
	rows[0].message = arena_print(a,
		"Discovery failed for some groups, %zu failing: unable to retrieve the complete "
		"list of server APIs: %.*s",
		c->undiscovered_count, STRF(c->undiscovered));
}

static void content_rows(struct arena *a, const struct namespace_content *c, struct row *rows)
{
	rows[0] = (struct row){"NamespaceDeletionContentFailure", "False", "ContentDeleted",
		STR("All content successfully deleted, may be waiting on finalization")};
	rows[1] = (struct row){"NamespaceContentRemaining", "False", "ContentRemoved",
		STR("All content successfully removed")};
	rows[2] = (struct row){"NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers",
		STR("All content-preserving finalizers finished")};
	if (c->error_count) {
		rows[0].status = "True";
		rows[0].reason = "ContentDeletionFailed";
		rows[0].message =
			arena_print(a, "Failed to delete all resource types, %zu remaining: %.*s",
				c->error_count, STRF(errors_text(a, c)));
	}
	if (c->resource_count) {
		rows[1].status = "True";
		rows[1].reason = "SomeResourcesRemain";
		rows[1].message = arena_print(a, "Some resources are remaining: %.*s",
			STRF(counts_text(a, c->resources, c->resource_count, "has")));
	}
	if (c->finalizer_count) {
		rows[2].status = "True";
		rows[2].reason = "SomeFinalizersRemain";
		rows[2].message = arena_print(a,
			"Some content in the namespace has finalizers remaining: %.*s",
			STRF(counts_text(a, c->finalizers, c->finalizer_count, "in")));
	}
}

/* A condition that says the same keeps its time; so does one that only says it otherwise. */
static bool set_row(struct arena *a, struct cJSON *conditions, const struct row *row, int64_t now)
{
	struct cJSON *old = condition_find(conditions, row->type);
	bool same_status = old && str_eq_text(tree_str(old, "status"), row->status);

	if (same_status && str_eq_text(tree_str(old, "reason"), row->reason) &&
		str_eq(tree_str(old, "message"), row->message))
		return false;
	struct cJSON *c = old ? old : json_new(a, JSON_OBJECT);
	tree_set_str(a, c, "type", str_from(row->type));
	tree_set_str(a, c, "status", str_from(row->status));
	if (!same_status)
		tree_set_str(a, c, "lastTransitionTime", time_text(a, now));
	tree_set_str(a, c, "reason", str_from(row->reason));
	tree_set_str(a, c, "message", row->message);
	if (!old)
		json_append(conditions, c);
	return true;
}

bool namespace_set_conditions(
	struct arena *a, struct cJSON *namespace, const struct namespace_content *c, int64_t now)
{
	struct cJSON *conditions = json_path(namespace, "status.conditions");
	struct row rows[5];
	bool changed = false;

	discovery_rows(a, c, rows);
	content_rows(a, c, &rows[2]);
	if (!conditions) {
		conditions = json_new(a, JSON_ARRAY);
		tree_set(a, namespace, "status.conditions", conditions);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		changed |= set_row(a, conditions, &rows[i], now);
	return changed;
}

/* ---- the end, or another look ---- */

bool namespace_finalize(struct arena *a, struct cJSON *namespace)
{
	struct cJSON *kept = json_new(a, JSON_ARRAY);
	bool found = false;

	json_each (f, json_path(namespace, "spec.finalizers")) {
		if (str_eq(json_str(f), STR("kubernetes")))
			found = true;
		else
			json_append(kept, json_copy(a, f));
	}
	if (found)
		tree_set(a, namespace, "spec.finalizers", kept);
	return found;
}

int64_t namespace_look_again(const struct cJSON *namespace, int64_t now)
{
	int64_t deleted = now;

	time_of(namespace, "metadata.deletionTimestamp", &deleted);
	int64_t wait = (now - deleted) / 4;
	return MIN(MAX(wait, SOONEST), LATEST);
}
