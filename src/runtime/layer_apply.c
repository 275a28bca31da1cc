/*
 * Places are resolved by the kernel with the directory as root (openat2), as a container would
 * resolve them; the last name is never followed. What stands in the way of an entry is replaced,
 * directories by directories excepted: so do other unpackers.
 */
#include "layer_apply.h"

#include <errno.h>
#include <fcntl.h>
#include <kube/mem.h>
#include <kube/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PIECE      (256 * KIB)
#define NAME_MAX_  255
#define TIMES_STEP 1024

struct layer_time {
	const char *path;
	int64_t mtime;
};

/* An entry's place: a directory that is open, and a name in it. */
struct place {
	char name[NAME_MAX_ + 1];
	struct str parent; /* cleaned: no "." and no empty pieces; empty: the root */
	struct str full;
};

static const struct str whiteout_prefix = STR_INIT(".wh.");
static const char opaque_name[] = ".wh..wh..opq";

void layer_apply_init(struct layer_apply *l, int root, int64_t max_entries)
{
	*l = (struct layer_apply){.root = root, .parent = -1, .max_entries = max_entries};
	buf_init(&l->parent_path, TAR_PATH_MAX);
	arena_init(&l->arena);
	l->piece = mem_alloc(PIECE);
}

static void forget_parent(struct layer_apply *l)
{
	if (l->parent >= 0)
		close(l->parent);
	l->parent = -1;
	buf_clear(&l->parent_path);
}

void layer_apply_done(struct layer_apply *l)
{
	forget_parent(l);
	buf_done(&l->parent_path);
	arena_done(&l->arena);
	mem_free(l->times);
	mem_free(l->piece);
}

static int refused(struct err *err, struct str path, const char *why)
{
	return err_set(err, ERR_INVALID, "layer entry \"%.*s\" is refused: %s",
		STRF(str_sub(path, 0, 200)), why);
}

static int failed_at(struct err *err, struct str path, const char *what)
{
	return err_set_errno(
		err, errno, "layer entry \"%.*s\": %s", STRF(str_sub(path, 0, 200)), what);
}

/* A leading slash means the layer's root: as harmless as none. */
static int clean_path(struct arena *a, struct str path, struct str *clean, struct err *err)
{
	char *at = arena_alloc(a, path.len + 1);
	struct str rest = path, piece;
	size_t n = 0;

	while (path.at && str_next(&rest, '/', &piece)) {
		if (piece.len == 0 || str_eq_text(piece, "."))
			continue;
		if (str_eq_text(piece, ".."))
			return refused(err, path, "it leads out of the layer (\"..\")");
		if (piece.len > NAME_MAX_)
			return refused(err, path, "a name has more than 255 bytes");
		if (n)
			at[n++] = '/';
		memcpy(at + n, piece.at, piece.len);
		n += piece.len;
	}
	at[n] = '\0';
	*clean = str_make(at, n);
	return 0;
}

static void split_place(struct str clean, struct place *p)
{
	struct str name = clean;

	p->full = clean;
	p->parent = (struct str){0};
	str_cut_last(clean, '/', &p->parent, &name);
	memcpy(p->name, name.at, name.len);
	p->name[name.len] = '\0';
}

static int open_inside(const struct layer_apply *l, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, l->root, path, &how, sizeof(how));
}

/*
 * Directories that no entry has made: 0755, root's; where a link leads there, in this layer, at
 * the place it leads to.
 */
static int make_parents(const struct layer_apply *l, const char *path, struct err *err)
{
	int made, failed = mount_place_open(l->root, path, MOUNT_PLACE_DIRECTORY, &made, err);

	if (failed)
		return err_wrap(err, failed, "layer");
	close(made);
	return 0;
}

/* The directory `path` as l->parent. */
static int enter(struct layer_apply *l, struct str path, struct err *err)
{
	if (l->parent >= 0 && str_eq(buf_str(&l->parent_path), path))
		return 0;
	forget_parent(l);
	buf_add_str(&l->parent_path, path);
	const char *text = path.len ? buf_text(&l->parent_path) : ".";
	int fd = open_inside(l, text, O_RDONLY | O_DIRECTORY);
	if (fd < 0 && errno == ENOENT) {
		int failed = make_parents(l, text, err);
		if (failed)
			return failed;
		fd = open_inside(l, text, O_RDONLY | O_DIRECTORY);
	}
	if (fd < 0) {
		int failed = failed_at(err, path, "opening the directory");
		forget_parent(l);
		return failed;
	}
	l->parent = fd;
	return 0;
}

/* What stands at the name goes, so that the entry can be made. */
static int clear_place(struct layer_apply *l, const struct place *p, struct err *err)
{
	_cleanup_(buf_done) struct buf kept = BUF_INIT(TAR_PATH_MAX);
	int failed = tree_remove(l->parent, p->name, err);

	/* Ways through what is gone may lead elsewhere now. */
	buf_add_str(&kept, buf_str(&l->parent_path));
	forget_parent(l);
	return failed ? failed : enter(l, buf_str(&kept), err);
}

static int set_opaque(int fd, struct str path, struct err *err)
{
	if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0))
		return failed_at(err, path, "marking the directory opaque");
	return 0;
}

static int set_capability(int fd, const struct tar_entry *e, struct err *err)
{
	/* Other attributes mean something to other systems, or would mean something to overlayfs.
	 */
	for (size_t i = 0; i < e->xattr_count; i++)
		if (str_eq_text(e->xattrs[i].name, "security.capability") &&
			fsetxattr(fd, "security.capability", e->xattrs[i].value.at,
				e->xattrs[i].value.len, 0))
			return failed_at(err, e->path, "setting its capabilities");
	return 0;
}

static struct timespec as_timespec(int64_t ns)
{
	int64_t rest = ns % 1000000000;

	return (struct timespec){.tv_sec = ns / 1000000000 - (rest < 0),
		.tv_nsec = rest < 0 ? rest + 1000000000 : rest};
}

static int write_file(
	struct layer_apply *l, int fd, struct tar *t, const struct tar_entry *e, struct err *err)
{
	for (;;) {
		size_t n;
		int failed = tar_data(t, l->piece, PIECE, &n, err);
		if (failed || n == 0)
			return failed;
		for (size_t done = 0; done < n;) {
			ssize_t w = write(fd, l->piece + done, n - done);
			if (w < 0 && errno == EINTR)
				continue;
			if (w < 0)
				return failed_at(err, e->path, "writing");
			done += (size_t)w;
		}
		l->bytes += (int64_t)n;
	}
}

static int make_file(struct layer_apply *l, const struct place *p, struct tar *t,
	const struct tar_entry *e, struct err *err)
{
	int flags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(l->parent, p->name, flags, 0600);

	if (fd < 0 && errno == EEXIST) {
		int failed = clear_place(l, p, err);
		if (failed)
			return failed;
		fd = openat(l->parent, p->name, flags, 0600);
	}
	if (fd < 0)
		return failed_at(err, e->path, "creating");
	int failed = write_file(l, fd, t, e, err);
	struct timespec times[2] = {as_timespec(e->mtime), as_timespec(e->mtime)};
	/* In this order: a new owner takes setuid and capabilities away. */
	if (!failed && fchown(fd, e->uid, e->gid))
		failed = failed_at(err, e->path, "setting its owner");
	if (!failed && fchmod(fd, e->mode))
		failed = failed_at(err, e->path, "setting its mode");
	if (!failed)
		failed = set_capability(fd, e, err);
	if (!failed && futimens(fd, times))
		failed = failed_at(err, e->path, "setting its time");
	close(fd);
	return failed;
}

static void note_time(struct layer_apply *l, struct str path, int64_t mtime)
{
	if (l->time_count == l->time_cap) {
		l->time_cap += l->time_cap / 2 + TIMES_STEP;
		l->times = mem_resize(l->times, l->time_cap * sizeof(l->times[0]));
	}
	l->times[l->time_count++] =
		(struct layer_time){arena_str(&l->arena, path.len ? path : STR(".")).at, mtime};
}

/* A whiteout that becomes a directory again hides what lies below it still. */
static bool is_whiteout(int parent, const char *name)
{
	struct stat st;

	return fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == 0;
}

static int make_directory(
	struct layer_apply *l, const struct place *p, const struct tar_entry *e, struct err *err)
{
	bool opaque = false;
	int failed = 0, flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = p->full.len ? -1 : open_inside(l, ".", O_RDONLY | O_DIRECTORY);

	if (p->full.len && mkdirat(l->parent, p->name, 0700) && errno != EEXIST)
		return failed_at(err, e->path, "creating");
	if (p->full.len)
		fd = openat(l->parent, p->name, flags);
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
		opaque = is_whiteout(l->parent, p->name);
		failed = clear_place(l, p, err);
		if (!failed && mkdirat(l->parent, p->name, 0700))
			failed = failed_at(err, e->path, "creating");
		fd = failed ? -1 : openat(l->parent, p->name, flags);
	}
	if (fd < 0)
		return failed ? failed : failed_at(err, e->path, "opening");
	if (fchown(fd, e->uid, e->gid) || fchmod(fd, e->mode))
		failed = failed_at(err, e->path, "setting owner and mode");
	if (!failed && opaque)
		failed = set_opaque(fd, e->path, err);
	close(fd);
	note_time(l, p->full, e->mtime);
	return failed;
}

static int make_link(
	struct layer_apply *l, const struct place *p, const struct tar_entry *e, struct err *err)
{
	struct str clean;
	struct place target;
	_cleanup_(buf_done) struct buf parent = BUF_INIT(TAR_PATH_MAX);
	int failed = clean_path(&l->arena, e->link, &clean, err);

	if (failed)
		return failed;
	if (clean.len == 0)
		return refused(err, e->path, "a hard link to the root");
	if (str_eq(clean, p->full)) /* to itself: it is there, or it never was */
		return 0;
	split_place(clean, &target);
	buf_add_str(&parent, target.parent);
	for (int attempt = 0;; attempt++) {
		int from =
			open_inside(l, parent.len ? buf_text(&parent) : ".", O_PATH | O_DIRECTORY);
		if (from < 0)
			return failed_at(err, e->path, "the target of the hard link");
		int r = linkat(from, target.name, l->parent, p->name, 0);
		int saved = errno;
		close(from);
		errno = saved;
		if (r == 0)
			return 0;
		if (errno != EEXIST || attempt)
			return failed_at(err, e->path,
				errno == ENOENT ? "its hard link leads to nothing in this layer"
						: "making the hard link");
		failed = clear_place(l, p, err);
		if (failed)
			return failed;
	}
}

static int try_special(const struct layer_apply *l, const struct place *p,
	const struct tar_entry *e, const char *target)
{
	dev_t device = makedev(e->device_major, e->device_minor);

	switch (e->kind) {
	case TAR_SYMLINK:
		return symlinkat(target, l->parent, p->name);
	case TAR_CHAR_DEVICE:
		return mknodat(l->parent, p->name, S_IFCHR | 0600, device);
	case TAR_BLOCK_DEVICE:
		return mknodat(l->parent, p->name, S_IFBLK | 0600, device);
	default:
		return mknodat(l->parent, p->name, S_IFIFO | 0600, 0);
	}
}

/* Symlinks are stored as they are: where they lead is up to who follows them, in a container. */
static int make_special(
	struct layer_apply *l, const struct place *p, const struct tar_entry *e, struct err *err)
{
	const char *target = arena_str(&l->arena, e->link).at;

	if (e->kind == TAR_SYMLINK && e->link.len == 0)
		return refused(err, e->path, "a link to nowhere");
	if (try_special(l, p, e, target)) {
		if (errno != EEXIST)
			return failed_at(err, e->path, "creating");
		int failed = clear_place(l, p, err);
		if (failed)
			return failed;
		if (try_special(l, p, e, target))
			return failed_at(err, e->path, "creating");
	}
	struct timespec times[2] = {as_timespec(e->mtime), as_timespec(e->mtime)};
	if (fchownat(l->parent, p->name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW))
		return failed_at(err, e->path, "setting its owner");
	if (e->kind != TAR_SYMLINK && fchmodat(l->parent, p->name, e->mode, 0))
		return failed_at(err, e->path, "setting its mode");
	if (utimensat(l->parent, p->name, times, AT_SYMLINK_NOFOLLOW))
		return failed_at(err, e->path, "setting its time");
	return 0;
}

/* ".wh.NAME" takes NAME of the layers below away; ".wh..wh..opq" all of the directory. */
static int make_whiteout(
	struct layer_apply *l, const struct place *p, const struct tar_entry *e, struct err *err)
{
	const char *name = p->name + whiteout_prefix.len;
	struct stat st;

	if (strcmp(p->name, opaque_name) == 0)
		return set_opaque(l->parent, e->path, err);
	if (strncmp(p->name, ".wh..wh.", 8) == 0) /* what AUFS kept for itself */
		return 0;
	if (!name[0] || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return refused(err, e->path, "a whiteout of nothing");
	if (fstatat(l->parent, name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (mknodat(l->parent, name, S_IFCHR, 0))
			return failed_at(err, e->path, "making the whiteout");
		return 0;
	}
	if (!S_ISDIR(st.st_mode)) /* what this layer brings covers what is below anyway */
		return 0;
	int fd = openat(l->parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return failed_at(err, e->path, "making the whiteout");
	int failed = set_opaque(fd, e->path, err);
	close(fd);
	return failed;
}

int layer_apply_entry(
	struct layer_apply *l, struct tar *t, const struct tar_entry *e, struct err *err)
{
	struct str clean;
	struct place place;
	int failed = clean_path(&t->arena, e->path, &clean, err);

	if (failed)
		return failed;
	if (++l->entries > l->max_entries)
		return err_set(err, ERR_TOO_LARGE, "layer has more than %lld entries",
			(long long)l->max_entries);
	split_place(clean, &place);
	if (clean.len == 0)
		return e->kind == TAR_DIRECTORY ? make_directory(l, &place, e, err)
						: refused(err, e->path, "the root is a directory");
	failed = enter(l, place.parent, err);
	if (failed)
		return failed;
	if (str_starts(str_from(place.name), whiteout_prefix))
		return make_whiteout(l, &place, e, err);
	switch (e->kind) {
	case TAR_FILE:
		return make_file(l, &place, t, e, err);
	case TAR_DIRECTORY:
		return make_directory(l, &place, e, err);
	case TAR_HARD_LINK:
		return make_link(l, &place, e, err);
	default:
		return make_special(l, &place, e, err);
	}
}

int layer_apply_end(struct layer_apply *l, struct err *err)
{
	forget_parent(l);
	for (size_t i = l->time_count; i-- > 0;) {
		struct timespec times[2] = {
			as_timespec(l->times[i].mtime), as_timespec(l->times[i].mtime)};
		int fd = open_inside(l, l->times[i].path, O_RDONLY | O_DIRECTORY);
		if (fd < 0) /* replaced since by something else */
			continue;
		int failed = futimens(fd, times) ? failed_at(err, str_from(l->times[i].path),
							   "setting its time")
						 : 0;
		close(fd);
		if (failed)
			return failed;
	}
	return 0;
}
