/* Custom types from schemas, and what becomes of values, as text. */
#ifndef KUBE_CUSTOM_RIG_H
#define KUBE_CUSTOM_RIG_H

#include "test.h"

#include <kube/custom.h>
#include <kube/json.h>
#include <kube/patch.h>

static struct arena rig_arena;

static inline struct cJSON *rig_parse(const char *text)
{
	struct cJSON *tree = NULL;
	struct err err = {0};

	if (json_parse(&rig_arena, str_from(text), NULL, &tree, &err))
		test_fail(__FILE__, __LINE__, "%s: %s", text, err_text(&err));
	err_done(&err);
	return tree;
}

static inline const char *rig_print(const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(4 * MIB);

	json_print(&out, tree, JSON_COMPACT);
	return arena_text(&rig_arena, buf_text(&out));
}

/* A type whose spec has this schema; subresources as JSON, or NULL. */
static inline struct custom_type *rig_type(const char *spec, const char *subresources)
{
	struct str text = arena_print(&rig_arena,
		"{\"spec\":{\"group\":\"x.io\",\"names\":{\"plural\":\"things\",\"kind\":\"Thing\","
		"\"listKind\":\"ThingList\"},\"versions\":[{\"name\":\"v1\",\"schema\":{"
		"\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":%s,\"status\":{"
		"\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}}}}},"
		"\"subresources\":%s}]}}",
		spec, subresources ? subresources : "{}");
	struct err err = {0};
	struct custom_type *t = custom_type_new(rig_parse(text.at), STR("v1"), &err);

	if (!t)
		test_fail(__FILE__, __LINE__, "%s: %s", spec, err_text(&err));
	err_done(&err);
	return t;
}

static inline struct cJSON *rig_object(const char *spec)
{
	return rig_parse(arena_print(&rig_arena,
		"{\"apiVersion\":\"x.io/v1\",\"kind\":\"Thing\",\"metadata\":{\"name\":\"a\"},"
		"\"spec\":%s}",
		spec)
				 .at);
}

/* What is left of a spec as it is read; notes behind it, each after a bar. */
static inline const char *rig_decoded(struct custom_type *t, const char *spec, bool defaults)
{
	struct decode_notes notes = {.arena = &rig_arena};
	struct cJSON *out = NULL;
	struct err err = {0};

	if (api_decode(&rig_arena, custom_type_schema(t), rig_object(spec), &notes, &out, &err)) {
		const char *text = arena_text(&rig_arena, err_text(&err));

		err_done(&err);
		return text;
	}
	if (defaults)
		api_set_standards(&rig_arena, custom_type_schema(t), out);
	struct str text = str_from(rig_print(json_get(out, STR("spec"))));
	for (size_t i = 0; i < notes.count; i++)
		text = arena_print(&rig_arena, "%.*s|%.*s", STRF(text), STRF(notes.items[i]));
	return text.at;
}

static inline struct cJSON *rig_whole(struct custom_type *t, struct cJSON *object)
{
	struct cJSON *out = NULL;

	EXPECT_INT(api_decode(&rig_arena, custom_type_schema(t), object, NULL, &out, NULL), 0);
	api_set_standards(&rig_arena, custom_type_schema(t), out);
	return api_canonical(&rig_arena, custom_type_schema(t), out);
}

/* What the rules say of a spec, of a change of it when `old` is given. */
static inline const char *rig_faults(struct custom_type *t, const char *old, const char *spec)
{
	struct resource r = {.schema = custom_type_schema(t)};
	struct field_errors e = {.arena = &rig_arena};
	struct change c = {.arena = &rig_arena,
		.resource = &r,
		.object = rig_whole(t, rig_object(spec)),
		.old = old ? rig_whole(t, rig_object(old)) : NULL};

	if (old)
		custom_validate_update(&c, &e);
	else
		custom_validate(&c, &e);
	return field_errors_text(&rig_arena, &e).at;
}

#endif
