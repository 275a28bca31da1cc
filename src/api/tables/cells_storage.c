/* Volumes, claims, drivers, quotas, devices. */
#include "cells_own.h"

#include <kube/time.h>

/* ---- access modes ---- */

static struct str mode_short(struct str mode)
{
	static const char *const names[][2] = {{"ReadWriteOnce", "RWO"}, {"ReadOnlyMany", "ROX"},
		{"ReadWriteMany", "RWX"}, {"ReadWriteOncePod", "RWOP"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq_text(mode, names[i][0]))
			return str_from(names[i][1]);
	return (struct str){0};
}

/* Always in the same order, each once. */
void cell_access_modes(struct table_row *row, const char *argument)
{
	static const char *const order[] = {
		"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod", NULL};
	struct joined j;

	joined_init(&j, ",", 0);
	for (size_t i = 0; order[i]; i++)
		json_each (mode, json_path(row->object, argument))
			if (str_eq_text(json_str(mode), order[i])) {
				joined_add(&j, mode_short(json_str(mode)));
				break;
			}
	joined_end(&j, row, "");
}

void cell_bound_modes(struct table_row *row, const char *argument)
{
	(void)argument;
	if (tree_str(row->object, "spec.volumeName").len)
		cell_access_modes(row, "status.accessModes");
	else
		row_add(row, STR(""));
}

void cell_bound_capacity(struct table_row *row, const char *argument)
{
	(void)argument;
	row_add(row, tree_str(row->object, "spec.volumeName").len
			     ? tree_str(row->object, "status.capacity.storage")
			     : STR(""));
}

void cell_claim(struct table_row *row, const char *argument)
{
	const struct cJSON *claim = json_path(row->object, "spec.claimRef");

	(void)argument;
	if (!claim)
		row_add(row, STR(""));
	else
		row_add(row,
			arena_print(row->arena, "%.*s/%.*s", STRF(tree_str(claim, "namespace")),
				STRF(tree_str(claim, "name"))));
}

/* The annotation of old times goes before the field. */
void cell_storage_class(struct table_row *row, const char *argument)
{
	const struct cJSON *annotations = json_path(row->object, "metadata.annotations");
	const struct cJSON *old =
		json_get(annotations, STR("volume.beta.kubernetes.io/storage-class"));

	(void)argument;
	row_add(row, old ? json_str(old) : tree_str(row->object, "spec.storageClassName"));
}

void cell_token_requests(struct table_row *row, const char *argument)
{
	const struct cJSON *requests = json_path(row->object, "spec.tokenRequests");
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 0);
	json_each (request, requests)
		joined_add(&j, tree_str(request, "audience"));
	joined_end(&j, row, requests ? "" : "<unset>");
}

/* ---- quotas ---- */

void cell_quota(struct table_row *row, const char *argument)
{
	const struct cJSON *used = json_path(row->object, "status.used");
	bool limits = str_eq_text(str_from(argument), "limits");
	struct joined j;

	joined_init(&j, ", ", 0);
	json_each (hard, json_path(row->object, "status.hard")) {
		struct str name = json_key(hard);

		if (str_starts(name, STR("limits.")) == limits) {
			struct str now = json_str(json_get(used, name));

			joined_add(
				&j, arena_print(row->arena, "%.*s: %.*s/%.*s", STRF(name),
					    STRF(now.len ? now : STR("0")), STRF(json_str(hard))));
		}
	}
	joined_end(&j, row, "");
}

/* ---- devices ---- */

void cell_claim_state(struct table_row *row, const char *argument)
{
	bool deleted = tree_has(row->object, "metadata.deletionTimestamp");
	bool allocated = tree_has(row->object, "status.allocation");
	struct joined j;

	(void)argument;
	joined_init(&j, ",", 0);
	if (deleted)
		joined_add(&j, STR("deleted"));
	if (allocated)
		joined_add(&j, STR("allocated"));
	else if (!deleted)
		joined_add(&j, STR("pending"));
	if (json_count(json_path(row->object, "status.reservedFor")))
		joined_add(&j, STR("reserved"));
	joined_end(&j, row, "");
}

static bool pool_known(const struct table_row *row)
{
	const struct cJSON *failed = row_condition(row, "Failed");

	return tree_has(row->object, "status") && !str_eq_text(tree_str(failed, "status"), "True");
}

void cell_pool_sum(struct table_row *row, const char *argument)
{
	int64_t sum = 0;

	json_each (pool, json_path(row->object, "status.pools"))
		sum += tree_int(pool, argument, 0);
	row_add(row, pool_known(row) ? arena_print(row->arena, "%lld", (long long)sum) : STR("-"));
}

void cell_pool_errors(struct table_row *row, const char *argument)
{
	size_t errors = 0;

	(void)argument;
	json_each (pool, json_path(row->object, "status.pools"))
		errors += tree_str(pool, "validationError").len > 0;
	row_add(row, pool_known(row) ? arena_print(row->arena, "%zu", errors) : STR("-"));
}

void cell_pool_status(struct table_row *row, const char *argument)
{
	long long count = tree_int(row->object, "status.poolCount", 0);
	size_t shown = json_count(json_path(row->object, "status.pools"));

	(void)argument;
	if (str_eq_text(tree_str(row_condition(row, "Failed"), "status"), "True"))
		row_add(row, STR("Failed"));
	else if (!str_eq_text(tree_str(row_condition(row, "Complete"), "status"), "True"))
		row_add(row, STR("Pending"));
	else if ((long long)shown < count)
		row_add(row, arena_print(row->arena, "Complete (%zu/%lld pools)", shown, count));
	else
		row_add(row, STR("Complete"));
}

void cell_pool_completed(struct table_row *row, const char *argument)
{
	const struct cJSON *complete = row_condition(row, "Complete");

	(void)argument;
	row_add_since(row, tree_str(complete, "lastTransitionTime"), STR("<none>"));
}
