/*
 * Copies of the store's file. SQLite copies page by page through the one connection that writes,
 * so that what is written meanwhile goes into both; between two steps the file is anybody's.
 */
#include "log_file_private.h"

#include <kube/mem.h>

#include <fcntl.h>

struct log_copy {
	struct log_file *from;
	char *path, *part;
	sqlite3 *db;
	sqlite3_backup *backup;
};

/* Nothing of it is relied on before it is whole and has been settled: no journal, no syncs. */
static int open_part(struct log_copy *c, struct err *err)
{
	int code = sqlite3_open_v2(c->part, &c->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		disk_vfs_name(c->from->vfs));

	if (!code)
		code = sqlite3_exec(c->db,
			"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
			"PRAGMA cache_size = -512; PRAGMA locking_mode = EXCLUSIVE;",
			NULL, NULL, NULL);
	if (!code) {
		c->backup = sqlite3_backup_init(c->db, "main", c->from->db, "main");
		code = c->backup ? 0 : sqlite3_extended_errcode(c->db);
	}
	return code ? log_file_error(c->from, err, code, "copying") : 0;
}

int log_copy_begin(struct log_file *f, const char *path, struct log_copy **copy, struct err *err)
{
	_cleanup_(err_done) struct err inner = {0};
	struct log_copy *c = mem_new(sizeof(*c));

	c->from = f;
	c->path = mem_copy_text(path);
	c->part = mem_print("%s.part", path);
	int code = f->disk->ops->remove(f->disk, c->part, &inner);
	code = code && code != ERR_NOT_FOUND ? err_move(err, &inner) : open_part(c, err);
	if (code)
		log_copy_free(c);
	else
		*copy = c;
	return code;
}

static int let_go(struct log_copy *c)
{
	int code = sqlite3_backup_finish(c->backup);

	c->backup = NULL;
	sqlite3_close(c->db);
	c->db = NULL;
	return code;
}

int log_copy_step(struct log_copy *c, int pages, bool *more, struct err *err)
{
	int code = sqlite3_backup_step(c->backup, pages);

	*more = code == SQLITE_OK;
	if (*more)
		return 0;
	int last = let_go(c);
	code = code == SQLITE_DONE ? last : code;
	if (!code)
		return 0;
	return err_set(err, (code & 0xff) == SQLITE_FULL ? ERR_NO_SPACE : ERR_IO, "copying %s: %s",
		c->from->path, sqlite3_errstr(code));
}

static int settle(struct disk *disk, const char *path, struct err *err)
{
	int handle = disk->ops->open(disk, path, O_RDONLY, 0, err);

	if (handle < 0)
		return handle;
	int code = disk->ops->sync(disk, handle, err);
	disk->ops->close(disk, handle);
	return code;
}

int log_copy_settle(struct log_copy *c, struct err *err)
{
	struct disk *disk = c->from->disk;
	int code = settle(disk, c->part, err);

	return code ? code : disk->ops->rename(disk, c->part, c->path, err);
}

void log_copy_free(struct log_copy *c)
{
	if (!c)
		return;
	if (c->db)
		let_go(c);
	/* Not there any more when it was settled. */
	c->from->disk->ops->remove(c->from->disk, c->part, NULL);
	mem_free(c->path);
	mem_free(c->part);
	mem_free(c);
}

int log_file_copy(struct log_file *f, const char *path, struct err *err)
{
	struct log_copy *c;
	bool more;
	int code = log_copy_begin(f, path, &c, err);

	if (code)
		return code;
	code = log_copy_step(c, -1, &more, err);
	if (!code)
		code = log_copy_settle(c, err);
	log_copy_free(c);
	return code;
}
