/* local: a directory of the node's that a persistent volume stands for. */
#include "volume_plan.h"

#include <kube/api_codec.h>
#include <kube/file_tree.h>
#include <kube/mount.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static int plan(const struct volume_planning *in, struct volume_plan *out, struct err *err)
{
	struct str path = tree_str(in->spec, "path"), rest = path, piece;

	if (!path.len)
		return err_set(
			err, ERR_INVALID, "LocalVolume volume \"%s\" path is empty", out->name);
	while (str_next(&rest, '/', &piece))
		if (str_eq(piece, STR("..")))
			return err_set(err, ERR_INVALID, "invalid path: %.*s must not contain '..'",
				STRF(path));
	out->path = arena_str(in->arena, path).at;
	return 0;
}

static int bind(struct volume_plan *plan, int place, struct err *err)
{
	int fd, code = mount_clone(plan->path, false, &fd, err);

	if (code)
		return code;
	if (plan->owner.read_only)
		code = mount_change(fd, MOUNT_READ_ONLY, false, MOUNT_SAME, err);
	if (!code)
		code = mount_attach(fd, place, err);
	close(fd);
	return code;
}

static int make(struct volume_plan *plan, struct err *err)
{
	struct stat st;
	bool fresh;
	int fd, code;

	if (stat(plan->path, &st)) {
		plan->failed = "MountVolume.NewMounter initialization failed";
		return errno == ENOENT ? err_set(err, ERR_NOT_FOUND, "path \"%s\" does not exist",
						 plan->path)
				       : err_set_errno(err, errno, "%s", plan->path);
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_UNSUPPORTED,
			"local volumes that are no directories are not supported by this node");
	code = volume_open(plan, &fd, &fresh, err);
	if (code)
		return code;
	if (fresh && !plan->owner.read_only)
		code = volume_own(fd, &plan->owner, plan->stop, err);
	close(fd);
	return code;
}

const struct volume_kind volume_local = {
	.source = "local",
	.directory = "kubernetes.io~local-volume",
	.keeps = true,
	.plan = plan,
	.mount = bind,
	.make = make,
};
