#include "image_index.h"

#include <kube/json.h>
#include <kube/map.h>
#include <unistd.h>

#define INDEX     "index.json"
#define INDEX_MAX (64 * MIB)

static void read_texts(struct arena *a, const struct cJSON *list, struct str_list *texts)
{
	texts->items = arena_new(a, (json_count(list) + 1) * sizeof(texts->items[0]));
	json_each (n, list)
		texts->items[texts->count++] = json_str(n);
}

static bool read_entry(struct arena *a, const struct cJSON *n, struct image_entry *e)
{
	const struct cJSON *layers = json_get(n, STR("layers"));

	e->id = json_str(json_get(n, STR("id")));
	e->pinned = json_bool(json_get(n, STR("pinned")));
	json_int(json_get(n, STR("came")), &e->came);
	read_texts(a, json_get(n, STR("names")), &e->names);
	read_texts(a, json_get(n, STR("digests")), &e->digests);
	e->layers.items = arena_new(a, (json_count(layers) + 1) * sizeof(e->layers.items[0]));
	e->layer_bytes = arena_new(a, (json_count(layers) + 1) * sizeof(e->layer_bytes[0]));
	json_each (l, layers) {
		struct str diff = json_str(json_get(l, STR("diff")));
		if (!image_digest_valid(diff) ||
			!json_int(json_get(l, STR("bytes")), &e->layer_bytes[e->layers.count]))
			return false;
		e->layers.items[e->layers.count++] = diff;
	}
	return image_digest_valid(e->id);
}

static int parse_index(
	const struct image_disk *d, struct image_index *x, struct str text, struct err *err)
{
	struct json_options options = {.limits = {.max_bytes = INDEX_MAX}};
	struct cJSON *root;
	int failed = json_parse(&x->arena, text, &options, &root, err);

	if (failed)
		return err_wrap(err, failed, "%s/" INDEX, d->path);
	const struct cJSON *images = json_get(root, STR("images"));
	if (!json_int(json_get(root, STR("generation")), &x->generation))
		return err_set(err, ERR_INVALID, "%s/" INDEX ": no generation", d->path);
	x->cap = json_count(images) + 1; /* room for the one that may be added */
	x->entries = arena_new(&x->arena, x->cap * sizeof(x->entries[0]));
	json_each (n, images)
		if (!read_entry(&x->arena, n, &x->entries[x->count++]))
			return err_set(err, ERR_INVALID, "%s/" INDEX ": an image is not in order",
				d->path);
	return 0;
}

int image_index_read(const struct image_disk *d, struct image_index *x, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(INDEX_MAX);
	_cleanup_(err_done) struct err why = {0};

	*x = (struct image_index){0};
	arena_init(&x->arena);
	int failed = image_disk_read(d, INDEX, &text, &why);
	if (failed == ERR_NOT_FOUND)
		failed = parse_index(d, x, STR("{\"generation\":0}"), err);
	else if (failed)
		err_move(err, &why);
	else
		failed = parse_index(d, x, buf_str(&text), err);
	if (failed)
		image_index_done(x);
	return failed;
}

void image_index_done(struct image_index *x)
{
	arena_done(&x->arena);
}

struct image_entry *image_index_get(const struct image_index *x, struct str id)
{
	for (size_t i = 0; i < x->count; i++)
		if (str_eq(x->entries[i].id, id))
			return &x->entries[i];
	return NULL;
}

static struct cJSON *text_array(struct arena *a, const struct str_list *texts)
{
	struct cJSON *array = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < texts->count; i++)
		json_append(array, json_new_str(a, texts->items[i]));
	return array;
}

static struct cJSON *print_entry(struct arena *a, const struct image_entry *e)
{
	struct cJSON *n = json_new(a, JSON_OBJECT), *layers = json_new(a, JSON_ARRAY);

	json_set(a, n, STR("id"), json_new_str(a, e->id));
	json_set(a, n, STR("names"), text_array(a, &e->names));
	json_set(a, n, STR("digests"), text_array(a, &e->digests));
	for (size_t i = 0; i < e->layers.count; i++) {
		struct cJSON *layer = json_new(a, JSON_OBJECT);
		json_set(a, layer, STR("diff"), json_new_str(a, e->layers.items[i]));
		json_set(a, layer, STR("bytes"), json_new_int(a, e->layer_bytes[i]));
		json_append(layers, layer);
	}
	json_set(a, n, STR("layers"), layers);
	json_set(a, n, STR("came"), json_new_int(a, e->came));
	json_set(a, n, STR("pinned"), json_new_bool(a, e->pinned));
	return n;
}

static int write_index(const struct image_disk *d, struct image_index *x, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(INDEX_MAX);
	struct arena *a = &x->arena;
	struct cJSON *root = json_new(a, JSON_OBJECT), *images = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < x->count; i++)
		json_append(images, print_entry(a, &x->entries[i]));
	json_set(a, root, STR("generation"), json_new_int(a, ++x->generation));
	json_set(a, root, STR("images"), images);
	json_print(&text, root, JSON_PRETTY);
	buf_add_char(&text, '\n');
	if (buf_over(&text))
		return err_set(err, ERR_TOO_LARGE, "%s/" INDEX " would become too large", d->path);
	return image_disk_write(d, INDEX, buf_str(&text), err);
}

static bool list_has(const struct str_list *list, struct str text)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->items[i], text))
			return true;
	return false;
}

static bool list_drop(struct str_list *list, struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < list->count; i++)
		if (!str_eq(list->items[i], text))
			list->items[n++] = list->items[i];
	bool dropped = n < list->count;
	list->count = n;
	return dropped;
}

static void list_join(struct arena *a, struct str_list *list, const struct str_list *more)
{
	struct str *items = arena_new(a, (list->count + more->count + 1) * sizeof(items[0]));

	for (size_t i = 0; i < list->count; i++)
		items[i] = list->items[i];
	list->items = items;
	for (size_t i = 0; i < more->count; i++)
		if (!list_has(list, more->items[i]))
			list->items[list->count++] = more->items[i];
}

/* Holds the index, reads, lets `change` change, writes what has changed. */
typedef bool change_fn(struct image_index *x, void *ctx);
static int change_index(const struct image_disk *d, change_fn *change, void *ctx, struct err *err)
{
	struct image_index x;
	int lock, failed = image_disk_hold_index(d, &lock, err);

	if (failed)
		return failed;
	failed = image_index_read(d, &x, err);
	if (!failed) {
		if (change(&x, ctx))
			failed = write_index(d, &x, err);
		image_index_done(&x);
	}
	close(lock);
	return failed;
}

static bool add_entry(struct image_index *x, void *ctx)
{
	const struct image_entry *fresh = ctx;
	struct image_entry *e = image_index_get(x, fresh->id);

	for (size_t i = 0; i < x->count; i++)
		for (size_t k = 0; k < fresh->names.count; k++)
			if (&x->entries[i] != e)
				list_drop(&x->entries[i].names, fresh->names.items[k]);
	if (!e) {
		e = &x->entries[x->count++];
		*e = (struct image_entry){.id = fresh->id, .came = fresh->came};
	}
	list_join(&x->arena, &e->names, &fresh->names);
	list_join(&x->arena, &e->digests, &fresh->digests);
	e->layers = fresh->layers;
	e->layer_bytes = fresh->layer_bytes;
	e->pinned = e->pinned || fresh->pinned;
	return true;
}

int image_index_add(const struct image_disk *d, const struct image_entry *entry, struct err *err)
{
	return change_index(d, add_entry, (void *)entry, err);
}

struct removal {
	struct str id, name;
	bool found, gone;
};

static bool remove_entry(struct image_index *x, void *ctx)
{
	struct removal *r = ctx;
	struct image_entry *e = image_index_get(x, r->id);

	if (!e || (r->name.len && !list_drop(&e->names, r->name)))
		return false;
	r->found = true;
	if (r->name.len && e->names.count)
		return true;
	*e = x->entries[--x->count];
	r->gone = true;
	return true;
}

int image_index_remove(
	const struct image_disk *d, struct str id, struct str name, bool *gone, struct err *err)
{
	struct removal r = {.id = id, .name = name};
	int failed = change_index(d, remove_entry, &r, err);

	if (!failed && !r.found)
		failed = err_set(
			err, ERR_NOT_FOUND, "image \"%.*s\" not found", STRF(name.len ? name : id));
	*gone = r.gone;
	return failed;
}

static bool is_used(void *ctx, struct str digest)
{
	return map_has(ctx, digest);
}

int image_index_sweep(const struct image_disk *d, struct err *err)
{
	struct image_index x;
	struct map used;
	int alone, failed = image_disk_hold_alone(d, &alone, err);

	if (failed || alone < 0)
		return failed;
	failed = image_index_read(d, &x, err);
	if (!failed) {
		map_init_borrowed(&used);
		for (size_t i = 0; i < x.count; i++) {
			map_set(&used, x.entries[i].id, &x);
			for (size_t k = 0; k < x.entries[i].layers.count; k++)
				map_set(&used, x.entries[i].layers.items[k], &x);
		}
		failed = image_used_layers(d, &x.arena, &used, err);
		if (!failed)
			failed = image_disk_sweep(d, is_used, &used, err);
		map_done(&used);
		image_index_done(&x);
	}
	close(alone);
	return failed;
}
