#include "image_take.h"

#include <stdio.h>

void image_limits_fill(struct image_limits *limits)
{
	static const struct image_limits defaults = {.layer_bytes = (int64_t)32 << 30,
		.layer_entries = 2000000,
		.layer_ratio = 250,
		.image_layers = 200};

	if (!limits->layer_bytes)
		limits->layer_bytes = defaults.layer_bytes;
	if (!limits->layer_entries)
		limits->layer_entries = defaults.layer_entries;
	if (!limits->layer_ratio)
		limits->layer_ratio = defaults.layer_ratio;
	if (!limits->image_layers)
		limits->image_layers = defaults.image_layers;
}

static int unpack(const struct image_disk *d, const struct image_limits *limits,
	const struct layer_source *source, struct str diff, struct str digest, int64_t *bytes,
	struct err *err)
{
	struct layer_source bounded = *source;
	struct layer_facts facts;
	struct image_incoming in;
	int failed = image_disk_new_layer(d, &in, err);

	if (failed)
		return failed;
	bounded.max_bytes = limits->layer_bytes;
	bounded.max_ratio = limits->layer_ratio;
	failed = layer_unpack(&bounded, in.fd, limits->layer_entries, &facts, err);
	if (!failed && digest.len && !str_eq_text(digest, facts.digest))
		failed = err_set(err, ERR_INVALID,
			"unexpected commit digest %s, expected %.*s: failed precondition",
			facts.digest, STRF(digest));
	if (!failed && !str_eq_text(diff, facts.diff))
		failed = err_set(err, ERR_INVALID, "wrong diff id %s, expected %.*s", facts.diff,
			STRF(diff));
	if (failed) {
		image_disk_abandon(d, &in);
		return failed;
	}
	*bytes = facts.files;
	return image_disk_keep_layer(d, &in, &facts, err);
}

int image_take_layer(const struct image_disk *d, const struct image_limits *limits,
	const struct layer_source *source, struct str diff, struct str digest, int64_t *bytes,
	struct err *err)
{
	_cleanup_(err_done) struct err why = {0};
	int failed = image_disk_layer(d, diff, bytes, &why);

	if (failed == ERR_NOT_FOUND)
		return unpack(d, limits, source, diff, digest, bytes, err);
	return failed ? err_move(err, &why) : 0;
}

struct str image_digest_of(struct arena *a, struct str text)
{
	struct sha256 h;
	char digest[72];

	sha256_init(&h);
	sha256_add(&h, text);
	digest_print(&h, digest);
	return arena_str(a, str_from(digest));
}

int image_take_config(const struct image_disk *d, struct arena *a, struct str text, struct str *id,
	struct err *err)
{
	char name[88];

	*id = image_digest_of(a, text);
	snprintf(name, sizeof(name), "configs/%.*s.json", STRF(image_digest_hex(*id)));
	return image_disk_write(d, name, text, err);
}
