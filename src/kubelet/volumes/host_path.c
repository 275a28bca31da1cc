/* hostPath: something of the node's, which must be what the pod says it is. */
#include "volume_plan.h"

#include <kube/api_codec.h>
#include <kube/file_tree.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int plan(const struct volume_planning *in, struct volume_plan *out, struct err *err)
{
	struct str path = tree_str(in->spec, "path");

	if (!path.len || path.at[0] != '/')
		return err_set(err, ERR_INVALID, "hostPath: not an absolute path");
	out->path = arena_str(in->arena, path).at;
	out->type = arena_str(in->arena, tree_str(in->spec, "type"));
	return 0;
}

static int make_file(const char *path, struct err *err)
{
	int fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0644);

	if (fd < 0)
		return err_set_errno(err, errno, "open %s", path);
	close(fd);
	return 0;
}

enum wanted { WANT_NOTHING, WANT_DIRECTORY, WANT_FILE, WANT_SOCKET, WANT_CHARACTER, WANT_BLOCK };
static const struct type {
	const char *name;
	enum wanted wanted;
	bool make;
	const char *what;
} types[] = {
	/* As runtimes do it that are given a path where nothing is. */
	{"", WANT_NOTHING, true, ""},
	{"DirectoryOrCreate", WANT_DIRECTORY, true, "a directory"},
	{"Directory", WANT_DIRECTORY, false, "a directory"},
	{"FileOrCreate", WANT_FILE, true, "a file"},
	{"File", WANT_FILE, false, "a file"},
	{"Socket", WANT_SOCKET, false, "a socket file"},
	{"CharDevice", WANT_CHARACTER, false, "a character device"},
	{"BlockDevice", WANT_BLOCK, false, "a block device"},
};

static bool is_wanted(enum wanted wanted, mode_t mode)
{
	switch (wanted) {
	case WANT_NOTHING:
		return true;
	case WANT_DIRECTORY:
		return S_ISDIR(mode);
	case WANT_FILE:
		return !S_ISDIR(mode);
	case WANT_SOCKET:
		return S_ISSOCK(mode);
	case WANT_CHARACTER:
		return S_ISCHR(mode);
	case WANT_BLOCK:
		return S_ISBLK(mode);
	}
	return false;
}

static int make(struct volume_plan *plan, struct err *err)
{
	const struct type *type = NULL;
	struct stat st = {0};
	int code = 0;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eq_text(plan->type, types[i].name))
			type = &types[i];
	if (!type)
		return err_set(
			err, ERR_INVALID, "%.*s is an invalid volume type", STRF(plan->type));
	bool there = stat(plan->path, &st) == 0;
	if (!there && type->make) {
		code = type->wanted == WANT_FILE ? make_file(plan->path, err)
						 : file_tree_top(plan->path, 0755, NULL, err);
		there = !code && stat(plan->path, &st) == 0;
	}
	if (code || type->wanted == WANT_NOTHING)
		return code;
	if (!there || !is_wanted(type->wanted, st.st_mode))
		return err_set(err, ERR_INVALID, "hostPath type check failed: %s is not %s",
			plan->path, type->what);
	return 0;
}

static struct str place(const struct cJSON *spec)
{
	return tree_str(spec, "path");
}

const struct volume_kind volume_host_path = {
	.source = "hostPath",
	.plan = plan,
	.make = make,
	.place = place,
};
