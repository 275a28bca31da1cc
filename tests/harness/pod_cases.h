/*
 * Pods for tests of what the API server makes of them: written as JSON with ' for ", one container
 * `c`, defaults set, canonical. All of it lives in `a`.
 */
#ifndef KUBE_TEST_POD_CASES_H
#define KUBE_TEST_POD_CASES_H

#include "test.h"

#include <kube/api_codec.h>
#include <kube/pods.h>
#include <kube/resource.h>
#include <kube/strategy.h>

static struct arena a;

/* JSON with ' for ". */
static struct cJSON *parse(const char *text)
{
	struct str copy = arena_str(&a, str_from(text));
	struct cJSON *tree = NULL;

	for (size_t i = 0; i < copy.len; i++)
		if (copy.at[i] == '\'')
			((char *)(uintptr_t)copy.at)[i] = '"';
	EXPECT_INT(json_parse(&a, copy, NULL, &tree, NULL), 0);
	return tree;
}

__attribute__((unused)) static const char *print(const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

	json_print(&text, tree, JSON_COMPACT_RAW_HTML);
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] == '"')
			text.at[i] = '\'';
	return arena_str(&a, buf_str(&text)).at;
}

/* A pod of one container `c`, and members of its spec and the pod. */
static struct cJSON *pod(const char *spec, const char *rest)
{
	return parse(arena_print(&a,
		"{'apiVersion':'v1','kind':'Pod'%s,'spec':{'containers':[{'name':'c','image':'i'}]"
		"%s}}",
		rest, spec)
			     .at);
}

static struct change change_of(struct cJSON *object, const struct cJSON *old)
{
	struct change c = {.arena = &a,
		.resource = resource_find(STR(""), STR("v1"), STR("pods")),
		.namespace = STR("n"),
		.name = STR("p"),
		.object = object,
		.old = old,
		.now = 1};

	strategy_set_defaults(&c);
	c.object = api_canonical(&a, c.resource->schema, c.object);
	return c;
}

#endif
