/*
 * A container's file system, in a mount namespace that dies with it: nothing of it is ever seen
 * on the node, so nothing of it can be left behind.
 *
 * What comes from the node is cloned first, while it still hears of the node's mounts; then our
 * copy of the node's tree is cut off from the node, the root is mounted and filled, and entered.
 */
#include "child.h"

#include <kube/buf.h>
#include <kube/mount.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define OPTIONS_MAX 32

/* ---- one mount ---- */

/* "mode=755,size=64m" as options. */
static size_t split_options(
	struct arena *a, struct str data, struct mount_option options[OPTIONS_MAX])
{
	struct str one, key, value;
	size_t n = 0;

	while (n < OPTIONS_MAX && data.len && str_next(&data, ',', &one)) {
		bool has_value = str_cut(one, '=', &key, &value);
		options[n++] = (struct mount_option){
			arena_str(a, key).at, has_value ? arena_str(a, value).at : NULL};
	}
	return n;
}

/* File systems are the node's, and so are the ids that they are told. */
static void number_on_node(struct arena *a, const struct child *c, struct mount_option *o)
{
	int64_t id;

	if (c->users >= 0 && o->value &&
		(strcmp(o->key, "gid") == 0 || strcmp(o->key, "uid") == 0) &&
		str_to_i64(str_from(o->value), &id))
		o->value = arena_print(a, "%lld", (long long)(id + c->users_first)).at;
}

static bool is_bind(const struct spec_mount *m)
{
	return str_eq(m->type, STR("bind"));
}

static bool is_image(const struct spec_mount *m)
{
	return m->lowers.count > 0;
}

/*
 * A part of an image. What is attached nowhere cannot be cloned on older kernels: for a moment
 * the whole of it covers its own topmost layer, where nobody but us can see it.
 */
static int take_part(const struct spec_mount *m, int *fd, struct err *err)
{
	char self[64];
	int part, code = mount_place_open(*fd, m->source.at, MOUNT_PLACE_AS_IT_IS, &part, err);

	if (code)
		return code;
	code = mount_attach_at(*fd, m->lowers.items[0].at, err);
	if (!code) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", part);
		int whole = *fd, clone;
		code = mount_clone(self, false, &clone, err);
		if (!code) {
			*fd = clone;
			close(whole);
		}
		umount2(m->lowers.items[0].at, MNT_DETACH);
	}
	close(part);
	return code;
}

static int make_overlay(struct arena *a, const struct child *c, const struct spec_strs *layers,
	const char *upper, const char *work, int *fd, struct err *err)
{
	const char **lowers = arena_new(a, (layers->count + 1) * sizeof(*lowers));
	int code = child_cover_layers(c, layers, err);

	for (size_t i = 0; i < layers->count; i++)
		lowers[i] = layers->items[i].at;
	if (!code)
		code = mount_overlay(lowers, layers->count, upper, work, fd, err);
	child_uncover_layers(c, layers);
	return code;
}

static int make_bind(const struct child *c, const struct spec_mount *m, int *fd, struct err *err)
{
	int code = mount_clone(m->source.at, true, fd, err);

	if (code || c->users < 0)
		return code;
	code = mount_map_users(*fd, c->users, err);
	if (code) {
		close(*fd);
		*fd = -1;
	}
	return code;
}

static int make_mount(struct arena *a, const struct child *c, const struct spec_mount *m, int *fd,
	struct err *err)
{
	struct mount_option options[OPTIONS_MAX];

	if (is_bind(m))
		return make_bind(c, m, fd, err);
	if (is_image(m)) {
		int code = make_overlay(a, c, &m->lowers, NULL, NULL, fd, err);
		return code || !m->source.len ? code : take_part(m, fd, err);
	}
	size_t count = split_options(a, m->data, options);
	for (size_t i = 0; i < count; i++)
		number_on_node(a, c, &options[i]);
	return mount_new(m->type.at, options, count, 0, fd, err);
}

static int put_mount(int root, const struct spec_mount *m, int fd, struct err *err)
{
	struct stat there;
	int place, code;

	if (fstat(fd, &there))
		return err_set_errno(err, errno, "%s", m->target.at);
	code = mount_change(fd, (unsigned)m->attributes, m->recursive_changes, MOUNT_SAME, err);
	if (!code && (is_bind(m) || is_image(m)))
		code = mount_change(fd, 0, true, (enum mount_propagation)m->propagation, err);
	if (code)
		return code;
	code = mount_place_open(root, m->target.at,
		S_ISDIR(there.st_mode) ? MOUNT_PLACE_DIRECTORY : MOUNT_PLACE_FILE, &place, err);
	if (code)
		return code;
	code = mount_attach(fd, place, err);
	close(place);
	return code;
}

/* ---- devices ---- */

static int make_link(int dev, const char *to, const char *name, struct err *err)
{
	if (symlinkat(to, dev, name) && errno != EEXIST)
		return err_set_errno(err, errno, "/dev/%s", name);
	return 0;
}

static int make_links(int root, struct err *err)
{
	static const char *const links[][2] = {{"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"}};
	int dev, code = mount_place_open(root, "dev", MOUNT_PLACE_DIRECTORY, &dev, err);

	if (code)
		return code;
	for (size_t i = 0; i < ARRAY_LEN(links) && !code; i++)
		code = make_link(dev, links[i][0], links[i][1], err);
	close(dev);
	return code;
}

static int make_device(struct arena *a, const struct child *c, int root,
	const struct spec_device *d, struct err *err)
{
	uid_t uid = (uid_t)(d->uid + c->users_first);
	gid_t gid = (gid_t)(d->gid + c->users_first);
	struct str directory, name;
	int parent;

	str_cut_last(d->path, '/', &directory, &name);
	int code = mount_place_open(
		root, arena_str(a, directory).at, MOUNT_PLACE_DIRECTORY, &parent, err);
	if (code)
		return code;
	const char *file = arena_str(a, name).at;
	mode_t type = str_eq(d->type, STR("b")) ? S_IFBLK : S_IFCHR;
	if (mknodat(parent, file, type | (mode_t)(d->mode & 0777),
		    makedev((unsigned)d->major, (unsigned)d->minor)) == 0) {
		if (fchownat(parent, file, uid, gid, AT_SYMLINK_NOFOLLOW))
			code = err_set_errno(err, errno, "device %s", d->path.at);
	} else if (errno != EEXIST) {
		code = err_set_errno(err, errno, "device %s", d->path.at);
	}
	close(parent);
	return code;
}

/* ---- what is to be hidden, and what only read ---- */

static int hide(int root, const char *path, struct err *err)
{
	struct mount_option option = {"size", "0"};
	struct stat there;
	int place, cover, code = mount_place_open(root, path, MOUNT_PLACE_AS_IT_IS, &place, err);

	if (code)
		return code;
	if (fstat(place, &there))
		code = err_set_errno(err, errno, "%s", path);
	else if (S_ISDIR(there.st_mode))
		code = mount_new("tmpfs", &option, 1, MOUNT_READ_ONLY, &cover, err);
	else
		code = mount_clone("/dev/null", false, &cover, err);
	if (!code) {
		code = mount_attach(cover, place, err);
		close(cover);
	}
	close(place);
	return code;
}

static int protect(int root, const char *path, struct err *err)
{
	int place, copy, code = mount_place_open(root, path, MOUNT_PLACE_AS_IT_IS, &place, err);

	if (code)
		return code;
	code = mount_clone(path, true, &copy, err);
	if (!code) {
		code = mount_change(copy, MOUNT_READ_ONLY, true, MOUNT_SAME, err);
		if (!code)
			code = mount_attach(copy, place, err);
		close(copy);
	}
	close(place);
	return code;
}

/* Kernels lack some of these files. */
static int cover_all(const struct spec_strs *paths, int (*cover)(int, const char *, struct err *),
	int root, struct err *err)
{
	for (size_t i = 0; i < paths->count; i++) {
		_cleanup_(err_done) struct err one = {0};
		int code = cover(root, paths->items[i].at, &one);
		if (code && code != ERR_NOT_FOUND)
			return err_wrap(
				err, err_move(err, &one), "covering %s", paths->items[i].at);
	}
	return 0;
}

/* ---- all of it ---- */

static int mount_root(struct arena *a, const struct child *c, int *root, struct err *err)
{
	const struct container_spec *s = c->spec;

	if (c->users >= 0 && s->upper.len && chown(s->upper.at, c->users_first, c->users_first))
		return err_set_errno(err, errno, "%s", s->upper.at);
	int code = make_overlay(a, c, &s->lowers, s->upper.len ? s->upper.at : NULL,
		s->work.len ? s->work.at : NULL, root, err);
	return code ? code : mount_attach_at(*root, s->root.at, err);
}

static int fill_root(
	struct arena *a, const struct child *c, int root, const int *binds, struct err *err)
{
	const struct container_spec *s = c->spec;
	int code = 0;

	for (size_t i = 0; i < s->mount_count && !code; i++) {
		const struct spec_mount *m = &s->mounts[i];
		_cleanup_(err_done) struct err one = {0};
		int fd = binds[i];
		if (fd < 0)
			code = make_mount(a, c, m, &fd, &one);
		if (!code)
			code = put_mount(root, m, fd, &one);
		if (fd >= 0)
			close(fd);
		if (code && m->optional)
			code = 0;
		else if (code)
			err_wrap(err, err_move(err, &one), "mounting %s to %s",
				m->source.len ? m->source.at : m->type.at, m->target.at);
	}
	for (size_t i = 0; i < s->device_count && !code; i++)
		if (s->devices[i].path.len)
			code = make_device(a, c, root, &s->devices[i], err);
	return code ? code : make_links(root, err);
}

static int clone_binds(struct arena *a, const struct child *c, int *binds, struct err *err)
{
	const struct container_spec *s = c->spec;

	for (size_t i = 0; i < s->mount_count; i++) {
		const struct spec_mount *m = &s->mounts[i];
		binds[i] = -1;
		if (!is_bind(m))
			continue;
		int code = make_mount(a, c, m, &binds[i], err);
		if (code && !m->optional)
			return err_wrap(err, code, "mounting to %s", m->target.at);
	}
	return 0;
}

int child_enter_root(struct arena *a, const struct child *c, struct err *err)
{
	const struct container_spec *s = c->spec;
	int *binds = arena_new(a, (s->mount_count + 1) * sizeof(*binds)), root = -1, code;

	umask(0);
	/* Its own group is the root of what it sees of them; kernels without it show more. */
	if (unshare(CLONE_NEWCGROUP) && errno != EINVAL)
		return err_set_errno(err, errno, "making a cgroup namespace");
	code = clone_binds(a, c, binds, err);
	if (!code && c->users >= 0)
		code = child_own_files(c, err);
	if (!code && mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL))
		code = err_set_errno(err, errno, "leaving the node's mounts");
	if (!code)
		code = mount_root(a, c, &root, err);
	if (!code)
		code = fill_root(a, c, root, binds, err);
	if (!code)
		code = mount_pivot(root, err);
	if (code)
		return code;
	close(root);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	code = cover_all(&s->masked, hide, root, err);
	if (!code)
		code = cover_all(&s->read_only_paths, protect, root, err);
	if (!code && s->read_only_root)
		code = mount_change(root, MOUNT_READ_ONLY, false, MOUNT_SAME, err);
	close(root);
	return code;
}
