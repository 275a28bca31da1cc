/* The config of an image: what runs, as whom, with what around it. Its digest is the image's id. */
#include "image_documents.h"

#include <kube/json.h>

#define WORDS_MAX 10000

/* null and nothing are the empty list, as Go reads them. */
static int read_list(struct arena *a, const struct cJSON *object, const char *key, size_t max,
	struct str_list *list, struct err *err)
{
	const struct cJSON *array = json_get(object, str_from(key));
	size_t count = json_count(array), i = 0;

	if (json_type(array) == JSON_NULL)
		return 0;
	if (!json_is(array, JSON_ARRAY))
		return err_set(err, ERR_INVALID, "image config: %s is no list", key);
	if (count > max)
		return err_set(
			err, ERR_TOO_LARGE, "image config: %s has more than %zu items", key, max);
	list->items = arena_new(a, MAX(count, (size_t)1) * sizeof(list->items[0]));
	list->count = count;
	json_each (item, array) {
		if (!json_is(item, JSON_STRING))
			return err_set(err, ERR_INVALID, "image config: %s holds a %s", key,
				json_type_name(json_type(item)));
		list->items[i++] = json_str(item);
	}
	return 0;
}

/* {"80/tcp": {}} is a set. */
static void read_set(struct arena *a, const struct cJSON *object, struct str_list *list)
{
	size_t count = MIN(json_count(object), (size_t)WORDS_MAX);

	if (!json_is(object, JSON_OBJECT))
		return;
	list->items = arena_new(a, MAX(count, (size_t)1) * sizeof(list->items[0]));
	json_each (item, object)
		if (list->count < count)
			list->items[list->count++] = json_key(item);
}

static void read_labels(struct arena *a, const struct cJSON *object, struct runtime_pairs *labels)
{
	size_t count = MIN(json_count(object), (size_t)WORDS_MAX);

	if (!json_is(object, JSON_OBJECT) || count == 0)
		return;
	struct runtime_pair *items = arena_new(a, count * sizeof(items[0]));
	json_each (item, object)
		if (labels->count < count)
			items[labels->count++] =
				(struct runtime_pair){json_key(item), json_str(item)};
	labels->items = items;
}

static int read_process(
	struct arena *a, const struct cJSON *of, struct image_config *c, struct err *err)
{
	struct {
		const char *key;
		struct str_list *list;
	} lists[] = {{"Env", &c->env}, {"Entrypoint", &c->entrypoint}, {"Cmd", &c->command}};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		int failed = read_list(a, of, lists[i].key, WORDS_MAX, lists[i].list, err);
		if (failed)
			return failed;
	}
	c->user = json_str(json_get(of, STR("User")));
	c->working_dir = json_str(json_get(of, STR("WorkingDir")));
	c->stop_signal = json_str(json_get(of, STR("StopSignal")));
	read_set(a, json_get(of, STR("ExposedPorts")), &c->exposed_ports);
	read_set(a, json_get(of, STR("Volumes")), &c->volumes);
	read_labels(a, json_get(of, STR("Labels")), &c->labels);
	return 0;
}

int image_config_parse(struct arena *a, struct str text, int64_t max_layers,
	struct image_config *config, struct err *err)
{
	struct json_options options = {.limits = {.max_bytes = IMAGE_DOCUMENT_MAX,
					       .max_depth = 100,
					       .max_nodes = IMAGE_DOCUMENT_MAX / 8}};
	struct image_config c = {0};
	struct cJSON *root;
	int failed = json_parse(a, text, &options, &root, err);

	if (failed)
		return err_wrap(err, failed, "image config");
	if (!json_is(root, JSON_OBJECT))
		return err_set(err, ERR_INVALID, "image config: no object");
	failed = read_process(a, json_get(root, STR("config")), &c, err);
	if (failed)
		return failed;
	c.os = json_str(json_get(root, STR("os")));
	c.architecture = json_str(json_get(root, STR("architecture")));
	const struct cJSON *rootfs = json_get(root, STR("rootfs"));
	if (!str_eq_text(json_str(json_get(rootfs, STR("type"))), "layers"))
		return err_set(err, ERR_INVALID, "image config: rootfs is not of type \"layers\"");
	failed = read_list(a, rootfs, "diff_ids", (size_t)max_layers, &c.diff_ids, err);
	for (size_t i = 0; !failed && i < c.diff_ids.count; i++)
		if (!image_digest_valid(c.diff_ids.items[i]))
			failed = err_set(err, ERR_INVALID, "image config: \"%.*s\" is no diff id",
				STRF(str_sub(c.diff_ids.items[i], 0, 100)));
	if (!failed)
		*config = c;
	return failed;
}

int64_t image_config_user(const struct image_config *config, struct str *name)
{
	struct str user, group;
	uint64_t uid;

	*name = (struct str){0};
	str_cut(config->user, ':', &user, &group);
	if (user.len == 0)
		return 0;
	if (str_to_u64(user, &uid) && uid <= INT32_MAX)
		return (int64_t)uid;
	*name = user;
	return -1;
}
