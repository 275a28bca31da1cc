/* Which documents OpenAPI v3 has, and when one of them has changed. */
#include <kube/hash.h>
#include <kube/map.h>
#include <kube/openapi.h>

#include <stdio.h>

/* ---- names ---- */

static void add_group(struct omap *names, struct arena *a, const struct resource *r)
{
	if (!r->group.len) {
		omap_set(names, arena_print(a, "api/%.*s", STRF(r->version)), names);
		return;
	}
	if (!r->custom) /* definitions describe versions alone */
		omap_set(names, arena_print(a, "apis/%.*s", STRF(r->group)), names);
	omap_set(names, arena_print(a, "apis/%.*s/%.*s", STRF(r->group), STRF(r->version)), names);
}

struct str *openapi_v3_names(const struct openapi_source *source, struct arena *a, size_t *count)
{
	static const char *const fixed[] = {
		".well-known/openid-configuration", "api", "apis", "openid/v1/jwks", "version"};
	struct omap names;
	struct str *list;

	omap_init(&names);
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		omap_set(&names, str_from(fixed[i]), &names);
	for (size_t i = 0; i < source->count; i++)
		add_group(&names, a, source->resources[i]);
	list = arena_new(a, names.count * sizeof(*list));
	*count = 0;
	omap_each (it, &names)
		list[(*count)++] = arena_str(a, it.key);
	omap_done(&names);
	return list;
}

bool openapi_v3_has(const struct openapi_source *source, struct str name)
{
	struct arena a;
	size_t count;
	bool found = false;

	arena_init(&a);
	const struct str *names = openapi_v3_names(source, &a, &count);
	for (size_t i = 0; i < count; i++)
		found |= str_eq(names[i], name);
	arena_done(&a);
	return found;
}

/* ---- digests ---- */

/* With its length, so that no two rows run together. */
static void add_str(struct sha256 *h, struct str s)
{
	sha256_add(h, str_make((const char *)&s.len, sizeof(s.len)));
	sha256_add(h, s);
}

static void add_text(struct sha256 *h, const char *text)
{
	add_str(h, str_from(text));
}

static void add_field(struct sha256 *h, const struct schema_field *f)
{
	const uint8_t numbers[] = {f->kind, f->shape, f->flags, f->list_type, f->map_type};

	add_str(h, f->name);
	add_str(h, str_make((const char *)numbers, sizeof(numbers)));
	if (f->of) {
		add_str(h, f->of->package);
		add_str(h, f->of->name);
	}
	add_text(h, f->doc);
	add_text(h, f->patch);
	add_text(h, f->merge_key);
	add_text(h, f->list_keys);
	add_text(h, f->fallback);
	add_text(h, f->choices);
}

void openapi_tables_digest(unsigned char digest[32])
{
	const struct schema *s;
	struct sha256 h;

	sha256_init(&h);
	for (size_t i = 0; (s = schema_at(i)); i++) {
		add_str(&h, s->package);
		add_str(&h, s->name);
		add_text(&h, s->doc);
		add_str(&h, str_make((const char *)&s->flags, sizeof(s->flags)));
		for (size_t k = 0; k < s->field_count; k++)
			add_field(&h, &s->fields[k]);
	}
	sha256_end(&h, digest);
}

static void add_resource(struct sha256 *h, const struct resource *r)
{
	add_str(h, r->api_version);
	add_str(h, r->plural);
	add_str(h, r->kind);
	add_str(h, str_make((const char *)&r->verbs, sizeof(r->verbs)));
	for (size_t i = 0; i < r->subresource_count; i++) {
		const struct subresource *s = &r->subresources[i];

		add_str(h, s->name);
		add_str(h, s->api_version);
		add_str(h, s->kind);
		add_str(h, str_make((const char *)&s->verbs, sizeof(s->verbs)));
	}
}

void openapi_hash(const struct openapi_source *source, const unsigned char tables[32],
	struct str name, char hash[65])
{
	unsigned char digest[32];
	struct sha256 h;

	sha256_init(&h);
	sha256_add(&h, str_make((const char *)tables, 32));
	add_str(&h, source->version);
	add_str(&h, source->build);
	add_str(&h, name);
	for (size_t i = 0; i < source->count; i++)
		if (!name.len || str_ends(name, source->resources[i]->api_version))
			add_resource(&h, source->resources[i]);
	sha256_end(&h, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hash + 2 * i, 3, "%02X", digest[i]);
}
