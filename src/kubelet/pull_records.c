#include "pull_records.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/env.h>
#include <kube/hash.h>
#include <kube/image_reference.h>
#include <kube/list.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/work.h>

#define FILE_NAME   "pulled-images.json"
#define TEXT_MAX    (8 * MIB)
#define HASHES_MOST 64 /* of one image; then the oldest is forgotten */

/* One image by one name. */
struct record {
	struct link in_all;
	char *id, *name;
	bool open; /* nobody is asked for anything */
	char *hashes[HASHES_MOST];
	size_t count;
};

/* A pull that was begun: what it left may not be taken for something that was always here. */
struct intent {
	struct link in_all;
	char *image;
	int pulls; /* under way; 0: of a kubelet that is gone */
};

struct pull_records {
	struct env *env;
	struct scope *scope;
	const struct kubelet_configuration *configuration;
	struct list records, intents;
	char *root, *path, *text;
	struct work work;
	struct op saving;
	bool save_again;
};

/* Without tag and digest: one repository, one set of rights. */
static struct str name_of(struct arena *a, struct str image)
{
	struct image_reference reference;

	return image_reference_parse(a, image, &reference, NULL)
		       ? image
		       : image_reference_name(a, &reference);
}

static struct str hash_of(struct arena *a, const struct image_auth *auth)
{
	_cleanup_(buf_done) struct buf hex = BUF_INIT(128);
	unsigned char digest[32];
	struct str all = arena_print(a, "%zu %zu %zu %zu\n%.*s%.*s%.*s%.*s", auth->user.len,
		auth->password.len, auth->identity_token.len, auth->registry_token.len,
		STRF(auth->user), STRF(auth->password), STRF(auth->identity_token),
		STRF(auth->registry_token));

	sha256_of(all, digest);
	hex_encode(&hex, str_make((const char *)digest, sizeof(digest)));
	return arena_str(a, buf_str(&hex));
}

/* ---- what is known ---- */

static struct record *find(const struct pull_records *r, struct str id, struct str name)
{
	list_each (k, &r->records) {
		struct record *one = LIST_ENTRY(k, struct record, in_all);

		if (str_eq_text(id, one->id) && (!name.at || str_eq_text(name, one->name)))
			return one;
	}
	return NULL;
}

static struct intent *find_intent(const struct pull_records *r, struct str image)
{
	list_each (k, &r->intents) {
		struct intent *one = LIST_ENTRY(k, struct intent, in_all);

		if (str_eq_text(image, one->image))
			return one;
	}
	return NULL;
}

static struct record *add_record(struct pull_records *r, struct str id, struct str name)
{
	struct record *one = mem_new(sizeof(*one));

	one->id = str_dup(id);
	one->name = str_dup(name);
	list_push(&r->records, &one->in_all);
	return one;
}

static void forget_hashes(struct record *one)
{
	while (one->count)
		mem_free(one->hashes[--one->count]);
}

static void free_record(struct record *one)
{
	link_remove(&one->in_all);
	forget_hashes(one);
	mem_free(one->id);
	mem_free(one->name);
	mem_free(one);
}

static void free_intent(struct intent *one)
{
	link_remove(&one->in_all);
	mem_free(one->image);
	mem_free(one);
}

static bool has_hash(const struct record *one, struct str hash)
{
	for (size_t i = 0; i < one->count; i++)
		if (str_eq_text(hash, one->hashes[i]))
			return true;
	return false;
}

static void add_hash(struct record *one, struct str hash)
{
	if (one->open || has_hash(one, hash))
		return;
	if (one->count == HASHES_MOST) {
		mem_free(one->hashes[0]);
		memmove(one->hashes, one->hashes + 1, --one->count * sizeof(char *));
	}
	one->hashes[one->count++] = str_dup(hash);
}

/* ---- on disk ---- */

static struct cJSON *tree_of(struct arena *a, const struct pull_records *r)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *pulled = json_new(a, JSON_ARRAY),
		     *pulling = json_new(a, JSON_ARRAY);

	list_each (k, &r->records) {
		const struct record *one = LIST_ENTRY(k, struct record, in_all);
		struct cJSON *entry = json_new(a, JSON_OBJECT), *hashes = json_new(a, JSON_ARRAY);

		tree_set_str(a, entry, "id", str_from(one->id));
		tree_set_str(a, entry, "name", str_from(one->name));
		json_set(a, entry, STR("open"), json_new_bool(a, one->open));
		for (size_t i = 0; i < one->count; i++)
			json_append(hashes, json_new_str(a, str_from(one->hashes[i])));
		json_set(a, entry, STR("credentials"), hashes);
		json_append(pulled, entry);
	}
	list_each (k, &r->intents)
		json_append(pulling,
			json_new_str(a, str_from(LIST_ENTRY(k, struct intent, in_all)->image)));
	json_set(a, tree, STR("pulled"), pulled);
	json_set(a, tree, STR("pulling"), pulling);
	return tree;
}

static void save_on_worker(struct work *w)
{
	struct pull_records *r = CONTAINER_OF(w, struct pull_records, work);
	struct disk *disk = r->env->disk;

	if (!disk_make_dirs(disk, r->root, 0750, &w->err))
		disk_write_file(disk, r->path, str_from(r->text), 0600, &w->err);
}

static void save(struct pull_records *r);

static void saved(struct op *op, struct err *err)
{
	struct pull_records *r = CONTAINER_OF(op, struct pull_records, saving);

	mem_free(TAKE(r->text));
	if (err->code && err->code != ERR_CANCELLED)
		log_warning(err, "with whose credentials images were pulled cannot be kept");
	if (r->save_again && err->code != ERR_CANCELLED)
		save(r);
}

static void save(struct pull_records *r)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

	arena_init(&a);
	r->save_again = op_active(&r->saving);
	if (r->save_again || scope_closing(r->scope))
		return;
	json_print(&text, tree_of(&a, r), JSON_COMPACT);
	r->text = mem_copy_text(buf_text(&text));
	op_init(&r->saving, r->scope, saved, OP_NO_DEADLINE);
	work_start(&r->work, &r->saving, WORK_DISK, save_on_worker);
}

static void load(struct pull_records *r)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(buf_done) struct buf text = BUF_INIT(TEXT_MAX);
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *tree = NULL;

	arena_init(&a);
	int code = disk_read_file(r->env->disk, r->path, &text, &err);
	if (!code)
		code = json_parse(&a, buf_str(&text), NULL, &tree, &err);
	if (code && code != ERR_NOT_FOUND)
		log_warning(&err, "with whose credentials images were pulled is not known");
	json_each (entry, json_get(tree, STR("pulled"))) {
		struct record *one = add_record(r, tree_str(entry, "id"), tree_str(entry, "name"));

		one->open = tree_true(entry, "open");
		json_each (hash, json_get(entry, STR("credentials")))
			add_hash(one, json_str(hash));
	}
	json_each (image, json_get(tree, STR("pulling"))) {
		struct intent *one = mem_new(sizeof(*one));

		one->image = str_dup(json_str(image));
		list_push(&r->intents, &one->in_all);
	}
}

struct pull_records *pull_records_new(struct env *env, struct scope *scope,
	const struct kubelet_configuration *c, struct str root)
{
	struct pull_records *r = mem_new(sizeof(*r));

	r->env = env;
	r->scope = scope;
	r->configuration = c;
	r->root = str_dup(root);
	r->path = mem_print("%.*s/" FILE_NAME, STRF(root));
	list_init(&r->records);
	list_init(&r->intents);
	load(r);
	return r;
}

void pull_records_free(struct pull_records *r)
{
	if (!r)
		return;
	list_each_safe (k, &r->records)
		free_record(LIST_ENTRY(k, struct record, in_all));
	list_each_safe (k, &r->intents)
		free_intent(LIST_ENTRY(k, struct intent, in_all));
	mem_free(r->text);
	mem_free(r->path);
	mem_free(r->root);
	mem_free(r);
}

/* ---- who may ---- */

/* "docker.io/library/a", or all below: "docker.io/library/" and a star. */
static bool is_listed(const struct kubelet_configuration *c, struct str name)
{
	for (size_t i = 0; i < c->trusted_image_count; i++) {
		struct str one = c->trusted_images[i];

		if (str_ends(one, STR("/*")) ? str_starts(name, str_sub(one, 0, one.len - 1))
					     : str_eq(one, name))
			return true;
	}
	return false;
}

bool pull_records_ask(const struct pull_records *r, struct str image, struct str id)
{
	_cleanup_(arena_done) struct arena a;
	bool ours = find(r, id, (struct str){0}) || find_intent(r, image);

	arena_init(&a);
	switch (r->configuration->image_check) {
	case IMAGES_ARE_EVERYBODYS:
		return false;
	case IMAGES_PRELOADED_ARE:
		return ours;
	case IMAGES_LISTED_ARE:
		return ours || !is_listed(r->configuration, name_of(&a, image));
	case IMAGES_ARE_ASKED_FOR:
		break;
	}
	return true;
}

bool pull_records_allow(const struct pull_records *r, struct str image, struct str id,
	const struct image_keychain *keys)
{
	_cleanup_(arena_done) struct arena a;
	const struct image_auth *auth;
	size_t at = 0;

	arena_init(&a);
	const struct record *one = find(r, id, name_of(&a, image));
	if (!one || one->open)
		return one;
	while ((auth = image_keychain_next(keys, image, &at)))
		if (has_hash(one, hash_of(&a, auth)))
			return true;
	return false;
}

/* ---- pulls ---- */

void pull_records_begin(struct pull_records *r, struct str image)
{
	struct intent *one = find_intent(r, image);

	if (!one) {
		one = mem_new(sizeof(*one));
		one->image = str_dup(image);
		list_push(&r->intents, &one->in_all);
		save(r);
	}
	one->pulls++;
}

void pull_records_end(
	struct pull_records *r, struct str image, struct str id, const struct image_auth *auth)
{
	_cleanup_(arena_done) struct arena a;
	struct intent *intent = find_intent(r, image);

	arena_init(&a);
	/* One that a kubelet left behind is over when the image is here in full. */
	if (intent && --intent->pulls <= 0)
		free_intent(intent);
	if (id.len) {
		struct str name = name_of(&a, image);
		struct record *one = find(r, id, name);

		if (!one)
			one = add_record(r, id, name);
		if (auth)
			add_hash(one, hash_of(&a, auth));
		else
			forget_hashes(one);
		one->open |= !auth;
	}
	save(r);
}

void pull_records_keep(struct pull_records *r, const struct image *const *images, size_t count)
{
	list_each_safe (k, &r->records) {
		struct record *one = LIST_ENTRY(k, struct record, in_all);
		bool here = false;

		for (size_t i = 0; i < count && !here; i++)
			here = str_eq_text(images[i]->id, one->id);
		if (!here)
			free_record(one);
	}
}
