/*
 * The image of a container that is to start: whether it is here, whether it is to be asked for,
 * and what is said when it cannot be had.
 */
#include "container_steps.h"
#include "pull_records.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/image_reference.h>
#include <kube/mem.h>
#include <kube/time.h>

/* ErrImagePull can be seen for a moment before it becomes ImagePullBackOff. */
#define RETRY_PULL (1 * SEC)

/* Of a volume that the container mounts, unless another mount of it came before. */
static const struct cJSON *volume_image(const struct pod_item *item, const struct cJSON *mount)
{
	struct str name = tree_str(mount, "name");

	json_each (other, json_get(item->action.container, STR("volumeMounts"))) {
		if (other == mount)
			break;
		if (str_eq(tree_str(other, "name"), name))
			return NULL;
	}
	return volume_image_of(item_pod(item), name);
}

bool container_image_next(struct pod_item *item)
{
	size_t index = 0;

	if (item->images++ == 0) {
		item->image = tree_str(item->action.container, "image");
		item->pull_policy = tree_str(item->action.container, "imagePullPolicy");
		return true;
	}
	json_each (mount, json_get(item->action.container, STR("volumeMounts"))) {
		const struct cJSON *image = volume_image(item, mount);

		if (!image || ++index < item->images - 1)
			continue;
		item->image = tree_str(image, "reference");
		item->pull_policy = tree_str(image, "pullPolicy");
		return true;
	}
	return false;
}

static void give_up_image(
	struct pod_item *item, const char *reason, struct str message, int64_t delay)
{
	container_tell(item, "Warning", "Failed", arena_print(&item->arena, "Error: %s", reason));
	container_give_up(item, reason, message, delay);
}

static void back_off_pull(struct pod_item *item, struct container_note *note, int64_t until)
{
	struct str image = item->image;
	struct str message =
		arena_print(&item->arena, "Back-off pulling image \"%.*s\"", STRF(image));

	container_tell(item, "Normal", "BackOff", message);
	if (note->pull_error.len)
		message = arena_print(&item->arena, "%.*s: ErrImagePull: %.*s", STRF(message),
			STRF(note->pull_error));
	give_up_image(item, "ImagePullBackOff", message, until - item_wall(item));
}

/* ---- credentials ---- */

static void add_secret(struct pod_item *item, const struct cJSON *secret)
{
	static const char *const keys[] = {".dockerconfigjson", ".dockercfg"};
	struct arena *a = &item->arena;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(3 * MIB);
		struct str packed =
			json_str(json_get(json_get(secret, STR("data")), str_from(keys[i])));

		if (!packed.len || base64_decode(&text, packed, NULL))
			continue;
		if (i == 0)
			image_keychain_add_config(&item->keys, a, buf_str(&text), NULL);
		else
			image_keychain_add_legacy(&item->keys, a, buf_str(&text), NULL);
	}
}

static void find_secrets(struct pod_item *item)
{
	_cleanup_(buf_done) struct buf missing = BUF_INIT(16 * KIB);

	if (item->keys_found)
		return;
	item->keys_found = true;
	json_each (ref, json_path(item_pod(item), "spec.imagePullSecrets")) {
		const struct cJSON *secret = NULL;
		struct str name = tree_str(ref, "name");

		if (object_hold_get(item->batch->w->hold, &item->arena, resource_secrets(), name,
			    &secret) == SOURCE_FOUND)
			add_secret(item, secret);
		else
			buf_print(&missing, "%s%.*s", missing.len ? ", " : "", STRF(name));
	}
	if (missing.len)
		kubelet_event(item_kubelet(item), item_pod(item), NULL, "Warning",
			"FailedToRetrieveImagePullSecret",
			arena_print(&item->arena,
				"Unable to retrieve some image pull secrets (%.*s); attempting to "
				"pull the image may not succeed.",
				STRF(buf_str(&missing))));
}

/* ---- pulling ---- */

static void ask(struct pod_item *item, int step)
{
	item->pull.pull = (struct runtime_pull){.reference = item->image, .auth = item->auth};
	pull_queue_start(item_kubelet(item)->pulls, task_await(&item->task, step, OP_NO_DEADLINE),
		&item->pull);
}

bool container_image_again(struct pod_item *item, int step, const struct err *err)
{
	if (err->code == ERR_CANCELLED || !item->auth)
		return false;
	item->auth = image_keychain_next(&item->keys, item->image, &item->key_at);
	if (!item->auth)
		return false;
	ask(item, step);
	return true;
}

static void pull(struct pod_item *item, int step, struct str image)
{
	container_tell(item, "Normal", "Pulling",
		arena_print(&item->arena, "Pulling image \"%.*s\"", STRF(image)));
	item->since = loop_now(kubelet_loop(item_kubelet(item)));
	find_secrets(item);
	pull_records_begin(item_kubelet(item)->pulled, image);
	item->key_at = 0;
	item->auth = image_keychain_next(&item->keys, image, &item->key_at);
	ask(item, step);
}

static bool has_good_name(struct pod_item *item, struct str image)
{
	struct image_reference reference;
	_cleanup_(err_done) struct err err = {0};

	if (!image_reference_parse(&item->arena, image, &reference, &err))
		return true;
	struct str message = arena_print(&item->arena,
		"Failed to apply default image tag \"%.*s\": couldn't parse image name \"%.*s\": "
		"%s",
		STRF(image), STRF(image), err_text(&err));
	container_tell(item, "Warning", "InspectFailed", message);
	give_up_image(item, "InvalidImageName", message, CONTAINER_RETRY);
	return false;
}

/* It is here, and was pulled with nobody's credentials but the pod's. */
static bool may_use(struct pod_item *item, const struct image *image)
{
	const struct pull_records *pulled = item_kubelet(item)->pulled;

	if (!image || !pull_records_ask(pulled, item->image, image->id))
		return image != NULL;
	find_secrets(item);
	return pull_records_allow(pulled, item->image, image->id, &item->keys);
}

bool container_image_here(struct pod_item *item, int step)
{
	struct runtime *r = item_kubelet(item)->runtime;
	struct str image = item->image;
	struct str policy = item->pull_policy;
	struct container_note *note = pod_worker_note(item->batch->w, item_name(item));

	if (!has_good_name(item, image))
		return false;
	if (!str_eq(policy, STR("Always")) && may_use(item, r->ops->image(r, image))) {
		container_tell(item, "Normal", "Pulled",
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

		container_tell(item, "Warning", "ErrImageNeverPull", message);
		give_up_image(item, "ErrImageNeverPull", message, CONTAINER_RETRY);
		return false;
	}
	int64_t until = back_off_until(&note->pull, note->pull.updated, item_wall(item));
	if (until)
		back_off_pull(item, note, until);
	else
		pull(item, step, image);
	return false;
}

void container_image_cancelled(struct pod_item *item)
{
	pull_records_end(item_kubelet(item)->pulled, item->image, STR(""), NULL);
}

void container_image_failed(struct pod_item *item, struct err *err)
{
	struct str image = item->image;
	struct container_note *note = pod_worker_note(item->batch->w, item_name(item));
	struct str message = arena_print(&item->arena, "%s", err_text(err));
	int64_t now = item_wall(item);

	pull_records_end(item_kubelet(item)->pulled, image, STR(""), NULL);
	mem_free((void *)note->pull_error.at);
	note->pull_error = str_make(str_dup(message), message.len);
	back_off_next(&note->pull, now, now, BACK_OFF_MOST);
	container_tell(item, "Warning", "Failed",
		arena_print(&item->arena, "Failed to pull image \"%.*s\": %.*s", STRF(image),
			STRF(message)));
	give_up_image(item, "ErrImagePull", message, RETRY_PULL);
	err_done(err);
}

static void note_pulled(struct pod_item *item, const struct image *image)
{
	struct pull_records *pulled = item_kubelet(item)->pulled;
	struct runtime *r = item_kubelet(item)->runtime;
	const struct image *const *list;
	size_t count = r->ops->images(r, &list);

	pull_records_keep(pulled, list, count);
	pull_records_end(pulled, item->image, image ? image->id : STR(""), item->auth);
}

void container_image_pulled(struct pod_item *item)
{
	struct runtime *r = item_kubelet(item)->runtime;
	struct str name = item->image;
	const struct image *image = r->ops->image(r, name);
	struct container_note *note = pod_worker_note(item->batch->w, item_name(item));
	_cleanup_(buf_done) struct buf took = BUF_INIT(64), all = BUF_INIT(64);
	int64_t ns = loop_now(kubelet_loop(item_kubelet(item))) - item->since;

	note->pull = (struct back_off){0};
	note_pulled(item, image);
	duration_print(&took, item->pull.lasted / MSEC * MSEC);
	duration_print(&all, ns / MSEC * MSEC);
	container_tell(item, "Normal", "Pulled",
		arena_print(&item->arena,
			"Successfully pulled image \"%.*s\" in %s (%s including waiting). Image "
			"size: %lld bytes.",
			STRF(name), buf_text(&took), buf_text(&all),
			(long long)(image ? image->size : 0)));
}
