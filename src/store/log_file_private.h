/* Between log_file.c and log_copy.c. */
#ifndef KUBE_STORE_LOG_FILE_PRIVATE_H
#define KUBE_STORE_LOG_FILE_PRIVATE_H

#include "disk_vfs.h"
#include "log_file.h"

#include <sqlite3.h>

struct log_file {
	struct disk *disk;
	struct disk_vfs *vfs;
	sqlite3 *db;
	sqlite3_stmt *insert, *drop, *set;
	char *path, *good_path;
	bool rewritten; /* and not cleansed: what was to be gone can still be found */
	bool damaged;   /* what is in it is wrong: more than a call that failed */
};

/* What SQLite's code means here, with the file's name; notes damage. */
int log_file_error(struct log_file *f, struct err *err, int code, const char *what);

#endif
