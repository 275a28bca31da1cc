/* A store that no server has open: copied, checked, and made to begin anew elsewhere. */
#include "log_file.h"

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

struct last {
	int64_t revision;
};

static int see_row(void *ctx, const struct log_row *row)
{
	((struct last *)ctx)->revision = row->revision;
	return 0;
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
	struct last last = {0};
	int code = log_file_open_as_is(disk, dir, &file, &numbers, err);

	if (code)
		return code;
	code = log_file_check(file, err);
	if (!code)
		code = log_file_read(file, see_row, &last, err);
	last.revision = MAX(last.revision, numbers.revision);
	last.revision = MAX(last.revision, numbers.ceiling);
	if (!code && (last.revision < 0 || last.revision > REVISION_MAX || behind > REVISION_MAX))
		code = err_set(err, ERR_INVALID, "its revisions are beyond all bounds");
	if (!code) {
		*revision = MAX(last.revision, behind) + STORE_RENEWAL_STEP;
		batch.numbers = (struct log_numbers){.revision = *revision,
			.ceiling = *revision,
			.compacted = *revision,
			.clean = true};
		code = log_file_write(file, &batch, err);
	}
	log_file_close(file, false);
	return code;
}
