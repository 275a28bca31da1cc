/*
 * Texts of rows that are to lie there otherwise: sealed, or sealed by another key. What they said
 * before is still to be found then: in pages that are free, between rows where others have moved,
 * in the WAL, in the last good copy. A note in the file says so until that is cleansed.
 */
#include "log_file_private.h"

#define NOTED "PRAGMA application_id = 1" /* in the file's head, and part of the transaction */
#define CLEAN "PRAGMA application_id = 0"

static int step(sqlite3_stmt *s)
{
	int code = sqlite3_step(s);

	sqlite3_reset(s);
	return code == SQLITE_DONE ? 0 : code;
}

static struct str column(sqlite3_stmt *s, int i)
{
	const char *at = sqlite3_column_blob(s, i);

	return (struct str){at, (size_t)sqlite3_column_bytes(s, i)};
}

struct rewriting {
	sqlite3_stmt *find, *set;
	log_text_fn *text;
	void *ctx;
};

static int rewrite_row(struct rewriting *w, int64_t revision, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(SIZE_MAX);
	int code;

	sqlite3_bind_int64(w->find, 1, revision);
	code = sqlite3_step(w->find);
	if (code == SQLITE_ROW) {
		struct log_row r = {.revision = revision,
			.bucket = column(w->find, 0),
			.key = column(w->find, 1),
			.text = column(w->find, 2)};

		code = r.text.at ? w->text(w->ctx, &r, &out, err) : 0;
	} else if (code == SQLITE_DONE) {
		code = 0;
	}
	sqlite3_reset(w->find);
	if (code || !out.len)
		return code;
	sqlite3_bind_blob(w->set, 1, out.at, (int)out.len, SQLITE_STATIC);
	sqlite3_bind_int64(w->set, 2, revision);
	return step(w->set);
}

static int rewrite_all(struct log_file *f, struct rewriting *w, const int64_t *revisions,
	size_t count, struct err *err)
{
	int code;

	code = sqlite3_exec(f->db, "BEGIN IMMEDIATE;" NOTED, NULL, NULL, NULL);
	for (size_t i = 0; i < count && !code; i++)
		code = rewrite_row(w, revisions[i], err);
	if (!code)
		code = sqlite3_exec(f->db, "COMMIT", NULL, NULL, NULL);
	return code;
}

int log_file_rewrite(struct log_file *f, const int64_t *revisions, size_t count, log_text_fn *text,
	void *ctx, struct err *err)
{
	struct rewriting w = {.text = text, .ctx = ctx};
	int code = sqlite3_prepare_v2(
		f->db, "SELECT bucket, key, value FROM log WHERE rev = ?", -1, &w.find, NULL);

	if (!code)
		code = sqlite3_prepare_v2(
			f->db, "UPDATE log SET value = ? WHERE rev = ?", -1, &w.set, NULL);
	if (!code)
		code = rewrite_all(f, &w, revisions, count, err);
	sqlite3_finalize(w.find);
	sqlite3_finalize(w.set);
	f->rewritten |= !code && count;
	if (code > 0)
		code = log_file_error(f, err, code, "rewriting");
	if (code && !sqlite3_get_autocommit(f->db))
		sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

/*
 * All pages are written anew, with nothing in them but what counts. It happens in memory, where a
 * temporary file would be one more that holds it.
 */
static int write_pages(struct log_file *f)
{
	int code = sqlite3_exec(f->db, "PRAGMA temp_store = MEMORY; VACUUM;", NULL, NULL, NULL);

	if (!code)
		code = sqlite3_wal_checkpoint_v2(
			f->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	return code;
}

int log_file_cleanse(struct log_file *f, struct err *err)
{
	int code;

	if (!f->rewritten)
		return 0;
	code = write_pages(f);
	if (code)
		return log_file_error(f, err, code, "cleansing");
	code = log_file_copy(f, f->good_path, err);
	if (code)
		return code;
	code = sqlite3_exec(f->db, CLEAN, NULL, NULL, NULL);
	if (code)
		return log_file_error(f, err, code, "cleansing");
	f->rewritten = false;
	return 0;
}
