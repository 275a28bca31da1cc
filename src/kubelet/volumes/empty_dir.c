/* emptyDir: a directory of the pod's own, on the node's disk or in its memory. */
#include "volume_plan.h"

#include <kube/api_codec.h>
#include <kube/file_tree.h>
#include <kube/pods.h>

#include <fcntl.h>
#include <unistd.h>

#define READY "ready"

/* "HugePages-2Mi" → "2M"; "HugePages": the one size that the pod asks for. */
static int huge_page(
	const struct volume_planning *in, struct str medium, const char **page, struct err *err)
{
	struct str said = str_skip(medium, STR("HugePages-").len), found = STR("");
	const struct cJSON *spec = json_get(in->pod, STR("spec"));
	size_t sizes = 0;

	json_each (entry, pod_sum(in->arena, spec, "resources.requests")) {
		struct str name = json_key(entry);

		if (!str_starts(name, STR("hugepages-")))
			continue;
		name = str_skip(name, STR("hugepages-").len);
		if (said.len && !str_eq(said, name))
			continue;
		found = name;
		sizes++;
	}
	if (!sizes && said.len)
		return err_set(err, ERR_INVALID,
			"medium %.*s: resource requests for hugepages-%.*s not found", STRF(medium),
			STRF(said));
	if (!sizes)
		return err_set(err, ERR_INVALID,
			"medium HugePages: resource requests for hugepages not found");
	if (sizes > 1)
		return err_set(err, ERR_INVALID,
			"medium HugePages: can not use multiple hugepages sizes in one pod");
	/* The kernel says 2M where the API says 2Mi. */
	*page = arena_print(in->arena, "%.*s", STRF(str_sub(found, 0, found.len - 1))).at;
	return 0;
}

static int plan(const struct volume_planning *in, struct volume_plan *out, struct err *err)
{
	struct str medium = tree_str(in->spec, "medium");

	if (!medium.len)
		return 0;
	out->memory = true;
	if (str_eq(medium, STR("Memory")))
		out->size = volume_memory_size(in, tree_str(in->spec, "sizeLimit"));
	else if (str_starts(medium, STR("HugePages")))
		return huge_page(in, medium, &out->page, err);
	else
		return err_set(err, ERR_INVALID, "unknown storage medium \"%.*s\"", STRF(medium));
	return 0;
}

/*
 * What tells that a directory was finished once lies outside of it. Afterwards its files are the
 * containers' affair: nobody changes their groups any more.
 */
static int open_note(struct volume_plan *plan, int *fd, struct err *err)
{
	int all, code = file_tree_make(
			 plan->directory, "plugins/kubernetes.io~empty-dir", 0750, &all, err);

	if (code)
		return code;
	code = file_tree_make(all, plan->name, 0750, fd, err);
	close(all);
	return code;
}

static int make(struct volume_plan *plan, struct err *err)
{
	bool fresh;
	int note, fd, code = open_note(plan, &note, err);

	if (code)
		return code;
	code = volume_open(plan, &fd, &fresh, err);
	if (!code) {
		if (fresh || (!plan->memory && faccessat(note, READY, F_OK, 0)))
			code = volume_own(fd, &plan->owner, plan->stop, err);
		close(fd);
	}
	if (!code) {
		int file = openat(note, READY, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

		if (file >= 0)
			close(file);
	}
	close(note);
	return code;
}

const struct volume_kind volume_empty_dir = {
	.source = "emptyDir",
	.directory = "kubernetes.io~empty-dir",
	.plan = plan,
	.make = make,
};
