/* IPAddress */
#include "ip_rules.h"
#include "kinds.h"

/* The rule wants to say more than one sentence: the path is metadata.name there, too. */
static void check_name(struct str s, struct name_faults *f)
{
	(void)s;
	(void)f;
}

static void check_required_segment(struct field_errors *e, const struct path *p, struct str value)
{
	if (!value.len)
		field_required(e, p, "%s", "");
	else
		field_check_name(e, p, value, name_check_path_segment);
}

static void validate(struct change *c, struct field_errors *e)
{
	struct path meta = PATH(NULL, "metadata"), name = PATH(&meta, "name");
	struct path spec = PATH(NULL, "spec"), parent = PATH(&spec, "parentRef");
	struct path group = PATH(&parent, "group"), resource = PATH(&parent, "resource");
	struct path parent_name = PATH(&parent, "name"), space = PATH(&parent, "namespace");
	const struct cJSON *ref = json_path(c->object, "spec.parentRef");

	if (tree_str(c->object, "metadata.name").len)
		check_ip_canonical(e, &name, tree_str(c->object, "metadata.name"));
	if (!ref) {
		field_required(e, &parent, "%s", "");
		return;
	}
	if (tree_str(ref, "group").len)
		field_check_name(e, &group, tree_str(ref, "group"), name_check_dns_subdomain);
	check_required_segment(e, &resource, tree_str(ref, "resource"));
	check_required_segment(e, &parent_name, tree_str(ref, "name"));
	if (tree_str(ref, "namespace").len)
		field_check_name(e, &space, tree_str(ref, "namespace"), name_check_path_segment);
}

static void validate_update(struct change *c, struct field_errors *e)
{
	struct path spec = PATH(NULL, "spec"), parent = PATH(&spec, "parentRef");
	const struct cJSON *ref = json_path(c->object, "spec.parentRef");
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	if (json_equal(ref, json_path(c->old, "spec.parentRef")))
		return;
	if (ref)
		api_print_go(&text, SCHEMA(networking_v1, ParentReference), ref);
	else
		buf_add_text(&text, "null");
	field_invalid_raw(e, &parent, buf_str(&text), "field is immutable");
}

const struct strategy strategy_ipaddresses = {
	.name_rule = check_name,
	.unconditional = true,
	.validate = validate,
	.validate_update = validate_update,
};
