/* What is served: the built-in resources that the runtime configuration leaves on. */
#include "discovery.h"

#include "custom_kind.h"
#include "discovery_private.h"

#include <kube/mem.h>

/* ---- runtime configuration ---- */

static bool level_default(enum resource_level level)
{
	return level == LEVEL_GA || level == LEVEL_REMOVED;
}

static const char *level_key(enum resource_level level)
{
	switch (level) {
	case LEVEL_GA:
		return "api/ga";
	case LEVEL_BETA:
		return "api/beta";
	case LEVEL_ALPHA:
		return "api/alpha";
	case LEVEL_REMOVED:
		return "api/removed";
	}
	return "";
}

static bool config_lookup(const struct flag_map *config, struct str key, bool *on)
{
	for (size_t i = 0; i < config->count; i++)
		if (str_eq(config->items[i].key, key)) {
			/* upstream: a key without value means true */
			*on = !str_eq_text(config->items[i].value, "false") &&
			      !str_eq_text(config->items[i].value, "0");
			return true;
		}
	return false;
}

/* The most particular key that says something wins. */
static bool resource_on(const struct flag_map *config, struct arena *a, const struct resource *r)
{
	bool on = level_default(r->level);

	if (r->level != LEVEL_REMOVED)
		config_lookup(config, STR("api/all"), &on);
	config_lookup(config, str_from(level_key(r->level)), &on);
	config_lookup(config, r->api_version, &on);
	if (!r->group.len)
		config_lookup(config, arena_print(a, "api/%.*s", STRF(r->version)), &on);
	config_lookup(
		config, arena_print(a, "%.*s/%.*s", STRF(r->api_version), STRF(r->plural)), &on);
	return on;
}

static bool key_known(struct arena *a, struct str key)
{
	static const char *const sets[] = {
		"api/all", "api/ga", "api/beta", "api/alpha", "api/removed", "api/legacy", NULL};
	const struct resource *r;

	for (size_t i = 0; sets[i]; i++)
		if (str_eq_text(key, sets[i]))
			return true;
	if (str_starts(key, STR("api/v")))
		key = str_skip(key, 4);
	for (size_t i = 0; (r = resource_at(i)); i++) {
		struct str whole =
			arena_print(a, "%.*s/%.*s", STRF(r->api_version), STRF(r->plural));

		if (str_eq(key, r->api_version) || str_eq(key, whole))
			return true;
	}
	return false;
}

static int config_check(const struct flag_map *config, struct arena *a, struct err *err)
{
	for (size_t i = 0; i < config->count; i++) {
		struct str value = config->items[i].value;

		if (!key_known(a, config->items[i].key))
			return err_set(err, ERR_USAGE, "--runtime-config: unknown api \"%.*s\"",
				STRF(config->items[i].key));
		if (value.len && !str_eq_text(value, "true") && !str_eq_text(value, "false") &&
			!str_eq_text(value, "1") && !str_eq_text(value, "0"))
			return err_set(err, ERR_USAGE,
				"--runtime-config: invalid value of \"%.*s\": \"%.*s\"",
				STRF(config->items[i].key), STRF(value));
	}
	return 0;
}

int discovery_new(const struct flag_map *runtime_config, struct discovery **d, struct err *err)
{
	_cleanup_(arena_done) struct arena scratch;
	const struct resource *r;
	size_t total = 0;

	arena_init(&scratch);
	if (config_check(runtime_config, &scratch, err))
		return ERR_USAGE;
	while (resource_at(total))
		total++;
	struct discovery *made = mem_new(sizeof(*made));
	made->items = mem_new((total + 1) * sizeof(*made->items));
	for (size_t i = 0; (r = resource_at(i)); i++)
		if (resource_on(runtime_config, &scratch, r))
			made->items[made->count++] = r;
	made->own = made->count;
	*d = made;
	return 0;
}

static void drop_documents(struct discovery *d)
{
	for (size_t i = 0; i < ARRAY_LEN(d->aggregated); i++)
		block_unref(TAKE(d->aggregated[i].body));
}

static void drop_custom(struct discovery *d)
{
	while (d->count > d->own)
		custom_kind_unref(custom_version_of(d->items[--d->count])->kind);
}

void discovery_free(struct discovery *d)
{
	if (!d)
		return;
	drop_documents(d);
	drop_custom(d);
	mem_free(d->items);
	mem_free(d);
}

void discovery_set_custom(struct discovery *d, const struct resource *const *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		custom_kind_ref(custom_version_of(items[i])->kind);
	drop_documents(d);
	drop_custom(d);
	d->items = mem_resize(d->items, (d->own + count + 1) * sizeof(*d->items));
	if (count)
		memcpy(d->items + d->own, items, count * sizeof(*items));
	d->count = d->own + count;
	d->custom_changes++;
}

uint64_t discovery_custom_changes(const struct discovery *d)
{
	return d->custom_changes;
}

/* ---- lookups ---- */

const struct resource *discovery_at(const struct discovery *d, size_t index)
{
	return index < d->count ? d->items[index] : NULL;
}

static bool in_version(const struct resource *r, struct str group, struct str version)
{
	return str_eq(r->version, version) && str_eq(r->group, group);
}

const struct resource *discovery_find(
	const struct discovery *d, struct str group, struct str version, struct str plural)
{
	for (size_t i = 0; i < d->count; i++)
		if (str_eq(d->items[i]->plural, plural) && in_version(d->items[i], group, version))
			return d->items[i];
	return NULL;
}

const struct resource *discovery_find_kind(
	const struct discovery *d, struct str group, struct str version, struct str kind)
{
	for (size_t i = 0; i < d->count; i++)
		if (str_eq(d->items[i]->kind, kind) && in_version(d->items[i], group, version))
			return d->items[i];
	return NULL;
}

bool discovery_has_group(const struct discovery *d, struct str group)
{
	for (size_t i = 0; i < d->count; i++)
		if (str_eq(d->items[i]->group, group))
			return true;
	return false;
}

bool discovery_has_own_group(const struct discovery *d, struct str group)
{
	for (size_t i = 0; i < d->own; i++)
		if (str_eq(d->items[i]->group, group))
			return true;
	return false;
}

bool discovery_has_version(const struct discovery *d, struct str group, struct str version)
{
	for (size_t i = 0; i < d->count; i++)
		if (in_version(d->items[i], group, version))
			return true;
	return false;
}

const struct resource *server_resource(
	struct api_server *s, struct str group, struct str version, struct str plural)
{
	return discovery_find(s->discovery, group, version, plural);
}

const struct resource *server_kind(
	struct api_server *s, struct str group, struct str version, struct str kind)
{
	return discovery_find_kind(s->discovery, group, version, kind);
}
