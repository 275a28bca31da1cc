/* From a container's spec to what the runtime is told: variables, mounts, files, the rest. */
#include "container_config.h"
#include "container_steps.h"

enum make_step { MAKE_BEGIN, MAKE_VARIABLES, MAKE_MOUNTED, MAKE_FILES };
static const char *const make_steps[] = {"begin", "variables", "mounted", "files"};

static enum source_state get_source(void *ctx, struct arena *a, const struct resource *resource,
	struct str name, const struct cJSON **object)
{
	struct pod_item *item = ctx;

	return object_hold_get(item->batch->w->hold, a, resource, name, object);
}

/* The pod as its containers may see it: with the address that it has by now. */
static struct cJSON *pod_with_ips(struct pod_item *item)
{
	struct cJSON *pod = json_copy(&item->arena, item_pod(item));
	struct cJSON *list = json_new(&item->arena, JSON_ARRAY);
	struct kubelet *k = item_kubelet(item);
	const struct ip *ips = k->facts.ips;
	size_t count = k->facts.ip_count;
	struct pod_view view;

	pod_worker_view(item->batch->w, &item->arena, &view);
	const struct sandbox *s = pod_view_sandbox(&view);
	if (s && !tree_true(pod, "spec.hostNetwork")) {
		ips = s->ips;
		count = s->ip_count;
	}
	for (size_t i = 0; i < count; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(64);
		struct cJSON *entry = json_new(&item->arena, JSON_OBJECT);

		ip_print(&text, &ips[i]);
		tree_set_str(&item->arena, entry, "ip", buf_str(&text));
		json_append(list, entry);
		if (i == 0)
			tree_set_str(&item->arena, pod, "status.podIP", buf_str(&text));
	}
	tree_set(&item->arena, pod, "status.podIPs", list);
	return pod;
}

static int make_environment(struct pod_item *item, struct err *err)
{
	struct kubelet *k = item_kubelet(item);
	struct arena *a = &item->arena;
	struct sources sources = {get_source, item};
	struct environment_input in = {.pod = item->seen,
		.container = item->action.container,
		.sources = &sources,
		.files = &item->variables,
		.node = &k->facts};

	item->env = arena_new(a, sizeof(*item->env));
	item->env->arena = a;
	if (!tree_has(item->seen, "spec.enableServiceLinks") ||
		tree_true(item->seen, "spec.enableServiceLinks"))
		in.services = kubelet_services(
			k, a, tree_str(in.pod, "metadata.namespace"), &in.service_count);
	else
		in.services = kubelet_services(k, a, STR("default"), &in.service_count);
	return environment_make(item->env, &in, err);
}

static void ask_variables(struct pod_item *item)
{
	struct kubelet *k = item_kubelet(item);
	struct op *op = task_await(&item->making, MAKE_VARIABLES, OP_NO_DEADLINE);

	item->variables.volumes =
		arena_print(&item->arena, "%.*s/pods/%s/volumes/kubernetes.io~empty-dir",
			STRF(k->options.root_dir), item->batch->w->uid);
	variable_files_want(&item->variables, &item->arena, item->action.container);
	if (item->variables.count)
		variable_files_read(&item->variables, op);
	else
		op_yield(op);
}

static void ask_mounts(struct pod_item *item)
{
	item->mounts = (struct volume_mounts){.pod = item->seen,
		.container = item->action.container,
		.env = item->env,
		.arena = &item->arena};
	pod_volumes_mounts(item->batch->w->volumes,
		task_await(&item->making, MAKE_MOUNTED, OP_NO_DEADLINE), &item->mounts);
}

static void ask_files(struct pod_item *item)
{
	struct kubelet *k = item_kubelet(item);
	struct arena *a = &item->arena;
	struct str hostname, domain;

	pod_host_name(
		a, item->seen, k->options.hostname, k->options.dns_domain, &hostname, &domain);
	item->files = (struct container_files){.root = k->options.root_dir.at,
		.uid = item->batch->w->uid,
		.container = arena_str(a, item_name(item)).at,
		.logs = arena_print(a, "%.*s/%.*s/%.*s", STRF(k->options.log_dir),
			STRF(pod_log_name(a, item->seen)), STRF(item_name(item)))
				.at,
		.attempt = item->action.attempt,
		.node_hosts = tree_true(item->seen, "spec.hostNetwork"),
		.hosts = hosts_text(a, item->seen, hostname, domain)};
	container_files_make(
		&item->files, task_await(&item->making, MAKE_FILES, OP_NO_DEADLINE), a);
}

/* Behind the pod's own; one that mounts something there itself has it so. */
static void add_mount(struct pod_item *item, struct runtime_mount *list, size_t *count,
	struct str place, struct str path)
{
	if (!place.len)
		return;
	for (size_t i = 0; i < *count; i++)
		if (str_eq(list[i].container_path, place))
			return;
	list[(*count)++] = (struct runtime_mount){.container_path = place,
		.host_path = path,
		.read_only = tree_true(item->action.container,
				     "securityContext.readOnlyRootFilesystem") &&
			     str_eq(place, STR("/etc/hosts"))};
}

static const struct container *target_of(struct pod_item *item, const struct pod_view *view)
{
	struct str target = tree_str(item->action.container, "targetContainerName");

	return target.len ? pod_view_container(view, target) : NULL;
}

static int configure(struct pod_item *item, struct err *err)
{
	struct kubelet *k = item_kubelet(item);
	struct arena *a = &item->arena;
	size_t count = item->mounts.count;
	struct runtime_mount *mounts = arena_alloc(a, (count + 2) * sizeof(*mounts));
	struct pod_view view;

	if (count)
		memcpy(mounts, item->mounts.mounts, count * sizeof(*mounts));
	add_mount(item, mounts, &count, tree_str(item->action.container, "terminationMessagePath"),
		item->files.last_words);
	add_mount(item, mounts, &count, STR("/etc/hosts"), item->files.hosts_path);
	pod_worker_view(item->batch->w, a, &view);
	const struct sandbox *s = pod_view_sandbox(&view);
	const struct container *target = target_of(item, &view);
	const struct image *image =
		k->runtime->ops->image(k->runtime, tree_str(item->action.container, "image"));
	if (!s || !image)
		return err_set(err, ERR_UNAVAILABLE, "the pod's sandbox or image has gone");
	struct container_input input = {.pod = item->seen,
		.container = item->action.container,
		.attempt = item->action.attempt,
		.image = image,
		.env = item->env,
		.node = &k->facts,
		.mounts = mounts,
		.mount_count = count,
		.termination_path = item->files.last_words,
		.configuration = &k->configuration,
		.pid_target = target ? arena_str(a, target->id) : STR("")};
	item->create.sandbox = arena_str(a, s->id);
	input.volume_groups =
		pod_volumes_groups(item->batch->w->volumes, &input.volume_group_count);
	return container_config_make(a, &input, &item->create.config, err);
}

static void make_run(struct task *t, struct err *err)
{
	struct pod_item *item = CONTAINER_OF(t, struct pod_item, making);
	struct err why = {0};

	if (err->code)
		return task_fail(t, err);
	switch ((enum make_step)t->step) {
	case MAKE_BEGIN:
		item->seen = pod_with_ips(item);
		ask_variables(item);
		return;
	case MAKE_VARIABLES:
		if (make_environment(item, &why))
			return task_fail(t, &why);
		ask_mounts(item);
		return;
	case MAKE_MOUNTED:
		ask_files(item);
		return;
	case MAKE_FILES:
		if (configure(item, &why))
			return task_fail(t, &why);
		task_finish(t, 0);
	}
}

static const struct task_kind make_kind = TASK_KIND("container make", make_steps, make_run);

void container_make(struct pod_item *item, struct op *op)
{
	task_start(&item->making, &make_kind, op);
}
