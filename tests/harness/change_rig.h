/* One change of an object through its kind's strategy, without a server. */
#ifndef KUBE_CHANGE_RIG_H
#define KUBE_CHANGE_RIG_H

#include "test.h"

#include <kube/api_codec.h>
#include <kube/resource.h>
#include <kube/strategy.h>

static struct arena rig_arena;

static inline struct cJSON *rig_parse(const char *text)
{
	struct cJSON *tree = NULL;

	EXPECT_INT(json_parse(&rig_arena, str_from(text), NULL, &tree, NULL), 0);
	return tree;
}

/* With defaults, in canonical form. `resource`: "group/version/plural", the core's "/v1/pods". */
static inline struct change rig_change(const char *resource, const char *object, const char *old)
{
	struct str group, version, plural, rest;

	str_cut(str_from(resource), '/', &group, &rest);
	str_cut(rest, '/', &version, &plural);
	const struct resource *r = resource_find(group, version, plural);
	struct change c = {.arena = &rig_arena,
		.resource = r->hub,
		.requested = r,
		.namespace = STR("n"),
		.object = rig_parse(object),
		.now = 1700000000 * INT64_C(1000000000)};

	if (old) {
		struct change before = rig_change(resource, old, NULL);

		c.old = before.object;
	}
	if (!json_get(c.object, STR("metadata")))
		json_set(&rig_arena, c.object, STR("metadata"), json_new(&rig_arena, JSON_OBJECT));
	strategy_set_defaults(&c);
	c.object = api_canonical(&rig_arena, c.resource->schema, c.object);
	return c;
}

static inline const char *rig_text(struct field_errors *e)
{
	return arena_str(&rig_arena, field_errors_text(&rig_arena, e)).at;
}

/* The errors of a new object; "" when there are none. */
static inline const char *rig_create(const char *resource, const char *object)
{
	struct change c = rig_change(resource, object, NULL);
	struct field_errors e = {.arena = &rig_arena};

	if (c.resource->strategy->prepare_create)
		c.resource->strategy->prepare_create(&c);
	c.resource->strategy->validate(&c, &e);
	return rig_text(&e);
}

/* The errors of a change. */
static inline const char *rig_update(const char *resource, const char *old, const char *object)
{
	struct change c = rig_change(resource, object, old);
	struct field_errors e = {.arena = &rig_arena};

	if (c.resource->strategy->prepare_update)
		c.resource->strategy->prepare_update(&c);
	c.resource->strategy->validate_update(&c, &e);
	return rig_text(&e);
}

/* A new object as it is stored. */
static inline const char *rig_created(const char *resource, const char *object)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);
	struct change c = rig_change(resource, object, NULL);

	if (c.resource->strategy->prepare_create)
		c.resource->strategy->prepare_create(&c);
	json_print(&out, api_canonical(&rig_arena, c.resource->schema, c.object), JSON_COMPACT);
	return arena_text(&rig_arena, buf_text(&out));
}

/* The warnings of a new object, one a line. */
static inline const char *rig_warnings(const char *resource, const char *object)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(1 * MIB);
	struct change c = rig_change(resource, object, NULL);

	c.resource->strategy->warn(&c);
	for (size_t i = 0; i < c.warning_count; i++)
		buf_print(&out, "%.*s\n", STRF(c.warnings[i]));
	return arena_text(&rig_arena, buf_text(&out));
}

#endif
