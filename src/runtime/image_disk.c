#include "image_disk.h"

#include "image_documents.h"
#include "layer_apply.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <kube/json.h>
#include <kube/mem.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYER_NOTE "layer.json" /* beside fs */

static int open_lock(
	const struct image_disk *d, const char *name, int how, int *lock, struct err *err)
{
	int fd = openat(d->root, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set_errno(err, errno, "%s/%s", d->path, name);
	while (flock(fd, how)) {
		if (errno == EINTR)
			continue;
		int saved = errno;
		close(fd);
		if (saved == EWOULDBLOCK) {
			*lock = -1;
			return 0;
		}
		return err_set_errno(err, saved, "locking %s/%s", d->path, name);
	}
	*lock = fd;
	return 0;
}

int image_disk_hold(const struct image_disk *d, int *fd, struct err *err)
{
	return open_lock(d, "lock", LOCK_SH, fd, err);
}

int image_disk_hold_alone(const struct image_disk *d, int *fd, struct err *err)
{
	return open_lock(d, "lock", LOCK_EX | LOCK_NB, fd, err);
}

int image_disk_hold_index(const struct image_disk *d, int *fd, struct err *err)
{
	return open_lock(d, "index.lock", LOCK_EX, fd, err);
}

static int make_dirs(char *path, struct err *err)
{
	for (char *at = path + 1;; at++) {
		if (*at && *at != '/')
			continue;
		char was = *at;
		*at = '\0';
		int failed = mkdir(path, 0711) && errno != EEXIST
				     ? err_set_errno(err, errno, "making %s", path)
				     : 0;
		*at = was;
		if (failed || !was)
			return failed;
	}
}

int image_disk_open(const char *root, struct image_disk *d, struct err *err)
{
	static const char *const names[] = {"configs", "layers", "incoming"};

	*d = (struct image_disk){.path = mem_print("%s/images", root), .root = -1};
	int failed = make_dirs(d->path, err);
	if (!failed)
		d->root = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!failed && d->root < 0)
		failed = err_set_errno(err, errno, "opening %s", d->path);
	/* Containers whose users are mapped must reach their layers: nothing is secret here. */
	for (size_t i = 0; !failed && i < ARRAY_LEN(names); i++)
		if (mkdirat(d->root, names[i], 0711) && errno != EEXIST)
			failed = err_set_errno(err, errno, "making %s/%s", d->path, names[i]);
	if (failed)
		image_disk_close(d);
	return failed;
}

void image_disk_close(struct image_disk *d)
{
	if (d->root >= 0)
		close(d->root);
	mem_free(d->path);
	*d = (struct image_disk){.root = -1};
}

/* Names that nobody else of the living uses; what the dead have left is stepped over. */
static void next_name(struct image_incoming *in)
{
	static _Atomic(uint64_t) counter;

	snprintf(in->name, sizeof(in->name), "incoming/%d-%llu", (int)getpid(),
		(unsigned long long)++counter);
}

int image_disk_new_file(const struct image_disk *d, struct image_incoming *in, struct err *err)
{
	do {
		next_name(in);
		in->fd = openat(d->root, in->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	} while (in->fd < 0 && errno == EEXIST);
	return in->fd < 0 ? err_set_errno(err, errno, "creating %s/%s", d->path, in->name) : 0;
}

int image_disk_new_layer(const struct image_disk *d, struct image_incoming *in, struct err *err)
{
	char fs[sizeof(in->name) + 8];
	int made;

	do {
		next_name(in);
		made = mkdirat(d->root, in->name, 0711);
	} while (made && errno == EEXIST);
	in->fd = -1;
	if (made)
		return err_set_errno(err, errno, "creating %s/%s", d->path, in->name);
	snprintf(fs, sizeof(fs), "%s/fs", in->name);
	if (mkdirat(d->root, fs, 0755) == 0)
		in->fd = openat(d->root, fs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (in->fd >= 0 && fchmod(in->fd, 0755) == 0)
		return 0;
	int failed = err_set_errno(err, errno, "creating %s/%s", d->path, fs);
	image_disk_abandon(d, in);
	return failed;
}

void image_disk_abandon(const struct image_disk *d, struct image_incoming *in)
{
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
	if (in->name[0])
		tree_remove(d->root, in->name, NULL); /* what stays is swept at the next start */
	in->name[0] = '\0';
}

static int sync_place(const struct image_disk *d, const char *name, struct err *err)
{
	int fd = openat(d->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed =
		fd < 0 || fsync(fd) ? err_set_errno(err, errno, "syncing %s/%s", d->path, name) : 0;

	if (fd >= 0)
		close(fd);
	return failed;
}

static int write_all(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.at, bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes = str_skip(bytes, (size_t)n);
	}
	return 0;
}

static int write_new(
	const struct image_disk *d, const char *name, struct str bytes, bool sync, struct err *err)
{
	int fd = openat(d->root, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int failed = 0;

	if (fd < 0 || write_all(fd, bytes) || (sync && fsync(fd)))
		failed = err_set_errno(err, errno, "writing %s/%s", d->path, name);
	if (fd >= 0)
		close(fd);
	return failed;
}

/* One sync of the file system instead of one a file: layers have tens of thousands. */
static int settle_layer(const struct image_disk *d, struct image_incoming *in,
	const struct layer_facts *facts, struct err *err)
{
	char note[sizeof(in->name) + 16], text[256];

	snprintf(note, sizeof(note), "%s/" LAYER_NOTE, in->name);
	snprintf(text, sizeof(text),
		"{\"digest\":\"%s\",\"bytes\":%lld,\"entries\":%lld,\"packed\":%lld}\n",
		facts->digest, (long long)facts->files, (long long)facts->entries,
		(long long)facts->packed);
	int failed = write_new(d, note, str_from(text), false, err);
	if (!failed && syncfs(in->fd))
		failed = err_set_errno(err, errno, "syncing %s/%s", d->path, in->name);
	return failed;
}

int image_disk_keep_layer(const struct image_disk *d, struct image_incoming *in,
	const struct layer_facts *facts, struct err *err)
{
	char name[80];
	int failed = settle_layer(d, in, facts, err);

	snprintf(name, sizeof(name), "layers/%.64s", facts->diff + 7);
	if (!failed && renameat(d->root, in->name, d->root, name) == 0)
		in->name[0] = '\0';
	else if (!failed && errno != EEXIST && errno != ENOTEMPTY)
		failed = err_set_errno(err, errno, "renaming to %s/%s", d->path, name);
	if (!failed)
		failed = sync_place(d, "layers", err);
	image_disk_abandon(d, in);
	return failed;
}

int image_disk_layer(const struct image_disk *d, struct str diff, int64_t *bytes, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	struct arena a;
	struct cJSON *root;
	char name[112];

	snprintf(name, sizeof(name), "layers/%.*s/" LAYER_NOTE, STRF(image_digest_hex(diff)));
	int failed = image_disk_read(d, name, &text, err);
	if (failed)
		return failed;
	arena_init(&a);
	failed = json_parse(&a, buf_str(&text), NULL, &root, err);
	if (!failed && !json_int(json_get(root, STR("bytes")), bytes))
		failed = err_set(err, ERR_INVALID, "%s/%s says no bytes", d->path, name);
	arena_done(&a);
	return failed;
}

int image_disk_write(
	const struct image_disk *d, const char *name, struct str bytes, struct err *err)
{
	struct image_incoming in = {.fd = -1};
	struct str text = str_from(name), directory, last;

	do
		next_name(&in);
	while (faccessat(d->root, in.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	int failed = write_new(d, in.name, bytes, true, err);
	if (!failed && renameat(d->root, in.name, d->root, name))
		failed = err_set_errno(err, errno, "renaming to %s/%s", d->path, name);
	if (failed) {
		image_disk_abandon(d, &in);
		return failed;
	}
	return sync_place(d, str_cut(text, '/', &directory, &last) ? "configs" : ".", err);
}

int image_disk_read(const struct image_disk *d, const char *name, struct buf *out, struct err *err)
{
	int fd = openat(d->root, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), failed = 0;

	if (fd < 0)
		return err_set_errno(err, errno, "%s/%s", d->path, name);
	for (;;) {
		char piece[16 * KIB];
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			failed = err_set_errno(err, errno, "reading %s/%s", d->path, name);
		if (n <= 0)
			break;
		buf_add(out, piece, (size_t)n);
	}
	close(fd);
	if (!failed && buf_over(out))
		failed = err_set(err, ERR_TOO_LARGE, "%s/%s is too large", d->path, name);
	return failed;
}

/* "layers/HEX" or "configs/HEX.json" */
static bool kept(const char *name, image_keep_fn *keep, void *ctx)
{
	char digest[72];
	struct str hex = str_from(name);

	if (str_ends(hex, STR(".json")))
		hex = str_sub(hex, 0, hex.len - 5);
	if (hex.len != 64)
		return false;
	snprintf(digest, sizeof(digest), "sha256:%.*s", STRF(hex));
	return image_digest_valid(str_from(digest)) && keep(ctx, str_from(digest));
}

static int sweep_place(const struct image_disk *d, const char *place, image_keep_fn *keep,
	void *ctx, struct err *err)
{
	int fd = openat(d->root, place, O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed = 0;
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (!list) {
		failed = err_set_errno(err, errno, "reading %s/%s", d->path, place);
		if (fd >= 0)
			close(fd);
		return failed;
	}
	for (struct dirent *e; (e = readdir(list));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (keep && kept(e->d_name, keep, ctx))
			continue;
		int r = tree_remove(fd, e->d_name, failed ? NULL : err);
		failed = failed ? failed : r;
	}
	closedir(list);
	return failed;
}

int image_disk_sweep(const struct image_disk *d, image_keep_fn *keep, void *ctx, struct err *err)
{
	int failed = sweep_place(d, "incoming", NULL, NULL, err);
	int r = sweep_place(d, "layers", keep, ctx, failed ? NULL : err);

	failed = failed ? failed : r;
	r = sweep_place(d, "configs", keep, ctx, failed ? NULL : err);
	return failed ? failed : r;
}
