/* The end of volumes: mounts first, then what is below them. On workers. */
#include "volume_plan.h"

#include <kube/api_codec.h>
#include <kube/file_tree.h>
#include <kube/mount.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int volume_open_pod(const char *root, const char *uid, bool make, int *fd, struct err *err)
{
	int top, pods, code;

	if (!file_tree_is_name(str_from(uid)))
		return err_set(err, ERR_INVALID, "not a uid of a pod");
	if (!make) {
		top = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (top < 0)
			return err_set_errno(err, errno, "%s", root);
		code = file_tree_open(top, "pods", O_RDONLY | O_DIRECTORY, true, &pods, err);
		close(top);
		if (code)
			return code;
		code = file_tree_open(
			pods, uid, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, true, fd, err);
		close(pods);
		return code;
	}
	code = file_tree_top(root, 0750, &top, err);
	if (code)
		return code;
	code = file_tree_make(top, "pods", 0750, &pods, err);
	close(top);
	if (code)
		return code;
	code = file_tree_make(pods, uid, 0750, fd, err);
	close(pods);
	return code;
}

/* Directories of the node's own, `depth` levels of them; what is at the last one is detached. */
struct level {
	struct str path;
	int depth;
	struct arena *arena;
};

static int detach_at(void *ctx, int dir, const char *name, struct err *err)
{
	const struct level *l = ctx;
	struct str path = arena_print(l->arena, "%.*s/%s", STRF(l->path), name);
	int fd;

	if (l->depth <= 1)
		return file_tree_is_mount(dir, name) ? mount_detach(path.at, err) : 0;
	/* What is no directory holds nothing. */
	if (file_tree_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, false, &fd, NULL))
		return 0;
	struct level below = {.path = path, .depth = l->depth - 1, .arena = l->arena};
	int code = file_tree_each(fd, detach_at, &below, err);
	close(fd);
	return code;
}

/* "volume-subpaths/VOLUME/CONTAINER/INDEX", "volumes/KIND/NAME". */
static int clear_one(
	int pod, struct level *l, const char *name, const _Atomic(bool) *stop, struct err *err)
{
	struct level mine = {.path = l->path, .depth = l->depth + 1, .arena = l->arena};
	int code = 0;

	if (l->depth)
		code = detach_at(&mine, pod, name, err);
	return code ? code : file_tree_remove(pod, name, stop, err);
}

int volume_clear_pod(const char *root, const char *uid, const _Atomic(bool) *stop, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	int pod, code;

	arena_init(&a);
	code = volume_open_pod(root, uid, false, &pod, err);
	if (code == ERR_NOT_FOUND) {
		err_done(err);
		return 0;
	}
	if (code)
		return code;
	struct level l = {.path = arena_print(&a, "%s/pods/%s", root, uid), .arena = &a};
	l.depth = 3;
	code = clear_one(pod, &l, "volume-subpaths", stop, err);
	l.depth = 2;
	if (!code)
		code = clear_one(pod, &l, "volumes", stop, err);
	l.depth = 0;
	if (!code)
		code = clear_one(pod, &l, "plugins", stop, err);
	close(pod);
	/* The rest of it is others'; the last one takes the directory. */
	if (!code)
		rmdir(l.path.at);
	return code ? err_wrap(err, code, "removing the volumes of pod %s", uid) : 0;
}
