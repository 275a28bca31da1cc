/* IngressClass */
#include "kinds.h"

#define CONTROLLER_MAX 250

static void check_segment(struct field_errors *e, const struct path *p, struct str value)
{
	if (!value.len)
		field_required(e, p, "%s", "");
	else
		field_check_name(e, p, value, name_check_path_segment);
}

static void check_scope(
	struct field_errors *e, const struct path *p, const struct cJSON *parameters)
{
	static const char *const scopes[] = {"Cluster", "Namespace", NULL};
	struct path scope_at = PATH(p, "scope"), namespace_at = PATH(p, "namespace");
	struct str scope = tree_str(parameters, "scope");
	struct str namespace = tree_str(parameters, "namespace");

	if (!tree_has(parameters, "scope")) {
		field_required(e, &scope_at, "%s", "");
	} else if (str_eq_text(scope, "Namespace")) {
		if (!namespace.len)
			field_required(
				e, &namespace_at, "`parameters.scope` is set to 'Namespace'");
		else
			field_check_name(e, &namespace_at, namespace, name_check_dns_label);
	} else if (!str_eq_text(scope, "Cluster")) {
		field_not_supported_str(e, &scope_at, scope, scopes);
	} else if (tree_has(parameters, "namespace")) {
		field_forbidden(e, &namespace_at, "`parameters.scope` is set to 'Cluster'");
	}
}

static void check_parameters(
	struct field_errors *e, const struct path *p, const struct cJSON *parameters)
{
	struct path group = PATH(p, "apiGroup"), kind = PATH(p, "kind"), name = PATH(p, "name");

	if (tree_has(parameters, "apiGroup"))
		field_check_name(
			e, &group, tree_str(parameters, "apiGroup"), name_check_dns_subdomain);
	check_segment(e, &kind, tree_str(parameters, "kind"));
	check_segment(e, &name, tree_str(parameters, "name"));
	check_scope(e, p, parameters);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), controller_at = PATH(&spec, "controller");
	struct path parameters = PATH(&spec, "parameters");
	struct str controller = tree_str(c->object, "spec.controller");

	if (controller.len > CONTROLLER_MAX)
		field_too_long(e, &controller_at, CONTROLLER_MAX);
	if (!controller.len)
		field_required(e, &controller_at, "%s", "");
	else
		field_check_name(e, &controller_at, controller, name_check_prefixed);
	if (tree_has(c->object, "spec.parameters"))
		check_parameters(e, &parameters, json_path(c->object, "spec.parameters"));
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), controller_at = PATH(&spec, "controller");
	struct str controller = tree_str(c->object, "spec.controller");

	if (!str_eq(controller, tree_str(c->old, "spec.controller")))
		field_invalid_str(e, &controller_at, controller, "field is immutable");
	validate(c, e);
}

static void defaults(struct change *c)
{
	if (tree_has(c->object, "spec.parameters") && !tree_has(c->object, "spec.parameters.scope"))
		tree_set_str(c->arena, c->object, "spec.parameters.scope", STR("Cluster"));
}

const struct strategy strategy_ingressclasses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.defaults = defaults,
	.validate = validate,
	.validate_update = validate_update,
};
