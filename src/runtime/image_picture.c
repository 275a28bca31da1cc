#include "image_picture.h"

#include "image_take.h"

#include <kube/mem.h>
#include <stdio.h>
#include <unistd.h>

/* The config as it lies on disk is what its name says, or the image is not used. */
static int load_config(const struct image_disk *d, struct arena *a, struct str id,
	struct image_config *config, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(IMAGE_DOCUMENT_MAX);
	char name[88];

	snprintf(name, sizeof(name), "configs/%.*s.json", STRF(image_digest_hex(id)));
	int failed = image_disk_read(d, name, &out, err);
	if (failed)
		return failed;
	struct str text = arena_str(a, buf_str(&out));
	if (!str_eq(image_digest_of(a, text), id))
		return err_set(err, ERR_INVALID, "%s has been changed", name);
	return image_config_parse(a, text, INT32_MAX, config, err);
}

static int load_layers(const struct image_disk *d, struct arena *a, const struct image_entry *e,
	struct image_record *r, struct err *err)
{
	size_t n = e->layers.count;

	r->layers = e->layers;
	r->layer_bytes = e->layer_bytes;
	r->lowers.items = arena_new(a, (n + 1) * sizeof(struct str));
	for (size_t i = 0; i < n; i++) {
		struct str hex = image_digest_hex(e->layers.items[n - 1 - i]);
		char name[96];
		snprintf(name, sizeof(name), "layers/%.*s/fs", STRF(hex));
		if (faccessat(d->root, name, F_OK, 0))
			return err_set(err, ERR_NOT_FOUND, "layer sha256:%.*s is gone", STRF(hex));
		r->lowers.items[r->lowers.count++] = arena_print(a, "%s/%s", d->path, name);
		r->image.size += e->layer_bytes[n - 1 - i];
	}
	return 0;
}

static void fill_image(struct image_record *r, const struct image_entry *e)
{
	r->image.id = e->id;
	r->image.tags = e->names.items;
	r->image.tag_count = e->names.count;
	r->image.digests = e->digests.items;
	r->image.digest_count = e->digests.count;
	r->image.uid = image_config_user(&r->config, &r->image.user_name);
	r->image.pinned = e->pinned;
	r->image.stop_signal = r->config.stop_signal;
	r->image.last_used = e->came;
	r->reference = e->digests.count ? e->digests.items[0] : e->id;
}

static void index_record(struct image_picture *p, struct image_record *r)
{
	map_set(&p->by_name, r->image.id, r);
	map_set(&p->by_name, image_digest_hex(r->image.id), r);
	for (size_t i = 0; i < r->image.tag_count; i++)
		map_set(&p->by_name, r->image.tags[i], r);
	for (size_t i = 0; i < r->image.digest_count; i++)
		map_set(&p->by_name, r->image.digests[i], r);
}

static void load_record(
	const struct image_disk *d, struct image_picture *p, const struct image_entry *e)
{
	_cleanup_(err_done) struct err why = {0};
	struct image_record *r = &p->records[p->count];
	int failed = load_config(d, &p->arena, e->id, &r->config, &why);

	if (!failed)
		failed = load_layers(d, &p->arena, e, r, &why);
	if (failed) {
		*r = (struct image_record){0};
		p->damaged.items[p->damaged.count++] =
			arena_print(&p->arena, "%.*s: %s", STRF(e->id), err_text(&why));
		return;
	}
	fill_image(r, e);
	p->images[p->count++] = &r->image;
}

int image_picture_load(const struct image_disk *d, struct image_picture **picture, struct err *err)
{
	struct image_index x;
	int failed = image_index_read(d, &x, err);

	if (failed)
		return failed;
	struct image_picture *p = mem_new(sizeof(*p));
	p->arena = TAKE(x.arena); /* the entries' texts go on living in it */
	p->generation = x.generation;
	p->records = arena_new(&p->arena, (x.count + 1) * sizeof(p->records[0]));
	p->images = arena_new(&p->arena, (x.count + 1) * sizeof(p->images[0]));
	p->damaged.items = arena_new(&p->arena, (x.count + 1) * sizeof(struct str));
	map_init_borrowed(&p->by_name);
	for (size_t i = 0; i < x.count; i++)
		load_record(d, p, &x.entries[i]);
	for (size_t i = 0; i < p->count; i++)
		index_record(p, &p->records[i]);
	*picture = p;
	return 0;
}

void image_picture_free(struct image_picture *p)
{
	if (!p)
		return;
	map_done(&p->by_name);
	arena_done(&p->arena);
	mem_free(p);
}

struct image_record *image_picture_find(const struct image_picture *p, struct str reference)
{
	struct image_reference ref;
	struct image_record *r = map_get(&p->by_name, reference);
	struct arena a;

	if (r)
		return r;
	arena_init(&a);
	if (image_reference_parse(&a, reference, &ref, NULL) == 0) {
		image_reference_default_tag(&ref);
		if (ref.digest.len) /* it decides; the tag is for readers */
			ref.tag = (struct str){0};
		r = map_get(&p->by_name, image_reference_print(&a, &ref));
	}
	arena_done(&a);
	return r;
}

int64_t image_picture_layer(const struct image_picture *p, struct str diff)
{
	for (size_t i = 0; i < p->count; i++)
		for (size_t k = 0; k < p->records[i].layers.count; k++)
			if (str_eq(p->records[i].layers.items[k], diff))
				return p->records[i].layer_bytes[k];
	return -1;
}
