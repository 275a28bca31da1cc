#include <kube/buf.h>
#include <kube/mount.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t attribute_bits(unsigned attributes)
{
	return ((attributes & MOUNT_READ_ONLY) ? MOUNT_ATTR_RDONLY : 0u) |
	       ((attributes & MOUNT_NO_SUID) ? MOUNT_ATTR_NOSUID : 0u) |
	       ((attributes & MOUNT_NO_DEV) ? MOUNT_ATTR_NODEV : 0u) |
	       ((attributes & MOUNT_NO_EXEC) ? MOUNT_ATTR_NOEXEC : 0u);
}

/* The kernel tells what it disliked through the descriptor: "e overlay: Missing 'lowerdir'". */
static int fail_filesystem(int fs, int errnum, const char *type, struct err *err)
{
	char said[256];
	ssize_t n = fs < 0 ? -1 : read(fs, said, sizeof(said) - 1);

	if (n > 2) {
		said[n] = 0;
		struct str text = str_trim(str_make(said + 2, (size_t)n - 2));
		return err_set_errno(err, errnum, "mounting %s (%.*s)", type, STRF(text));
	}
	return err_set_errno(err, errnum, "mounting %s", type);
}

int mount_new(const char *type, const struct mount_option *options, size_t count,
	unsigned attributes, int *fd, struct err *err)
{
	int fs = fsopen(type, FSOPEN_CLOEXEC), failed = fs < 0 ? errno : 0;

	for (size_t i = 0; i < count && !failed; i++) {
		const struct mount_option *o = &options[i];
		unsigned how = o->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
		failed = fsconfig(fs, how, o->key, o->value, 0) ? errno : 0;
	}
	if (!failed && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		failed = errno;
	if (!failed) {
		int made = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attribute_bits(attributes));
		failed = made < 0 ? errno : 0;
		if (made >= 0)
			*fd = made;
	}
	int code = failed ? fail_filesystem(fs, failed, type, err) : 0;
	if (fs >= 0)
		close(fs);
	return code;
}

/* ---- overlay ---- */

#define LOWERS_MAX 500

/* One string of all layers; ':' and '\' in names are escaped. */
static void join_lowers(struct buf *out, const char *const *lowers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			buf_add_char(out, ':');
		for (const char *c = lowers[i]; *c; c++) {
			if (*c == ':' || *c == '\\')
				buf_add_char(out, '\\');
			buf_add_char(out, *c);
		}
	}
}

/*
 * A string given to fsconfig ends at 256 bytes; newer kernels take the layers one by one, older
 * ones only mount(2)'s page of text.
 */
static int overlay_by_layers(const char *const *lowers, size_t count,
	const struct mount_option *more, size_t more_count, int *fd, struct err *err)
{
	struct mount_option options[LOWERS_MAX + 4];
	size_t n = 0;

	if (count > LOWERS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d layers", LOWERS_MAX);
	for (size_t i = 0; i < count; i++)
		options[n++] = (struct mount_option){"lowerdir+", lowers[i]};
	for (size_t i = 0; i < more_count; i++)
		options[n++] = more[i];
	return mount_new("overlay", options, n, 0, fd, err);
}

int mount_overlay(const char *const *lowers, size_t count, const char *upper, const char *work,
	int *fd, struct err *err)
{
	_cleanup_(buf_done) struct buf joined = BUF_INIT(64 * KIB);
	struct mount_option more[3] = {{"upperdir", upper}, {"workdir", work}, {"volatile", NULL}};
	size_t more_count = upper ? 3 : 0;

	join_lowers(&joined, lowers, count);
	/* The kernel wants two layers where nothing can be written. */
	if (!upper && count == 1)
		return mount_clone(lowers[0], false, fd, err);
	if (joined.len >= 256)
		return overlay_by_layers(lowers, count, more, more_count, fd, err);
	struct mount_option options[4] = {
		{"lowerdir", buf_text(&joined)}, more[0], more[1], more[2]};
	return mount_new("overlay", options, 1 + more_count, 0, fd, err);
}

/* ---- mounts that are there ---- */

int mount_clone(const char *path, bool recursive, int *fd, struct err *err)
{
	int made = open_tree(AT_FDCWD, path,
		OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0u));

	if (made < 0)
		return err_set_errno(err, errno, "%s", path);
	*fd = made;
	return 0;
}

int mount_change(int fd, unsigned attributes, bool recursive, enum mount_propagation propagation,
	struct err *err)
{
	static const uint64_t kinds[] = {[MOUNT_SAME] = 0,
		[MOUNT_PRIVATE] = MS_PRIVATE,
		[MOUNT_SLAVE] = MS_SLAVE,
		[MOUNT_SHARED] = MS_SHARED};
	struct mount_attr attr = {
		.attr_set = attribute_bits(attributes), .propagation = kinds[propagation]};

	if (!attr.attr_set && !attr.propagation)
		return 0;
	if (mount_setattr(
		    fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u), &attr, sizeof(attr)))
		return err_set_errno(err, errno, "changing a mount");
	return 0;
}

int mount_map_users(int fd, int users, struct err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)users};

	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)))
		return err_set_errno(err, errno, "mapping the users of a mount");
	return 0;
}

int mount_attach(int fd, int place, struct err *err)
{
	if (move_mount(fd, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		return err_set_errno(err, errno, "attaching a mount");
	return 0;
}

int mount_attach_at(int fd, const char *path, struct err *err)
{
	if (move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH))
		return err_set_errno(err, errno, "attaching a mount at %s", path);
	return 0;
}

int mount_detach(const char *path, struct err *err)
{
	/* EINVAL: nothing is mounted there (any more). */
	for (int i = 0; i < 100; i++)
		if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW)) {
			if (errno == EINVAL || errno == ENOENT)
				return 0;
			return err_set_errno(err, errno, "unmounting %s", path);
		}
	return err_set(err, ERR_LIMIT, "%s: mounted too often", path);
}

int mount_pivot(int root, struct err *err)
{
	int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), failed = 0;

	if (old < 0 || fchdir(root) || syscall(SYS_pivot_root, ".", ".")) {
		failed = errno;
		if (old >= 0)
			close(old);
		return err_set_errno(err, failed, "entering the root");
	}
	/* The old root lies on top of the new one now; only it is cut off and taken away. */
	if (fchdir(old) || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) ||
		umount2(".", MNT_DETACH) || chdir("/"))
		failed = errno;
	close(old);
	return failed ? err_set_errno(err, failed, "leaving the old root") : 0;
}
