/* A store that no server has open: copied, checked, and made to begin anew elsewhere. */
#include "log_file.h"

#include <kube/json.h>
#include <kube/store.h>

/* Above what years of writing reach; adding to it cannot overflow. */
#define REVISION_MAX (INT64_MAX / 4)

int store_offline_revision(struct disk *disk, const char *dir, int64_t *revision, struct err *err)
{
	struct log_numbers numbers;
	struct log_file *file;
	int code = log_file_open_as_is(disk, dir, &file, &numbers, err);

	if (code)
		return code;
	*revision = MAX(numbers.revision, numbers.ceiling);
	log_file_close(file, false);
	return 0;
}

int store_offline_copy(struct disk *disk, const char *dir, const char *path, struct err *err)
{
	struct log_numbers numbers;
	struct log_file *file;
	int code = log_file_open_as_is(disk, dir, &file, &numbers, err);

	if (code)
		return code;
	code = log_file_copy(file, path, err);
	log_file_close(file, false);
	return code;
}

struct rows {
	struct arena scratch;
	int64_t last;
	bool wrong;
	char where[200];
};

/* What is read at a start is not looked at twice: here it is, once. */
static bool is_written_by_us(struct arena *scratch, const struct log_row *row)
{
	struct cJSON *tree = NULL;
	struct draft d;

	if (row->revision <= 0)
		return false;
	if (!row->text.at || str_starts(row->text, STR(SEALED_PREFIX)))
		return true; /* who has the key sees it at the start */
	if (json_parse(scratch, row->text, NULL, &tree, NULL) || !json_is(tree, JSON_OBJECT) ||
		!json_is(json_get(tree, STR("metadata")), JSON_OBJECT))
		return false;
	draft_from_tree(&d, tree);
	struct object *o = object_new(&d, row->revision);
	bool same = str_eq(object_text(o), row->text);
	object_unref(o);
	draft_done(&d);
	return same;
}

static int see_row(void *ctx, const struct log_row *row)
{
	struct rows *rows = ctx;

	arena_reset(&rows->scratch);
	rows->last = row->revision;
	if (!rows->wrong && !is_written_by_us(&rows->scratch, row)) {
		size_t len = MIN(row->key.len, sizeof(rows->where) - 1);

		rows->wrong = true;
		if (len)
			memcpy(rows->where, row->key.at, len);
	}
	return 0;
}

/* The last revision of it. */
static int check_rows(struct log_file *file, int64_t *last, struct err *err)
{
	struct rows rows = {0};

	arena_init(&rows.scratch);
	int code = log_file_read(file, see_row, &rows, err);
	arena_done(&rows.scratch);
	if (!code && rows.wrong)
		code = err_set(err, ERR_INVALID, "what stands at \"%s\" is no object of kube's",
			rows.where);
	*last = rows.last;
	return code;
}

/*
 * Whoever was somewhere in a history that this store does not know must not meet a revision of
 * his again: counting goes on far behind all of it, and everything before is too old to be asked
 * for, so that he lists anew.
 */
int store_offline_renew(
	struct disk *disk, const char *dir, int64_t behind, int64_t *revision, struct err *err)
{
	struct log_batch batch = {0};
	struct log_numbers numbers;
	struct log_file *file;
	int64_t last = 0;
	int code = log_file_open_as_is(disk, dir, &file, &numbers, err);

	if (code)
		return code;
	code = log_file_check(file, err);
	if (!code)
		code = check_rows(file, &last, err);
	last = MAX(last, numbers.revision);
	last = MAX(last, numbers.ceiling);
	if (!code && (last > REVISION_MAX || behind > REVISION_MAX))
		code = err_set(err, ERR_INVALID, "its revisions are beyond all bounds");
	if (!code) {
		*revision = MAX(last, behind) + STORE_RENEWAL_STEP;
		batch.numbers = (struct log_numbers){.revision = *revision,
			.ceiling = *revision,
			.compacted = *revision,
			.clean = true};
		code = log_file_write(file, &batch, err);
	}
	log_file_close(file, false);
	return code;
}
