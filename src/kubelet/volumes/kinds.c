/* The kinds of volumes, and what is the same for all of them. */
#include "volume_plan.h"

#include "environment.h"

#include <kube/api_codec.h>
#include <kube/file_tree.h>
#include <kube/mount.h>
#include <kube/pods.h>
#include <kube/quantity.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const struct volume_kind *const kinds[] = {&volume_empty_dir, &volume_host_path,
	&volume_config_map, &volume_secret, &volume_downward_api, &volume_projected, &volume_local,
	&volume_image};

int volume_kind_of(const struct cJSON *volume, const struct volume_kind **kind,
	const struct cJSON **spec, struct err *err)
{
	struct str said = STR("");

	json_each (member, volume) {
		if (str_eq(json_key(member), STR("name")) || !json_is(member, JSON_OBJECT))
			continue;
		said = json_key(member);
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			if (str_eq_text(said, kinds[i]->source)) {
				*kind = kinds[i];
				*spec = member;
				return 0;
			}
	}
	return err_set(err, ERR_UNSUPPORTED,
		"volumes of kind \"%.*s\" are not supported by this node", STRF(said));
}

uint32_t volume_default_mode(const struct cJSON *spec)
{
	return (uint32_t)tree_int(spec, "defaultMode", 0644);
}

const struct cJSON *volume_by_name(const struct cJSON *pod, struct str name)
{
	json_each (volume, json_path(pod, "spec.volumes"))
		if (str_eq(tree_str(volume, "name"), name))
			return volume;
	return NULL;
}

const struct cJSON *volume_image_of(const struct cJSON *pod, struct str volume)
{
	return json_get(volume_by_name(pod, volume), STR("image"));
}

const struct cJSON *volume_source(const struct volume_claims *claims, const struct cJSON *volume)
{
	const struct volume_claim *claim = claims_find(claims, tree_str(volume, "name"));

	if (!claim)
		return volume;
	return claim->state == CLAIM_KNOWN ? claim->source : NULL;
}

struct volume_place volume_place_of(
	struct arena *a, struct str directory, const struct cJSON *source)
{
	struct volume_place at = {0};

	if (volume_kind_of(source, &at.kind, &at.spec, NULL))
		return (struct volume_place){0};
	if (at.kind->place)
		at.path = at.kind->place(at.spec);
	else if (at.kind->directory)
		at.path = arena_print(a, "%.*s/volumes/%s/%.*s", STRF(directory),
			at.kind->directory, STRF(tree_str(source, "name")));
	return at;
}

/* ---- planning ---- */

int volume_add_reference(const struct volume_planning *in, const struct volume_reference *ref,
	struct volume_payload *out, struct err *err)
{
	const char *kind = ref->secret ? "secret" : "configmap";
	const struct cJSON *object = NULL;

	switch (in->sources->get(in->sources->ctx, in->arena,
		ref->secret ? resource_secrets() : resource_config_maps(), ref->name, &object)) {
	case SOURCE_FOUND:
		break;
	case SOURCE_MISSING:
		if (ref->optional)
			return 0;
		return err_set(err, ERR_NOT_FOUND, "%s \"%.*s\" not found", kind, STRF(ref->name));
	case SOURCE_NOT_YET:
		return err_set(err, ERR_UNAVAILABLE,
			"failed to sync %s cache: timed out waiting for the condition", kind);
	}
	return payload_add_source(in->arena, out, ref, object, err);
}

static void take_smaller(struct str text, int64_t *size)
{
	struct quantity q;

	if (!text.len || quantity_parse(text, &q, NULL) || quantity_sign(q) <= 0)
		return;
	int64_t bytes = quantity_value(q);
	if (!*size || bytes < *size)
		*size = bytes;
}

/* What is in memory counts as the pod's: no more than it may have, nor than the node has. */
int64_t volume_memory_size(const struct volume_planning *in, struct str limit)
{
	const struct cJSON *spec = json_get(in->pod, STR("spec"));
	int64_t size = 0;

	take_smaller(json_str(json_get(in->host->node->allocatable, STR("memory"))), &size);
	take_smaller(
		json_str(json_get(pod_sum(in->arena, spec, "resources.limits"), STR("memory"))),
		&size);
	take_smaller(limit, &size);
	return size;
}

static int plan(struct volume_planning *in, struct volume_plan *out, struct err *err)
{
	struct str name = tree_str(in->volume, "name");
	const struct cJSON *security = json_path(in->pod, "spec.securityContext");
	int code;

	if (!file_tree_is_name(name))
		return err_set(err, ERR_INVALID, "not a name of a volume");
	code = volume_kind_of(in->volume, &out->kind, &in->spec, err);
	if (code)
		return code;
	out->owner.read_only |= out->kind->read_only;
	if (out->kind->keeps &&
		str_eq(tree_str(security, "fsGroupChangePolicy"), STR("OnRootMismatch")))
		out->owner.policy = VOLUME_CHANGE_ON_MISMATCH;
	out->memory = out->kind->memory;
	if (out->memory)
		out->size = volume_memory_size(in, STR(""));
	if (out->kind->files)
		volume_nested(in->arena, in->pod, name, &out->nested, &out->nested_count);
	if (out->kind->plan)
		code = out->kind->plan(in, out, err);
	if (!code)
		code = payload_end(in->arena, &out->payload, err);
	return code;
}

void volume_plan_make(const struct volume_planning *in, struct volume_plan *out)
{
	struct volume_planning mine = *in;
	const struct volume_claim *claim = claims_find(in->claims, tree_str(in->volume, "name"));

	*out = (struct volume_plan){.stamp = in->stamp,
		.volume = arena_str(in->arena, tree_str(in->volume, "name")).at,
		.failed = "MountVolume.SetUp failed",
		.owner.group = tree_int(in->pod, "spec.securityContext.fsGroup", -1)};
	if (claim)
		out->owner.read_only = claim->read_only;
	mine.volume = volume_source(in->claims, in->volume);
	out->unknown = !mine.volume;
	out->name =
		mine.volume ? arena_str(in->arena, tree_str(mine.volume, "name")).at : out->volume;
	if (out->unknown)
		err_set(&out->err, ERR_UNAVAILABLE, "%.*s", STRF(claim->problem));
	else
		plan(&mine, out, &out->err);
}

/* ---- making ---- */

/* Secrets are not to be found on disks: no swap either, where the kernel knows how. */
static int mount_tmpfs(const struct volume_plan *plan, int place, struct err *err)
{
	char size[32];
	struct mount_option options[2] = {{"noswap", NULL}};
	int fd, code;

	snprintf(size, sizeof(size), "%lld", (long long)plan->size);
	options[1] = (struct mount_option){"size", size};
	size_t count = plan->size > 0 ? 2 : 1;
	code = mount_new("tmpfs", options, count, 0, &fd, NULL);
	if (code)
		code = mount_new("tmpfs", options + 1, count - 1, 0, &fd, err);
	if (code)
		return code;
	code = mount_attach(fd, place, err);
	close(fd);
	return code;
}

static int mount_huge(const struct volume_plan *plan, int place, struct err *err)
{
	struct mount_option option = {"pagesize", plan->page};
	int fd, code = mount_new("hugetlbfs", &option, 1, 0, &fd, err);

	if (code)
		return code;
	code = mount_attach(fd, place, err);
	close(fd);
	return code;
}

static int mount_memory(struct volume_plan *plan, int place, struct err *err)
{
	return plan->page ? mount_huge(plan, place, err) : mount_tmpfs(plan, place, err);
}

int volume_open(struct volume_plan *plan, int *fd, bool *fresh, struct err *err)
{
	int (*mount)(struct volume_plan * plan, int place, struct err *err) =
		plan->memory ? mount_memory : plan->kind->mount;
	int all, parent, code = file_tree_make(plan->directory, "volumes", 0750, &all, err);

	if (code)
		return code;
	code = file_tree_make(all, plan->kind->directory, 0755, &parent, err);
	close(all);
	if (code)
		return code;
	*fresh = faccessat(parent, plan->name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
	code = file_tree_make(parent, plan->name, 0777, fd, err);
	if (!code && mount && !file_tree_is_mount(parent, plan->name)) {
		code = mount(plan, *fd, err);
		close(*fd);
		*fresh = true;
		/* Once more: what is on top now. */
		if (!code)
			code = file_tree_make(parent, plan->name, 0777, fd, err);
	}
	close(parent);
	return code;
}

/* A directory with the files, and places for what is mounted in it. */
static int make_files(struct volume_plan *plan, struct err *err)
{
	bool fresh, wrote;
	int fd, code = volume_open(plan, &fd, &fresh, err);

	if (code)
		return code;
	for (size_t i = 0; i < plan->nested_count && !code; i++)
		code = file_tree_make(fd, plan->nested[i].at, 0755, NULL, err);
	if (!code)
		code = atomic_write(fd, &plan->payload, plan->stamp, &plan->owner, &wrote, err);
	close(fd);
	return code;
}

int volume_make(struct volume_plan *plan, struct err *err)
{
	if (plan->kind->make)
		return plan->kind->make(plan, err);
	return plan->kind->files ? make_files(plan, err) : 0;
}
