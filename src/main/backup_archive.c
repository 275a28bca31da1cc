#include "backup_archive.h"

#include <kube/codec.h>
#include <kube/file_tree.h>
#include <kube/map.h>
#include <kube/mem.h>

#define HEAD        "kube-backup"
#define DIGESTS     "digests"
#define VERSION     "1"
#define DEPTH_MAX   8
#define PATH_MAX_   200 /* that ustar can say, wherever its slashes are not too far apart */
#define PIECE       (64 * KIB)
#define LINE_MAX_   (64 + 2 + PATH_MAX_ + 1)
#define DIGESTS_MAX ((BACKUP_FILES_MAX + 2) * LINE_MAX_)

static const struct str head_text = STR_INIT("kube backup " VERSION "\n");

/* ---- what may be in it ---- */

/* As lines of a list of digests show it: no line breaks, nothing that would be escaped. */
static bool is_plain(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.at[i] < ' ' || name.at[i] == 0x7f || name.at[i] == '\\')
			return false;
	return file_tree_is_name(name);
}

static bool is_configuration(struct str name)
{
	static const char *const ends[] = {
		".kubeconfig", ".yaml", ".yml", ".json", ".conf", ".csv"};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (str_ends(name, str_from(ends[i])))
			return true;
	return false;
}

bool backup_has_path(struct str path)
{
	struct str rest = path, name, first = STR("");
	int depth = 0;

	if (!path.len || path.len > PATH_MAX_ || str_ends(path, STR("/")))
		return false;
	for (; str_next(&rest, '/', &name); depth++) {
		if (depth == DEPTH_MAX || !is_plain(name))
			return false;
		if (!depth)
			first = name;
	}
	if (depth == 1)
		return is_configuration(path);
	return str_eq_text(first, "pki") || str_eq_text(first, "manifests") ||
	       str_eq_text(path, BACKUP_STORE);
}

static int64_t size_max(struct str path)
{
	return str_eq_text(path, BACKUP_STORE) ? BACKUP_STORE_MAX - 1 : BACKUP_FILE_MAX;
}

/* "HEX  PATH\n", as sha256sum writes it. */
static void add_digest(struct buf *digests, struct sha256 *sum, struct str path)
{
	unsigned char digest[32];

	sha256_end(sum, digest);
	hex_encode(digests, str_make((const char *)digest, sizeof(digest)));
	buf_print(digests, "  %.*s\n", STRF(path));
}

/* ---- writing ---- */

static int write_zeros(struct backup_writer *w, size_t len, struct err *err)
{
	static const char zeros[2 * TAR_BLOCK];

	return len ? w->write(w->ctx, str_make(zeros, len), err) : 0;
}

static int begin_entry(
	struct backup_writer *w, struct str path, uint32_t mode, int64_t size, struct err *err)
{
	const struct tar_entry entry = {.path = path, .mode = mode, .size = size};
	char block[TAR_BLOCK];
	int code = tar_print_file(block, &entry, err);

	w->path = path;
	w->size = w->left = size;
	sha256_init(&w->sum);
	return code ? code : w->write(w->ctx, str_make(block, sizeof(block)), err);
}

int backup_write_bytes(struct backup_writer *w, struct str bytes, struct err *err)
{
	if ((int64_t)bytes.len > w->left)
		return err_set(err, ERR_CONFLICT, "%.*s has become longer while it was read",
			STRF(w->path));
	w->left -= (int64_t)bytes.len;
	sha256_add(&w->sum, bytes);
	return bytes.len ? w->write(w->ctx, bytes, err) : 0;
}

int backup_write_file_end(struct backup_writer *w, struct err *err)
{
	size_t over = (size_t)(w->size % TAR_BLOCK);

	if (w->left)
		return err_set(err, ERR_CONFLICT, "%.*s has become shorter while it was read",
			STRF(w->path));
	add_digest(&w->digests, &w->sum, w->path);
	return write_zeros(w, over ? TAR_BLOCK - over : 0, err);
}

static int write_text(struct backup_writer *w, struct str path, struct str text, struct err *err)
{
	int code = begin_entry(w, path, 0600, (int64_t)text.len, err);

	if (!code)
		code = backup_write_bytes(w, text, err);
	return code ? code : backup_write_file_end(w, err);
}

int backup_write_begin(struct backup_writer *w, struct err *err)
{
	buf_init(&w->digests, DIGESTS_MAX);
	w->count = 0;
	return write_text(w, STR(HEAD), head_text, err);
}

int backup_write_file(
	struct backup_writer *w, struct str path, uint32_t mode, int64_t size, struct err *err)
{
	if (!backup_has_path(path))
		return err_set(
			err, ERR_INVALID, "\"%.*s\" is no name that a backup can hold", STRF(path));
	if (size > size_max(path))
		return err_set(err, ERR_TOO_LARGE, "%.*s: %lld bytes are too many for a backup",
			STRF(path), (long long)size);
	if (w->count++ == BACKUP_FILES_MAX)
		return err_set(err, ERR_TOO_LARGE, "more than %d files", BACKUP_FILES_MAX);
	return begin_entry(w, path, mode, size, err);
}

int backup_write_end(struct backup_writer *w, struct err *err)
{
	struct buf list = TAKE(w->digests);

	buf_init(&w->digests, LINE_MAX_); /* its own line is nobody's */
	int code = write_text(w, STR(DIGESTS), buf_str(&list), err);
	buf_done(&list);
	return code ? code : write_zeros(w, 2 * (size_t)TAR_BLOCK, err);
}

void backup_write_done(struct backup_writer *w)
{
	buf_done(&w->digests);
}

/* ---- reading ---- */

struct reading {
	struct tar tar;
	const struct backup_taker *taker;
	struct map seen; /* paths */
	struct buf digests;
	struct backup_summary *summary;
	bool whole; /* the list of digests was there, and right */
	char piece[PIECE];
};

static int not_backup(struct err *err)
{
	return err_set(err, ERR_INVALID, "this is no backup of kube's");
}

static int read_text(struct reading *r, const struct tar_entry *e, struct buf *out, struct err *err)
{
	size_t n = 1;
	int code = 0;

	while (!code && n && !buf_over(out)) {
		code = tar_data(&r->tar, r->piece, sizeof(r->piece), &n, err);
		if (!code)
			buf_add(out, r->piece, n);
	}
	if (!code && buf_over(out))
		return err_set(err, ERR_TOO_LARGE, "%.*s is too long", STRF(e->path));
	return code;
}

static int read_head(struct reading *r, const struct tar_entry *e, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	struct sha256 sum;
	struct str version;

	if (e->kind != TAR_FILE || !str_eq_text(e->path, HEAD) || read_text(r, e, &text, err))
		return not_backup(err);
	version = buf_str(&text);
	if (!str_eq(version, head_text)) {
		if (!str_starts(version, STR("kube backup ")))
			return not_backup(err);
		return err_set(
			err, ERR_UNSUPPORTED, "this backup was made by a newer version of kube");
	}
	sha256_init(&sum);
	sha256_add(&sum, version);
	add_digest(&r->digests, &sum, STR(HEAD));
	return 0;
}

static int read_bytes(struct reading *r, struct sha256 *sum, struct err *err)
{
	size_t n = 1;
	int code = 0;

	while (!code && n) {
		code = tar_data(&r->tar, r->piece, sizeof(r->piece), &n, err);
		if (code || !n)
			break;
		struct str bytes = str_make(r->piece, n);
		sha256_add(sum, bytes);
		r->summary->bytes += (int64_t)n;
		if (r->taker)
			code = r->taker->bytes(r->taker->ctx, bytes, err);
	}
	return code;
}

static int read_file(struct reading *r, const struct tar_entry *e, struct err *err)
{
	struct sha256 sum;
	int code;

	if (e->kind != TAR_FILE || !backup_has_path(e->path))
		return err_set(err, ERR_INVALID, "\"%.*s\" has no place in a backup",
			STRF(str_sub(e->path, 0, PATH_MAX_)));
	if (e->size > size_max(e->path))
		return err_set(err, ERR_TOO_LARGE, "%.*s: %lld bytes are too many", STRF(e->path),
			(long long)e->size);
	if (map_has(&r->seen, e->path))
		return err_set(err, ERR_INVALID, "%.*s is there twice", STRF(e->path));
	if (r->summary->files++ == BACKUP_FILES_MAX)
		return err_set(err, ERR_TOO_LARGE, "more than %d files", BACKUP_FILES_MAX);
	map_set(&r->seen, e->path, NULL);
	sha256_init(&sum);
	/* Nobody but its owner writes to it, and nothing of it runs. */
	code = r->taker ? r->taker->begin(r->taker->ctx, e->path, e->mode & 0644, e->size, err) : 0;
	if (!code)
		code = read_bytes(r, &sum, err);
	if (!code && r->taker)
		code = r->taker->end(r->taker->ctx, err);
	if (!code)
		add_digest(&r->digests, &sum, e->path);
	return code;
}

static int read_digests(struct reading *r, const struct tar_entry *e, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(DIGESTS_MAX);
	int code = e->kind == TAR_FILE ? read_text(r, e, &text, err) : not_backup(err);

	if (code)
		return code;
	if (!str_eq(buf_str(&text), buf_str(&r->digests)))
		return err_set(err, ERR_INVALID, "its bytes are not those that were written");
	if (!map_has(&r->seen, STR(BACKUP_STORE)))
		return err_set(err, ERR_INVALID, "there is no store in it");
	sha256_of(buf_str(&text), r->summary->digest);
	r->whole = true;
	return 0;
}

static int read_entries(struct reading *r, struct err *err)
{
	struct tar_entry e;
	bool end;
	int code = tar_next(&r->tar, &e, &end, err);

	if (code || end)
		return not_backup(err);
	code = read_head(r, &e, err);
	while (!code) {
		if ((code = tar_next(&r->tar, &e, &end, err)) || end)
			break;
		if (r->whole)
			code = err_set(err, ERR_INVALID, "something stands behind its end");
		else if (str_eq_text(e.path, DIGESTS))
			code = read_digests(r, &e, err);
		else
			code = read_file(r, &e, err);
	}
	return !code && !r->whole ? err_set(err, ERR_INVALID, "its end is missing") : code;
}

int backup_read(tar_read_fn *read, void *ctx, const struct backup_taker *taker,
	struct backup_summary *summary, struct err *err)
{
	struct reading *r = mem_new(sizeof(*r));

	*summary = (struct backup_summary){0};
	r->taker = taker;
	r->summary = summary;
	tar_init(&r->tar, read, NULL, ctx);
	buf_init(&r->digests, DIGESTS_MAX);
	map_init(&r->seen);
	int code = read_entries(r, err);
	map_done(&r->seen);
	buf_done(&r->digests);
	tar_done(&r->tar);
	mem_free(r);
	return code;
}
