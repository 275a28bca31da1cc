/* What authors of pods are warned of. */
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

/* The warnings, one a line. */
static const char *warnings(const char *spec)
{
	struct change c = change_of(pod(spec, ""), NULL);
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	c.resource->strategy->warn(&c);
	for (size_t i = 0; i < c.warning_count; i++)
		buf_print(&text, "%s%.*s", i ? "\n" : "", STRF(c.warnings[i]));
	return arena_str(&a, buf_str(&text)).at;
}

TEST(overlapping_files_are_told_of)
{
	arena_init(&a);
	EXPECT_TEXT(warnings(",'volumes':[{'name':'v','configMap':{'name':'m','items':[{'key':'a',"
			     "'path':'t'},{'key':'b','path':'t/x'},{'key':'c','path':'tx'}]}}]"),
		"volume \"v\" (ConfigMap \"m\"): overlapping paths: \"t/x\" with \"t\"");
	EXPECT_TEXT(warnings(",'volumes':[{'name':'v','projected':{'sources':[{'secret':{'name':"
			     "'s','items':[{'key':'a','path':'t'}]}},{'serviceAccountToken':{"
			     "'path':'t'}}]}}]"),
		"volume \"v\" (Projected): overlapping paths: \"t\" (ServiceAccountToken) with "
		"\"t\" (Secret \"s\")");
	arena_done(&a);
}

TEST(old_labels_are_told_of_where_they_stand)
{
	arena_init(&a);
	EXPECT_TEXT(warnings(",'nodeSelector':{'beta.kubernetes.io/os':'linux'}"),
		"spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "
		"\"kubernetes.io/os\" instead");
	EXPECT_TEXT(warnings(",'affinity':{'nodeAffinity':{"
			     "'requiredDuringSchedulingIgnoredDuringExecution':{"
			     "'nodeSelectorTerms':[{'matchExpressions':[{'key':"
			     "'beta.kubernetes.io/os','operator':'Exists'}]}]}}}"),
		"spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution."
		"nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated "
		"since v1.14; use \"kubernetes.io/os\" instead");
	arena_done(&a);
}

TEST(selectors_that_match_nothing_are_told_of)
{
	arena_init(&a);
	EXPECT_TEXT(warnings(",'affinity':{'podAntiAffinity':{"
			     "'requiredDuringSchedulingIgnoredDuringExecution':[{'topologyKey':"
			     "'k'},{'topologyKey':'k','labelSelector':{}}]}}"),
		"spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]."
		"labelSelector: a null labelSelector results in matching no pod");
	arena_done(&a);
}
