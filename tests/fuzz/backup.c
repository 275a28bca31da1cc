/* A backup of any bytes: only files with a place in it are taken, and never more than they say. */
#include "main/backup_archive.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct taken {
	bool open;
	int64_t left;
	size_t files;
};

static int read_some(void *ctx, void *at, size_t len, size_t *n, struct err *err)
{
	struct str *rest = ctx;

	(void)err;
	*n = MIN(len, rest->len);
	if (*n)
		memcpy(at, rest->at, *n);
	*rest = str_skip(*rest, *n);
	return 0;
}

static int take_begin(void *ctx, struct str path, uint32_t mode, int64_t size, struct err *err)
{
	struct taken *t = ctx;

	(void)err;
	assert(!t->open && backup_has_path(path) && mode <= 0777);
	assert(path.at[0] != '/' && str_find(path, STR("..")) != 0);
	t->open = true;
	t->left = size;
	t->files++;
	return 0;
}

static int take_bytes(void *ctx, struct str bytes, struct err *err)
{
	struct taken *t = ctx;

	(void)err;
	assert(t->open && (int64_t)bytes.len <= t->left);
	t->left -= (int64_t)bytes.len;
	return 0;
}

static int take_end(void *ctx, struct err *err)
{
	struct taken *t = ctx;

	(void)err;
	assert(t->open && t->left == 0);
	t->open = false;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size);
	struct taken taken = {0};
	const struct backup_taker taker = {
		.begin = take_begin, .bytes = take_bytes, .end = take_end, .ctx = &taken};
	struct backup_summary summary;

	if (backup_read(read_some, &rest, &taker, &summary, NULL) == 0)
		assert(!taken.open && taken.files == summary.files);
	return 0;
}
