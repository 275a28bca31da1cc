#include "parts.h"

#include "types.h"

/* ---- fields ---- */

static void add_type(struct parts *p, struct cJSON *tree, const char *type, const char *format)
{
	part_add_text(p, tree, "type", str_from(type));
	if (format)
		part_add_text(p, tree, "format", str_from(format));
}

/* In byte order. */
static struct cJSON *choices_tree(struct parts *p, const struct schema_field *f)
{
	struct cJSON *list = json_new(&p->scratch, JSON_ARRAY);
	struct str rest = str_from(f->choices), choice;

	while (str_next(&rest, ',', &choice)) {
		size_t at = 0;

		json_each (earlier, list)
			at += str_cmp(json_str(earlier), choice) < 0;
		json_insert(list, at, json_new_str(&p->scratch, choice));
	}
	return list;
}

/* One value of the field, without its shape. */
static struct cJSON *value_tree(struct parts *p, const struct schema_field *f)
{
	static const char *const types[][2] = {
		[KIND_STRING] = {"string", NULL},
		[KIND_BOOL] = {"boolean", NULL},
		[KIND_INT32] = {"integer", "int32"},
		[KIND_INT64] = {"integer", "int64"},
		[KIND_DOUBLE] = {"number", "double"},
		[KIND_BYTES] = {"string", "byte"},
	};
	const struct special_type *special = part_special(f->kind);
	struct cJSON *tree;

	if (f->kind == KIND_OBJECT)
		return part_link(p, part_full_name(&p->scratch, f->of));
	if (special)
		return part_link(p, str_from(special->name));
	tree = json_new(&p->scratch, JSON_OBJECT);
	add_type(p, tree, types[f->kind][0], types[f->kind][1]);
	if (f->choices)
		part_add(p, tree, "enum", choices_tree(p, f));
	return tree;
}

static struct cJSON *shaped_tree(struct parts *p, const struct schema_field *f)
{
	struct cJSON *value = value_tree(p, f), *tree;

	if (f->shape == SHAPE_ONE)
		return value;
	if (f->shape == SHAPE_MAP_OF_LISTS) {
		struct cJSON *list = json_new(&p->scratch, JSON_OBJECT);

		add_type(p, list, "array", NULL);
		part_add(p, list, "items", value);
		value = list;
	}
	tree = json_new(&p->scratch, JSON_OBJECT);
	add_type(p, tree, f->shape == SHAPE_LIST ? "array" : "object", NULL);
	part_add(p, tree, f->shape == SHAPE_LIST ? "items" : "additionalProperties", value);
	return tree;
}

static void add_extensions(struct parts *p, struct cJSON *tree, const struct schema_field *f)
{
	static const char *const lists[] = {
		[LIST_ATOMIC] = "atomic", [LIST_MAP] = "map", [LIST_SET] = "set"};
	static const char *const maps[] = {[MAP_ATOMIC] = "atomic", [MAP_GRANULAR] = "granular"};

	if (f->list_type)
		part_add_text(p, tree, "x-kubernetes-list-type", str_from(lists[f->list_type]));
	if (f->list_keys)
		part_add(p, tree, "x-kubernetes-list-map-keys", part_words(p, f->list_keys));
	if (f->map_type)
		part_add_text(p, tree, "x-kubernetes-map-type", str_from(maps[f->map_type]));
	if (f->merge_key)
		part_add_text(p, tree, "x-kubernetes-patch-merge-key", str_from(f->merge_key));
	if (f->patch)
		part_add_text(p, tree, "x-kubernetes-patch-strategy", str_from(f->patch));
}

/* Fields that upstream marks with the zero as their default, although Go leaves it out. */
static const struct {
	const struct schema *schema;
	const char *field;
} marked_zeros[] = {
	{SCHEMA(autoscaling_v1, ScaleSpec), "replicas"},
	{SCHEMA(core_v1, AzureDiskVolumeSource), "readOnly"},
	{SCHEMA(core_v1, ConfigMapEnvSource), "name"},
	{SCHEMA(core_v1, ConfigMapKeySelector), "name"},
	{SCHEMA(core_v1, ConfigMapProjection), "name"},
	{SCHEMA(core_v1, ConfigMapVolumeSource), "name"},
	{SCHEMA(core_v1, FileKeySelector), "optional"},
	{SCHEMA(core_v1, GRPCAction), "service"},
	{SCHEMA(core_v1, LocalObjectReference), "name"},
	{SCHEMA(core_v1, ReplicationControllerSpec), "minReadySeconds"},
	{SCHEMA(core_v1, SecretEnvSource), "name"},
	{SCHEMA(core_v1, SecretKeySelector), "name"},
	{SCHEMA(core_v1, SecretProjection), "name"},
};

/* Otherwise it is a default where Go prints it although nothing was given. */
static bool defaults_to_zero(const struct schema *s, const struct schema_field *f)
{
	for (size_t i = 0; i < ARRAY_LEN(marked_zeros); i++)
		if (marked_zeros[i].schema == s && str_eq_text(f->name, marked_zeros[i].field))
			return true;
	return f->shape == SHAPE_ONE && (f->flags & FIELD_KEEP) && !(f->flags & FIELD_POINTER);
}

static const char *zero_of(enum field_kind kind)
{
	switch (kind) {
	case KIND_OBJECT:
		return "{}";
	case KIND_STRING:
		return "\"\"";
	case KIND_BOOL:
		return "false";
	case KIND_INT32:
	case KIND_INT64:
		return "0";
	default:
		return NULL;
	}
}

static void add_default(
	struct parts *p, struct cJSON *tree, const struct schema *s, const struct schema_field *f)
{
	const char *text = f->fallback              ? f->fallback
			   : defaults_to_zero(s, f) ? zero_of(f->kind)
						    : NULL;
	struct cJSON *value;

	if (text && !json_parse(&p->scratch, str_from(text), NULL, &value, NULL))
		part_add(p, tree, "default", value);
}

/* Upstream's own words in front of the values, for those who only read the description. */
static void describe_choices(struct parts *p, struct buf *out, const struct schema_field *f)
{
	buf_add_text(
		out, f->doc && f->doc[0] ? "\n\nPossible enum values:" : "Possible enum values:");
	json_each (choice, choices_tree(p, f))
		buf_print(out, "\n - `\"%.*s\"`", STRF(json_str(choice)));
}

static void describe_field(struct parts *p, struct cJSON *tree, const struct schema_field *f)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	if (f->doc)
		buf_add_text(&text, f->doc);
	if (f->choices)
		describe_choices(p, &text, f);
	if (text.len)
		part_add_text(p, tree, "description", buf_str(&text));
}

static struct cJSON *field_tree(
	struct parts *p, const struct schema *s, const struct schema_field *f)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT), *shaped = shaped_tree(p, f);
	bool refers = json_get(shaped, STR("$ref")) != NULL;

	describe_field(p, tree, f);
	if (p->v3)
		add_default(p, tree, s, f);
	add_extensions(p, tree, f);
	/* In OpenAPI v3 nothing may stand beside a reference. */
	if (p->v3 && refers && json_first(tree)) {
		struct cJSON *all = json_new(&p->scratch, JSON_ARRAY);

		json_append(all, shaped);
		part_add(p, tree, "allOf", all);
		return tree;
	}
	json_each (member, shaped)
		json_add(&p->scratch, tree, json_key(member), json_copy(&p->scratch, member));
	return tree;
}

/* ---- definitions ---- */

/* Types of which only one field may be set: the field that says which, and the others. */
static const struct one_of {
	const struct schema *schema;
	const char *discriminator, *fields;
} unions[] = {
	{SCHEMA(core_v1, AppArmorProfile), "type", "localhostProfile"},
	{SCHEMA(core_v1, PodSchedulingGroup), NULL, "podGroupName"},
	{SCHEMA(core_v1, SeccompProfile), "type", "localhostProfile"},
	{SCHEMA(flowcontrol_v1, LimitResponse), "type", "queuing"},
	{SCHEMA(flowcontrol_v1, PriorityLevelConfigurationSpec), "type", "exempt,limited"},
	{SCHEMA(flowcontrol_v1, Subject), "kind", "group,serviceAccount,user"},
	{SCHEMA(scheduling_v1alpha2, PodGroupSchedulingPolicy), NULL, "basic,gang"},
	{SCHEMA(scheduling_v1alpha2, PodGroupTemplateReference), NULL, "workload"},
};

static struct cJSON *union_tree(struct parts *p, const struct one_of *u)
{
	struct cJSON *list = json_new(&p->scratch, JSON_ARRAY);
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);
	struct cJSON *fields = json_new(&p->scratch, JSON_OBJECT);
	struct str rest = str_from(u->fields), field;

	if (u->discriminator)
		part_add_text(p, tree, "discriminator", str_from(u->discriminator));
	while (str_next(&rest, ',', &field))
		json_add(&p->scratch, fields, field,
			json_new_str(&p->scratch,
				arena_print(&p->scratch, "%c%.*s", field.at[0] - 'a' + 'A',
					STRF(str_skip(field, 1)))));
	part_add(p, tree, "fields-to-discriminateBy", fields);
	json_append(list, tree);
	return list;
}

static void add_fields(struct parts *p, struct cJSON *tree, const struct schema *s)
{
	struct cJSON *properties = json_new(&p->scratch, JSON_OBJECT);
	struct cJSON *required = json_new(&p->scratch, JSON_ARRAY);

	for (size_t i = 0; i < s->field_count; i++) {
		const struct schema_field *f = &s->fields[i];

		json_add(&p->scratch, properties, f->name, field_tree(p, s, f));
		if (f->flags & FIELD_REQUIRED)
			json_append(required, json_new_str(&p->scratch, f->name));
	}
	if (json_first(properties))
		part_add(p, tree, "properties", properties);
	if (json_first(required))
		part_add(p, tree, "required", required);
}

struct cJSON *part_definition(struct parts *p, const struct definition *d)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT), *kinds;
	const struct schema *s = d->schema;

	if (d->special) {
		const char *text = p->v3 && d->special->v3 ? d->special->v3 : d->special->v2;

		if (json_parse(&p->scratch, str_from(text), NULL, &tree, NULL))
			assert(!"special types are JSON");
		part_add_description(p, tree, d->special->doc);
		return tree;
	}
	if (s->custom && !s->field_count)
		return part_custom_definition(p, s);
	part_add_description(p, tree, s->doc);
	add_type(p, tree, "object", NULL);
	add_fields(p, tree, s);
	kinds = part_kinds(p, s);
	if (kinds)
		part_add(p, tree, "x-kubernetes-group-version-kind", kinds);
	if (s->flags & SCHEMA_ATOMIC)
		part_add_text(p, tree, "x-kubernetes-map-type", STR("atomic"));
	for (size_t i = 0; i < ARRAY_LEN(unions); i++)
		if (unions[i].schema == s)
			part_add(p, tree, "x-kubernetes-unions", union_tree(p, &unions[i]));
	return tree;
}
