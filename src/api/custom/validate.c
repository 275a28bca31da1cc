/* The rules of one write of a custom resource, in upstream's order. */
#include "checks.h"
#include "rule_programs.h"
#include "type.h"
#include "value.h"

static const struct custom_type *type_of(const struct change *c)
{
	return c->resource->schema->custom;
}

/* Nothing else is looked at when it is not even one of the kind. */
static bool check_identity(struct change *c, struct field_errors *e)
{
	const struct custom_type *t = type_of(c);
	struct path kind_at = PATH(NULL, "kind"), version_at = PATH(NULL, "apiVersion");
	struct str kind = tree_str(c->object, "kind"), version = tree_str(c->object, "apiVersion");

	if (!str_eq(kind, t->kind))
		field_invalid_str(e, &kind_at, kind, "must be %.*s", STRF(t->kind));
	if (!str_eq(version, t->api_version))
		field_invalid_str(e, &version_at, version, "must be %.*s", STRF(t->api_version));
	return str_eq(kind, t->kind) && str_eq(version, t->api_version);
}

/* ---- the schema ---- */

/* Kind and apiVersion of the object are not compared with what they were. */
static void check_schema(struct change *c, struct field_errors *e)
{
	const struct custom_type *t = type_of(c);
	struct correlated before = {.node = t->root, .now = c->object, .old = c->old};
	_cleanup_(findings_done) struct findings f;

	findings_init(&f, e->arena);
	value_check(&f, t->root, c->object, NULL, c->old ? &before : NULL);
	findings_report(&f, NULL, e);
}

static void check_status_schema(struct change *c, struct field_errors *e)
{
	const struct node *n = node_property(type_of(c)->root, STR("status"));
	struct path at = PATH(NULL, "status");
	struct correlated before = {.node = n,
		.now = json_get(c->object, STR("status")),
		.old = json_get(c->old, STR("status"))};
	_cleanup_(findings_done) struct findings f;

	findings_init(&f, e->arena);
	if (!n || !before.now)
		return;
	value_check(&f, n, before.now, NULL, before.old ? &before : NULL);
	if (f.count && before.old && correlated_equal(&before))
		findings_cut(&f, 0);
	findings_report(&f, &at, e);
}

/* ---- lists ---- */

/* Who had something twice before may have it now. */
static void check_lists_of(struct change *c, struct field_errors *e)
{
	const struct node *root = type_of(c)->root;
	struct field_errors before = {.arena = e->arena};

	if (c->old)
		check_lists(&before, root, c->old, NULL);
	if (!before.count)
		check_lists(e, root, c->object, NULL);
}

/* ---- rules in CEL ---- */

/* Values that are not even of their types are nothing that rules could be asked of. */
static bool hinders_rules(const struct field_errors *e)
{
	for (size_t i = 0; i < e->count; i++)
		switch (e->items[i].reason) {
		case FIELD_NOT_SUPPORTED:
		case FIELD_REQUIRED_VALUE:
		case FIELD_TOO_LONG:
		case FIELD_TOO_MANY:
		case FIELD_TYPE_INVALID:
			return true;
		default:
			break;
		}
	return false;
}

static void check_rules(struct change *c, struct field_errors *e)
{
	const struct custom_type *t = type_of(c);
	struct correlated before = {.node = t->root, .now = c->object, .old = c->old};
	struct path nowhere = PATH(NULL, "<nil>");

	if (t->rules && hinders_rules(e))
		field_invalid(e, &nowhere, NULL,
			"some validation rules were not checked because the object was invalid; "
			"correct the existing errors to complete validation");
	else
		rule_set_check(t->rules, e, NULL, c->object, c->old, &before, c);
}

/* ---- the writes ---- */

void custom_validate(struct change *c, struct field_errors *e)
{
	const struct custom_type *t = type_of(c);

	if (!check_identity(c, e))
		return;
	check_schema(c, e);
	check_scale_spec(e, t->scale, c->object);
	check_scale_status(e, t->scale, c->object);
	check_embedded(e, t->root, c->object, NULL);
	check_lists_of(c, e);
	check_rules(c, e);
}

void custom_validate_update(struct change *c, struct field_errors *e)
{
	custom_validate(c, e);
}

void custom_validate_status(struct change *c, struct field_errors *e)
{
	if (!check_identity(c, e))
		return;
	check_status_schema(c, e);
	check_scale_status(e, type_of(c)->scale, c->object);
	check_lists_of(c, e);
	check_rules(c, e);
}
