#include "log_file_private.h"

#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#include <fcntl.h>

#define FULL_CHECK_MAX (64 * MIB) /* larger files are not read through after a crash */
#define COPY_AGE       (24 * HOUR)

/* ---- errors ---- */

int log_file_error(struct log_file *f, struct err *err, int code, const char *what)
{
	const char *text = f->db ? sqlite3_errmsg(f->db) : sqlite3_errstr(code);
	int mine = ERR_IO;

	switch (code & 0xff) {
	case SQLITE_FULL:
		mine = ERR_NO_SPACE;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		mine = ERR_REFUSED;
		text = "another process is using it";
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		f->damaged = true;
		break;
	}
	return err_set(err, mine, "%s %s: %s", what, f->path, text);
}

static int run(struct log_file *f, const char *sql, struct err *err)
{
	int code = sqlite3_exec(f->db, sql, NULL, NULL, NULL);

	return code ? log_file_error(f, err, code, "using") : 0;
}

/* ---- opening ---- */

static int number(struct log_file *f, const char *sql, int64_t *value, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(f->db, sql, -1, &s, NULL);

	if (!code)
		code = sqlite3_step(s);
	if (code == SQLITE_ROW)
		*value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	if (code == SQLITE_ROW || code == SQLITE_DONE)
		return 0;
	return log_file_error(f, err, code, "reading");
}

static int prepare(struct log_file *f, struct err *err)
{
	static const char insert[] =
		"INSERT INTO log(rev, bucket, key, value, expires) VALUES(?, ?, ?, ?, ?)";
	int code =
		sqlite3_prepare_v3(f->db, insert, -1, SQLITE_PREPARE_PERSISTENT, &f->insert, NULL);

	if (!code)
		code = sqlite3_prepare_v3(f->db, "DELETE FROM log WHERE rev = ?", -1,
			SQLITE_PREPARE_PERSISTENT, &f->drop, NULL);
	if (!code)
		code = sqlite3_prepare_v3(f->db,
			"UPDATE numbers SET revision = ?, ceiling = ?, compacted = ?, clean = ?",
			-1, SQLITE_PREPARE_PERSISTENT, &f->set, NULL);
	return code ? log_file_error(f, err, code, "opening") : 0;
}

static int make_tables(struct log_file *f, struct err *err)
{
	_cleanup_(mem_done) char *sql = mem_print(
		"BEGIN;"
		"CREATE TABLE IF NOT EXISTS log(rev INTEGER PRIMARY KEY, bucket TEXT NOT NULL,"
		" key TEXT NOT NULL, value BLOB, expires INTEGER NOT NULL);"
		"CREATE TABLE IF NOT EXISTS numbers(revision INTEGER, ceiling INTEGER,"
		" compacted INTEGER, clean INTEGER);"
		"INSERT INTO numbers SELECT 1, 1, 1, 1 WHERE NOT EXISTS (SELECT 1 FROM numbers);"
		"PRAGMA user_version = %d;"
		"COMMIT;",
		LOG_SCHEMA_VERSION);

	return run(f, sql, err);
}

static int read_numbers(struct log_file *f, struct log_numbers *n, struct err *err)
{
	int64_t clean = 0;
	int code = number(f, "SELECT revision FROM numbers", &n->revision, err);

	if (!code)
		code = number(f, "SELECT ceiling FROM numbers", &n->ceiling, err);
	if (!code)
		code = number(f, "SELECT compacted FROM numbers", &n->compacted, err);
	if (!code)
		code = number(f, "SELECT clean FROM numbers", &clean, err);
	n->clean = clean != 0;
	return code;
}

/*
 * SQLite says of a page that could not be read the same way that the file is not in order, with
 * the error's code in the text. A disk that fails says nothing about what is on it.
 */
static bool is_unread(struct str said)
{
	return str_find(said, STR("error code=")) >= 0 ||
	       str_find(said, STR("failed to get page")) >= 0 ||
	       str_find(said, STR("Failed to read")) >= 0;
}

/* Pages that fit together. */
static int check_pages(struct log_file *f, struct err *err)
{
	sqlite3_stmt *s = NULL;
	bool unread = false;
	int code = sqlite3_prepare_v2(f->db, "PRAGMA quick_check(1)", -1, &s, NULL);

	if (!code && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct str said = str_from((const char *)sqlite3_column_text(s, 0));

		unread = is_unread(said);
		f->damaged |= !unread && !str_eq(said, STR("ok"));
	}
	sqlite3_finalize(s);
	if (code != SQLITE_ROW)
		return log_file_error(f, err, code, "checking");
	if (unread)
		return err_set(err, ERR_IO, "%s cannot be read", f->path);
	return f->damaged ? err_set(err, ERR_IO, "%s is damaged", f->path) : 0;
}

int log_file_check(struct log_file *f, struct err *err)
{
	int64_t foreign = 0;
	int code = number(f,
		"SELECT count(*) FROM sqlite_master"
		" WHERE type <> 'table' OR name NOT IN ('log', 'numbers')",
		&foreign, err);

	if (!code && foreign)
		return err_set(err, ERR_IO, "%s has more in it than kube's tables", f->path);
	return code ? code : check_pages(f, err);
}

static int open_db(struct log_file *f, bool no_sync, struct log_numbers *numbers, struct err *err)
{
	int64_t version = 0, rewritten = 0;
	int code = sqlite3_open_v2(f->path, &f->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		disk_vfs_name(f->vfs));

	if (code)
		return log_file_error(f, err, code, "opening");
	sqlite3_extended_result_codes(f->db, 1);
	sqlite3_limit(f->db, SQLITE_LIMIT_LENGTH, (int)(64 * MIB));
	code = run(f,
		"PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
		"PRAGMA secure_delete = FAST; PRAGMA cache_size = -512;"
		"PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 4194304;",
		err);
	if (!code)
		code = run(
			f, no_sync ? "PRAGMA synchronous = OFF" : "PRAGMA synchronous = FULL", err);
	if (!code)
		code = number(f, "PRAGMA user_version", &version, err);
	if (!code)
		code = number(f, "PRAGMA application_id", &rewritten, err);
	f->rewritten = rewritten;
	if (code)
		return code;
	if (version > LOG_SCHEMA_VERSION)
		return err_set(err, ERR_UNSUPPORTED,
			"%s was written by a newer version of kube (schema %lld, this one knows "
			"%d)",
			f->path, (long long)version, LOG_SCHEMA_VERSION);
	if (version == 0)
		code = make_tables(f, err);
	if (!code)
		code = read_numbers(f, numbers, err);
	/* After a crash all of them, where that is quick. */
	if (!code && !numbers->clean && log_file_size(f) <= (int64_t)FULL_CHECK_MAX)
		code = check_pages(f, err);
	return code ? code : prepare(f, err);
}

static void close_db(struct log_file *f)
{
	sqlite3_finalize(f->insert);
	sqlite3_finalize(f->drop);
	sqlite3_finalize(f->set);
	sqlite3_close(f->db);
	f->db = NULL;
	f->insert = f->drop = f->set = NULL;
}

static void file_free(struct log_file *f)
{
	close_db(f);
	disk_vfs_free(f->vfs);
	mem_free(f->path);
	mem_free(f->good_path);
	mem_free(f);
}

/* A power cut in the middle of a fall-back may have left only a part of what it moves. */
static int move_aside(struct disk *disk, const char *from, const char *to, struct err *err)
{
	int code = disk->ops->rename(disk, from, to, err);

	if (code != ERR_NOT_FOUND)
		return code;
	err_done(err);
	return 0;
}

static bool disk_lacks(struct disk *disk, const char *path)
{
	_cleanup_(err_done) struct err err = {0};

	return disk->ops->changed(disk, path, &err) == ERR_NOT_FOUND;
}

static bool fell_half_back(struct log_file *f)
{
	return disk_lacks(f->disk, f->path) && !disk_lacks(f->disk, f->good_path);
}

/* Puts the damaged file aside and the last good copy in its place. */
static int fall_back(struct log_file *f, struct err *err)
{
	_cleanup_(mem_done) char *aside = mem_print("%s.damaged", f->path);
	_cleanup_(mem_done) char *wal = mem_print("%s-wal", f->path);
	_cleanup_(mem_done) char *aside_wal = mem_print("%s-wal", aside);
	struct disk *disk = f->disk;

	if (disk->ops->changed(disk, f->good_path, NULL) < 0)
		return err_wrap(err, ERR_IO,
			"there is no last good copy (%s): restore a backup, or move the file away",
			f->good_path);
	log_warning(err, "the store is damaged: taking the last good copy, changes since are lost",
		LOG_TEXT("damaged", aside), LOG_TEXT("copy", f->good_path));
	err_done(err);
	int code = move_aside(disk, f->path, aside, err);
	if (!code)
		code = move_aside(disk, wal, aside_wal, err);
	if (!code)
		code = disk->ops->rename(disk, f->good_path, f->path, err);
	return code ? err_wrap(err, code, "putting %s in place", f->good_path) : 0;
}

static struct log_file *file_new(struct disk *disk, const char *dir)
{
	struct log_file *f = mem_new(sizeof(*f));

	f->disk = disk;
	f->vfs = disk_vfs_new(disk);
	f->path = mem_print("%s/state.db", dir);
	f->good_path = mem_print("%s/state.db.good", dir);
	return f;
}

int log_file_open(struct disk *disk, const char *dir, bool no_sync, struct log_file **file,
	struct log_numbers *numbers, struct err *err)
{
	struct log_file *f = file_new(disk, dir);
	_cleanup_(err_done) struct err inner = {0};

	f->damaged = fell_half_back(f);
	int code = f->damaged ? err_set(&inner, ERR_IO, "%s is not there", f->path)
			      : open_db(f, no_sync, numbers, &inner);
	/* A call that failed says nothing about the file: the next start may read all of it. */
	if (f->damaged) {
		close_db(f);
		code = fall_back(f, &inner);
		if (!code)
			code = open_db(f, no_sync, numbers, &inner);
	}
	if (code) {
		file_free(f);
		return err_move(err, &inner);
	}
	*file = f;
	return 0;
}

int log_file_open_as_is(struct disk *disk, const char *dir, struct log_file **file,
	struct log_numbers *numbers, struct err *err)
{
	struct log_file *f = file_new(disk, dir);
	int code = disk->ops->changed(disk, f->path, err) < 0
			   ? err_set(err, ERR_NOT_FOUND, "%s is not there", f->path)
			   : open_db(f, false, numbers, err);

	if (code)
		file_free(f);
	else
		*file = f;
	return code;
}

/* ---- reading ---- */

static struct str column(sqlite3_stmt *s, int i)
{
	const char *at = sqlite3_column_blob(s, i);

	return str_make(at, (size_t)sqlite3_column_bytes(s, i));
}

int log_file_read(struct log_file *f, log_row_fn *row, void *ctx, struct err *err)
{
	return log_file_read_some(f, -1, -1, row, ctx, err);
}

int log_file_read_some(struct log_file *f, int64_t behind, int64_t count, log_row_fn *row,
	void *ctx, struct err *err)
{
	sqlite3_stmt *s = NULL;
	int code = sqlite3_prepare_v2(f->db,
		"SELECT rev, bucket, key, value, expires FROM log WHERE rev > ? ORDER BY rev "
		"LIMIT ?",
		-1, &s, NULL);

	if (!code)
		code = sqlite3_bind_int64(s, 1, behind);
	if (!code)
		code = sqlite3_bind_int64(s, 2, count);
	while (!code && (code = sqlite3_step(s)) == SQLITE_ROW) {
		struct log_row r = {.revision = sqlite3_column_int64(s, 0),
			.bucket = column(s, 1),
			.key = column(s, 2),
			.text = column(s, 3),
			.expires = sqlite3_column_int64(s, 4)};

		code = row(ctx, &r);
	}
	sqlite3_finalize(s);
	if (code < 0) /* the caller's own */
		return code;
	return code == SQLITE_DONE ? 0 : log_file_error(f, err, code, "reading");
}

/* ---- writing ---- */

static int step(sqlite3_stmt *s)
{
	int code = sqlite3_step(s);

	sqlite3_reset(s);
	return code == SQLITE_DONE ? 0 : code;
}

static int insert_row(struct log_file *f, const struct log_row *r)
{
	sqlite3_bind_int64(f->insert, 1, r->revision);
	sqlite3_bind_text(f->insert, 2, r->bucket.at, (int)r->bucket.len, SQLITE_STATIC);
	sqlite3_bind_text(f->insert, 3, r->key.at, (int)r->key.len, SQLITE_STATIC);
	if (r->text.at)
		sqlite3_bind_blob(f->insert, 4, r->text.at, (int)r->text.len, SQLITE_STATIC);
	else
		sqlite3_bind_null(f->insert, 4);
	sqlite3_bind_int64(f->insert, 5, r->expires);
	return step(f->insert);
}

static int write_all(struct log_file *f, const struct log_batch *b)
{
	int code = sqlite3_exec(f->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	for (size_t i = 0; !code && i < b->row_count; i++)
		code = insert_row(f, &b->rows[i]);
	for (size_t i = 0; !code && i < b->drop_count; i++) {
		sqlite3_bind_int64(f->drop, 1, b->drops[i]);
		code = step(f->drop);
	}
	if (!code) {
		sqlite3_bind_int64(f->set, 1, b->numbers.revision);
		sqlite3_bind_int64(f->set, 2, b->numbers.ceiling);
		sqlite3_bind_int64(f->set, 3, b->numbers.compacted);
		sqlite3_bind_int(f->set, 4, b->numbers.clean);
		code = step(f->set);
	}
	return code ? code : sqlite3_exec(f->db, "COMMIT", NULL, NULL, NULL);
}

int log_file_write(struct log_file *f, const struct log_batch *batch, struct err *err)
{
	int code = write_all(f, batch);

	if (!code)
		return 0;
	code = log_file_error(f, err, code, "writing");
	if (!sqlite3_get_autocommit(f->db))
		sqlite3_exec(f->db, "ROLLBACK", NULL, NULL, NULL);
	return code;
}

/* ---- the end ---- */

int64_t log_file_size(struct log_file *f)
{
	sqlite3_file *file = NULL;
	sqlite3_int64 size = 0;

	if (sqlite3_file_control(f->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) || !file ||
		file->pMethods->xFileSize(file, &size))
		return 0;
	return size;
}

static bool copy_is_old(struct log_file *f)
{
	struct disk *disk = f->disk;
	int64_t good = disk->ops->changed(disk, f->good_path, NULL);

	return good < 0 || disk->ops->changed(disk, f->path, NULL) - good > COPY_AGE;
}

void log_file_close(struct log_file *f, bool good)
{
	_cleanup_(err_done) struct err err = {0};

	if (!f)
		return;
	if (good && copy_is_old(f) && log_file_copy(f, f->good_path, &err))
		log_warning(&err, "the last good copy of the store was not renewed");
	if (f->db)
		sqlite3_wal_checkpoint_v2(f->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	file_free(f);
}
