/* The objects that a binding's paramRef names. */
#include "policies.h"

#include <kube/api_codec.h>

#define PARAMS_MAX 10000

int policy_param_kind(struct hook_subject *s, const struct policy *p, const struct resource **kind,
	struct err *err)
{
	struct str group, version, name = tree_str(p->param_kind, "kind");

	*kind = NULL;
	if (!p->param_kind)
		return 0;
	api_version_split(tree_str(p->param_kind, "apiVersion"), &group, &version);
	*kind = server_kind(s->review->server, group, version, name);
	if (*kind)
		return 0;
	return err_set(err, ERR_INVALID,
		"failed to find resource referenced by paramKind: '%.*s/%.*s, Kind=%.*s'",
		STRF(group), STRF(version), STRF(name));
}

/* In the version that the policy speaks of. */
static const struct cJSON *shown(
	struct hook_subject *s, const struct resource *kind, const struct object *o)
{
	struct cJSON *tree = object_tree(s->arena, o), *out = tree;

	if (kind != kind->hub)
		resource_convert(s->arena, kind->hub, kind, tree, &out, NULL);
	return out;
}

static int namespace_of(struct hook_subject *s, const struct resource *kind,
	const struct cJSON *ref, struct str *namespace, struct err *err)
{
	struct str given = tree_str(ref, "namespace");

	*namespace = STR("");
	if (!kind->namespaced)
		return given.len ? err_set(err, ERR_INVALID,
					   "paramRef.namespace must not be provided for a "
					   "cluster-scoped `paramKind`")
				 : 0;
	*namespace = given.len ? given : s->namespace;
	if (namespace->len)
		return 0;
	return err_set(err, ERR_INVALID,
		"cannot use namespaced paramRef in policy binding that matches cluster-scoped "
		"resources");
}

static void add_named(struct hook_subject *s, const struct resource *kind, struct str namespace,
	struct str name, struct policy_params *params)
{
	const struct object *o = store_get(server_bucket(s->review->server, kind->hub),
		server_key(s->arena, kind->hub, namespace, name));

	if (o)
		params->items[params->count++] = shown(s, kind, o);
}

static int add_selected(struct hook_subject *s, const struct resource *kind, struct str namespace,
	const struct cJSON *selector, struct policy_params *params, struct err *err)
{
	struct bucket *b = server_bucket(s->review->server, kind->hub);
	struct str prefix =
		kind->namespaced ? arena_print(s->arena, "%.*s/", STRF(namespace)) : STR("");
	struct store_iter it = store_seek(b, prefix, STR(""));
	struct selector wanted;
	int code = label_selector_from(s->arena, selector, &wanted, err);

	if (code)
		return code;
	params->items = arena_new(
		s->arena, (MIN(store_count(b), (size_t)PARAMS_MAX) + 1) * sizeof(*params->items));
	while (params->count < PARAMS_MAX && store_next(&it))
		if (label_selector_matches_text(&wanted, object_labels(it.object)))
			params->items[params->count++] = shown(s, kind, it.object);
	return 0;
}

int policy_params_find(struct hook_subject *s, const struct resource *kind,
	const struct policy_binding *b, struct policy_params *params, struct err *err)
{
	struct str namespace, name = tree_str(b->param_ref, "name");
	int code;

	params->items = arena_new(s->arena, sizeof(*params->items));
	params->count = 0;
	if (!kind || !b->param_ref) {
		params->count = 1;
		return 0;
	}
	code = namespace_of(s, kind, b->param_ref, &namespace, err);
	if (code)
		return code;
	if (name.len)
		add_named(s, kind, namespace, name, params);
	else
		code = add_selected(
			s, kind, namespace, json_get(b->param_ref, STR("selector")), params, err);
	if (!code && !params->count &&
		str_eq_text(tree_str(b->param_ref, "parameterNotFoundAction"), "Deny"))
		return err_set(err, ERR_INVALID,
			"no params found for policy binding with `Deny` parameterNotFoundAction");
	return code;
}
