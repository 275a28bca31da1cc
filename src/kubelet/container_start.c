/*
 * Starting a container: its image, its config, the container, its hook. What is in the way is
 * noted with the container and told as an event, in upstream's words; the worker comes again.
 */
#include "container_config.h"
#include "pod_batch.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/time.h>

/* As upstream's pod workers come again after a failure. */
#define RETRY (10 * SEC)
/* ErrImagePull can be seen for a moment before it becomes ImagePullBackOff. */
#define RETRY_PULL (1 * SEC)

enum start_step {
	START_IMAGE,
	START_PULLED,
	START_CREATED,
	START_STARTED,
	START_HOOKED,
	START_KILLED
};
static const char *const start_steps[] = {
	"image", "pulled", "created", "started", "hooked", "killed"};

static struct str item_name(const struct pod_item *item)
{
	return tree_str(item->action.container, "name");
}

static void tell(struct pod_item *item, const char *type, const char *reason, struct str message)
{
	kubelet_event(
		item_kubelet(item), item_pod(item), item->action.container, type, reason, message);
}

static int64_t wall(const struct pod_item *item)
{
	return env_wall(kubelet_env(item_kubelet(item)));
}

/* It does not run, because; the batch goes on with the next one. */
static void give_up(struct pod_item *item, const char *reason, struct str message, int64_t delay)
{
	struct container_note *note = pod_worker_note(item->batch->w, item_name(item));

	pod_worker_obstacle(item->batch->w, item_name(item), reason, message);
	note->retry_at = wall(item) + delay;
	task_finish(&item->task, 0);
}

static void give_up_with(struct pod_item *item, const char *reason, struct err *err)
{
	struct str message = arena_print(&item->arena, "%s", err_text(err));

	err_done(err);
	tell(item, "Warning", "Failed", arena_print(&item->arena, "Error: %.*s", STRF(message)));
	give_up(item, reason, message, RETRY);
}

/* ---- the image ---- */

static void give_up_image(
	struct pod_item *item, const char *reason, struct str message, int64_t delay)
{
	tell(item, "Warning", "Failed", arena_print(&item->arena, "Error: %s", reason));
	give_up(item, reason, message, delay);
}

static void back_off_pull(struct pod_item *item, struct container_note *note, int64_t until)
{
	struct str image = tree_str(item->action.container, "image");
	struct str message =
		arena_print(&item->arena, "Back-off pulling image \"%.*s\"", STRF(image));

	tell(item, "Normal", "BackOff", message);
	if (note->pull_error.len)
		message = arena_print(&item->arena, "%.*s: ErrImagePull: %.*s", STRF(message),
			STRF(note->pull_error));
	give_up_image(item, "ImagePullBackOff", message, until - wall(item));
}

static void pull(struct pod_item *item, struct str image)
{
	struct runtime *r = item_kubelet(item)->runtime;

	tell(item, "Normal", "Pulling",
		arena_print(&item->arena, "Pulling image \"%.*s\"", STRF(image)));
	item->since = loop_now(kubelet_loop(item_kubelet(item)));
	item->pull = (struct runtime_pull){.reference = image};
	r->ops->pull(r, task_await(&item->task, START_PULLED, OP_NO_DEADLINE), &item->pull);
}

/* Is it here, and need it not be asked for? Otherwise it is awaited, or given up. */
static bool have_image(struct pod_item *item)
{
	struct runtime *r = item_kubelet(item)->runtime;
	struct str image = tree_str(item->action.container, "image");
	struct str policy = tree_str(item->action.container, "imagePullPolicy");
	struct container_note *note = pod_worker_note(item->batch->w, item_name(item));
	bool here = r->ops->image(r, image) != NULL;

	if (here && !str_eq(policy, STR("Always"))) {
		tell(item, "Normal", "Pulled",
			arena_print(&item->arena,
				"Container image \"%.*s\" already present on machine and can be "
				"accessed by the pod",
				STRF(image)));
		return true;
	}
	if (str_eq(policy, STR("Never"))) {
		struct str message = arena_print(&item->arena,
			"Container image \"%.*s\" is not present with pull policy of Never",
			STRF(image));

		tell(item, "Warning", "ErrImageNeverPull", message);
		give_up_image(item, "ErrImageNeverPull", message, RETRY);
		return false;
	}
	int64_t until = back_off_until(&note->pull, note->pull.updated, wall(item));
	if (until)
		back_off_pull(item, note, until);
	else
		pull(item, image);
	return false;
}

static void pull_failed(struct pod_item *item, struct err *err)
{
	struct str image = tree_str(item->action.container, "image");
	struct container_note *note = pod_worker_note(item->batch->w, item_name(item));
	struct str message = arena_print(&item->arena, "%s", err_text(err));
	int64_t now = wall(item);

	mem_free((void *)note->pull_error.at);
	note->pull_error = str_make(str_dup(message), message.len);
	back_off_next(&note->pull, now, now);
	if (err->code == ERR_SYNTAX) {
		tell(item, "Warning", "InspectFailed",
			arena_print(&item->arena,
				"Failed to apply default image tag \"%.*s\": %.*s", STRF(image),
				STRF(message)));
		give_up_image(item, "InvalidImageName",
			arena_print(&item->arena,
				"Failed to apply default image tag \"%.*s\": %.*s", STRF(image),
				STRF(message)),
			RETRY);
	} else {
		tell(item, "Warning", "Failed",
			arena_print(&item->arena, "Failed to pull image \"%.*s\": %.*s",
				STRF(image), STRF(message)));
		give_up_image(item, "ErrImagePull", message, RETRY_PULL);
	}
	err_done(err);
}

static void pulled(struct pod_item *item)
{
	struct runtime *r = item_kubelet(item)->runtime;
	struct str name = tree_str(item->action.container, "image");
	const struct image *image = r->ops->image(r, name);
	struct container_note *note = pod_worker_note(item->batch->w, item_name(item));
	_cleanup_(buf_done) struct buf took = BUF_INIT(64);
	int64_t ns = loop_now(kubelet_loop(item_kubelet(item))) - item->since;

	note->pull = (struct back_off){0};
	duration_print(&took, ns / MSEC * MSEC);
	tell(item, "Normal", "Pulled",
		arena_print(&item->arena,
			"Successfully pulled image \"%.*s\" in %s (%s including waiting). Image "
			"size: %lld bytes.",
			STRF(name), buf_text(&took), buf_text(&took),
			(long long)(image ? image->size : 0)));
}

/* ---- the container ---- */

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

static int configure(struct pod_item *item, struct err *err)
{
	struct kubelet *k = item_kubelet(item);
	struct arena *a = &item->arena;
	struct sources sources = {get_source, item};
	struct environment *env = arena_new(a, sizeof(*env));
	struct pod_view view;
	struct environment_input in = {.pod = pod_with_ips(item),
		.container = item->action.container,
		.sources = &sources,
		.node = &k->facts};

	env->arena = a;
	in.services =
		kubelet_services(k, a, tree_str(in.pod, "metadata.namespace"), &in.service_count);
	int code = environment_make(env, &in, err);
	if (code)
		return code;
	pod_worker_view(item->batch->w, a, &view);
	const struct sandbox *s = pod_view_sandbox(&view);
	const struct image *image =
		k->runtime->ops->image(k->runtime, tree_str(item->action.container, "image"));
	if (!s || !image)
		return err_set(err, ERR_UNAVAILABLE, "the pod's sandbox or image has gone");
	struct container_input input = {.pod = in.pod,
		.container = item->action.container,
		.attempt = item->action.attempt,
		.image = image,
		.env = env,
		.node = &k->facts};
	item->create.sandbox = arena_str(a, s->id);
	return container_config_make(a, &input, &item->create.config, err);
}

static void create(struct pod_item *item)
{
	struct runtime *r = item_kubelet(item)->runtime;
	_cleanup_(err_done) struct err err = {0};

	if (configure(item, &err)) {
		give_up_with(item, "CreateContainerConfigError", &err);
		return;
	}
	r->ops->create_container(
		r, task_await(&item->task, START_CREATED, OP_NO_DEADLINE), &item->create);
}

static void created(struct pod_item *item)
{
	struct runtime *r = item_kubelet(item)->runtime;

	tell(item, "Normal", "Created", STR("Container created"));
	item->create.id = arena_str(&item->arena, item->create.id);
	r->ops->start_container(
		r, task_await(&item->task, START_STARTED, OP_NO_DEADLINE), item->create.id);
}

static void started(struct pod_item *item)
{
	struct container_note *note = pod_worker_note(item->batch->w, item_name(item));
	const struct cJSON *hook = json_path(item->action.container, "lifecycle.postStart");

	tell(item, "Normal", "Started", STR("Container started"));
	pod_worker_obstacle(item->batch->w, item_name(item), NULL, STR(""));
	if (item->action.since)
		back_off_next(&note->restart, item->action.since, wall(item));
	if (hook)
		hook_run(item, task_await(&item->task, START_HOOKED, OP_NO_DEADLINE), hook,
			item->create.id);
	else
		task_finish(&item->task, 0);
}

/* A container whose hook failed is none. */
static void hook_failed(struct pod_item *item, struct err *err)
{
	struct runtime *r = item_kubelet(item)->runtime;
	int64_t grace = container_grace(item_pod(item), item->action.container, NULL);

	item->hook = arena_print(&item->arena, "%s", err_text(err)).at;
	err_done(err);
	tell(item, "Warning", "FailedPostStartHook", STR("PostStartHook failed"));
	tell(item, "Normal", "Killing", STR("FailedPostStartHook"));
	r->ops->stop_container(
		r, task_await(&item->task, START_KILLED, OP_NO_DEADLINE), item->create.id, grace);
}

static void start_run(struct task *t, struct err *err)
{
	struct pod_item *item = CONTAINER_OF(t, struct pod_item, task);

	if (err && err->code == ERR_CANCELLED)
		return task_fail(t, err);
	switch ((enum start_step)t->step) {
	case START_IMAGE:
		if (have_image(item))
			create(item);
		return;
	case START_PULLED:
		if (err->code)
			return pull_failed(item, err);
		pulled(item);
		create(item);
		return;
	case START_CREATED:
		if (err->code)
			return give_up_with(item, "CreateContainerError", err);
		created(item);
		return;
	case START_STARTED:
		if (err->code)
			return give_up_with(item, "RunContainerError", err);
		started(item);
		return;
	case START_HOOKED:
		if (err->code)
			return hook_failed(item, err);
		task_finish(t, 0);
		return;
	case START_KILLED:
		err_done(err);
		give_up(item, "PostStartHookError", str_from(item->hook), 0);
	}
}

static const struct task_kind start_kind = TASK_KIND("container start", start_steps, start_run);

void container_start(struct pod_item *item)
{
	task_start(&item->task, &start_kind, &item->op);
}
