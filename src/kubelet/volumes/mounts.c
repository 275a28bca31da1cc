/* What a container mounts: names become paths of the host, parts of volumes are bound first. */
#include "environment.h"
#include "pod_volumes.h"
#include "subpath.h"
#include "volume_plan.h"

#include <kube/api_codec.h>
#include <kube/log.h>

#include <unistd.h>

static enum runtime_propagation propagation_of(const struct cJSON *mount)
{
	struct str said = tree_str(mount, "mountPropagation");

	return str_eq(said, STR("Bidirectional"))     ? PROPAGATE_BOTH
	       : str_eq(said, STR("HostToContainer")) ? PROPAGATE_HOST_TO_CONTAINER
						      : PROPAGATE_NONE;
}

static int check_read_only(const struct cJSON *mount, bool *recursive, struct err *err)
{
	struct str said = tree_str(mount, "recursiveReadOnly"), name = tree_str(mount, "name");

	*recursive = false;
	if (!said.len || str_eq(said, STR("Disabled")))
		return 0;
	if (!tree_true(mount, "readOnly"))
		return err_set(err, ERR_INVALID,
			"volume \"%.*s\" requested recursive read-only mode, but it is not "
			"read-only",
			STRF(name));
	if (propagation_of(mount) != PROPAGATE_NONE)
		return err_set(err, ERR_INVALID,
			"volume \"%.*s\" requested recursive read-only mode, but it is not "
			"compatible "
			"with propagation %.*s",
			STRF(name), STRF(tree_str(mount, "mountPropagation")));
	*recursive = true;
	return 0;
}

static int part_of(
	const struct volume_mounts *m, const struct cJSON *mount, struct str *part, struct err *err)
{
	struct str expression = tree_str(mount, "subPathExpr"), rest, piece;

	*part = tree_str(mount, "subPath");
	if (expression.len) {
		int code = expand_strictly(m->arena, expression, m->env, part, err);

		if (code)
			return code;
	}
	if (part->len && part->at[0] == '/')
		return err_set(err, ERR_INVALID,
			"error SubPath `%.*s` must not be an absolute path", STRF(*part));
	rest = *part;
	while (part->len && str_next(&rest, '/', &piece))
		if (str_eq(piece, STR("..")))
			return err_set(err, ERR_INVALID,
				"unable to provision SubPath `%.*s`: must not contain '..'",
				STRF(*part));
	return 0;
}

static void add_part(struct volume_mounts *m, struct runtime_mount *out, struct str name,
	struct str part, size_t index)
{
	struct str container = tree_str(m->container, "name");

	m->subpaths[m->subpath_count++] =
		(struct volume_subpath){.volume = arena_str(m->arena, out->host_path).at,
			.part = arena_str(m->arena, part).at,
			.name = arena_str(m->arena, name).at,
			.container = arena_str(m->arena, container).at,
			.index = index};
	out->host_path = arena_print(m->arena, "%.*s/volume-subpaths/%.*s/%.*s/%zu",
		STRF(m->directory), STRF(name), STRF(container), index);
}

/* It is here: the container starts after it was pulled. */
static int add_image(struct volume_mounts *m, struct runtime_mount *out, const struct cJSON *spec,
	struct str part, struct err *err)
{
	struct runtime *r = pod_volumes_runtime(m->volumes);
	struct str reference = tree_str(spec, "reference");
	const struct image *image = r ? r->ops->image(r, reference) : NULL;

	if (!image)
		return err_set(err, ERR_UNAVAILABLE, "image \"%.*s\" is not here", STRF(reference));
	out->image = arena_str(m->arena, image->id);
	out->image_part = arena_str(m->arena, part);
	return 0;
}

static int add_mount(
	struct volume_mounts *m, const struct cJSON *mount, size_t index, struct err *err)
{
	struct runtime_mount *out = &m->mounts[m->count];
	struct str name = tree_str(mount, "name"), part;
	const struct volume_claims *claims = pod_volumes_claims(m->volumes);
	const struct volume_claim *claim = claims_find(claims, name);

	struct str path = tree_str(mount, "mountPath");
	*out = (struct runtime_mount){.propagation = propagation_of(mount)};
	out->container_path =
		path.len && path.at[0] == '/' ? path : arena_print(m->arena, "/%.*s", STRF(path));
	const struct cJSON *source = volume_source(claims, volume_by_name(m->pod, name));
	struct volume_place at = volume_place_of(m->arena, m->directory, source);
	if (!at.kind)
		return err_set(err, ERR_INVALID,
			"cannot find volume \"%.*s\" to mount into container \"%.*s\"", STRF(name),
			STRF(tree_str(m->container, "name")));
	out->host_path = at.path;
	out->read_only =
		tree_true(mount, "readOnly") || at.kind->read_only || (claim && claim->read_only);
	int code = check_read_only(mount, &out->recursive_read_only, err);
	if (!code)
		code = part_of(m, mount, &part, err);
	if (code)
		return code;
	if (at.kind->image)
		code = add_image(m, out, at.spec, part, err);
	else if (part.len)
		add_part(m, out, tree_str(source, "name"), part, index);
	m->count++;
	return code;
}

static int list(struct volume_mounts *m, struct err *err)
{
	const struct cJSON *mounts = json_get(m->container, STR("volumeMounts"));
	size_t index = 0, most = json_count(mounts) + 1;
	int code = 0;

	m->count = m->subpath_count = 0;
	m->mounts = arena_new(m->arena, most * sizeof(*m->mounts));
	m->subpaths = arena_new(m->arena, most * sizeof(*m->subpaths));
	json_each (mount, mounts)
		if (!code)
			code = add_mount(m, mount, index++, err);
	return code;
}

/* ---- parts ---- */

static void bind_parts(struct work *w)
{
	struct volume_mounts *m = CONTAINER_OF(w, struct volume_mounts, work);
	int pod, code = volume_open_pod(m->root, m->uid, true, &pod, &w->err);

	if (code)
		return;
	for (size_t i = 0; i < m->subpath_count && !code; i++)
		code = work_cancelled(w) ? err_set(&w->err, ERR_CANCELLED, "cancelled")
					 : subpath_bind(pod, &m->subpaths[i], &w->err);
	close(pod);
}

/* Of files of the host nobody is told more than that it did not work. */
static void fail_part(struct volume_mounts *m, struct err *err)
{
	const struct volume_subpath *s = &m->subpaths[0];

	for (size_t i = 0; i < m->subpath_count; i++)
		if (m->subpaths[i].failed)
			s = &m->subpaths[i];
	log_warning(err, "a part of a volume cannot be mounted", LOG_STR("uid", str_from(m->uid)),
		LOG_STR("volume", str_from(s->name)), LOG_STR("container", str_from(s->container)),
		LOG_STR("path", str_from(s->part)));
	if (s->failed)
		err_set(err, ERR_INVALID, "%s for volumeMount \"%s\" of container \"%s\"",
			s->failure, s->name, s->container);
	task_fail(&m->task, err);
}

enum mounts_step { MOUNTS_LIST, MOUNTS_BOUND };
static const char *const mounts_steps[] = {"list", "bound"};

static void mounts_run(struct task *t, struct err *err)
{
	struct volume_mounts *m = CONTAINER_OF(t, struct volume_mounts, task);
	struct err failed = {0};

	switch ((enum mounts_step)t->step) {
	case MOUNTS_LIST:
		if (list(m, &failed))
			task_fail(t, &failed);
		else if (!m->subpath_count)
			task_finish(t, 0);
		else
			work_start(&m->work, task_await(t, MOUNTS_BOUND, OP_NO_DEADLINE), WORK_DISK,
				bind_parts);
		return;
	case MOUNTS_BOUND:
		if (!err->code)
			task_finish(t, 0);
		else if (err->code == ERR_CANCELLED)
			task_fail(t, err);
		else
			fail_part(m, err);
		return;
	}
}

static const struct task_kind mounts_kind = TASK_KIND("volume mounts", mounts_steps, mounts_run);

void pod_volumes_mounts(struct pod_volumes *v, struct op *op, struct volume_mounts *m)
{
	m->volumes = v;
	m->root = pod_volumes_root(v);
	m->uid = pod_volumes_uid(v);
	m->directory = arena_print(m->arena, "%s/pods/%s", m->root, m->uid);
	task_start(&m->task, &mounts_kind, op);
}
