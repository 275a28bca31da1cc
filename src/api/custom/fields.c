/*
 * A definition's schema as fields: the shapes that server-side apply sees. Where nothing is known
 * of a value, its own shape decides.
 */
#include "type.h"

#include <stdlib.h>

struct building {
	struct custom_type *type;
	struct arena *arena;
};

static struct schema_field field_of(struct building *b, const struct node *n, bool preserves);

static const struct schema_field deduced = {.kind = KIND_DEDUCED};

static const struct schema_field *keep(struct building *b, struct schema_field f)
{
	return arena_copy(b->arena, &f, sizeof(f));
}

/* ---- objects ---- */

static const struct schema_field *rest_of(struct building *b, const struct node *n, bool preserves)
{
	if (n->rest)
		return keep(b, field_of(b, n->rest, preserves));
	if (n->additional)
		return n->additional_allowed ? &deduced : NULL;
	return preserves || (!n->property_count && !n->embedded) ? &deduced : NULL;
}

static int by_name(const void *x, const void *y)
{
	const struct schema_field *a = x, *b = y;

	return str_cmp(a->name, b->name);
}

static void add_identity(struct schema_field *fields, uint16_t *count)
{
	static const char *const names[] = {"apiVersion", "kind"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		fields[(*count)++] = (struct schema_field){
			.name = str_from(names[i]), .kind = KIND_STRING, .flags = FIELD_TYPE_META};
	fields[(*count)++] = (struct schema_field){.name = STR("metadata"),
		.kind = KIND_OBJECT,
		.flags = FIELD_KEEP,
		.of = SCHEMA(meta_v1, ObjectMeta)};
}

/* Objects of other kinds within objects, and the object itself, have metadata. */
static void fill_schema(
	struct building *b, struct schema *s, const struct node *n, bool whole, bool preserves)
{
	size_t room = n->property_count + (whole ? 3 : 0);
	struct schema_field *fields = arena_alloc(b->arena, (room + 1) * sizeof(*fields));
	uint16_t count = 0;

	if (whole)
		add_identity(fields, &count);
	for (size_t i = 0; i < n->property_count && count < UINT16_MAX; i++) {
		const struct property *p = &n->properties[i];

		if (whole && is_identity(p->name))
			continue;
		fields[count] = field_of(b, p->node, preserves);
		fields[count++].name = p->name;
	}
	if (count)
		qsort(fields, count, sizeof(*fields), by_name);
	s->package = b->type->api_version;
	s->go = "unstructured";
	s->doc = "";
	s->flags = SCHEMA_SORTED;
	s->fields = fields;
	s->field_count = count;
	s->rest = rest_of(b, n, preserves);
}

static const struct schema *schema_of(struct building *b, const struct node *n, bool preserves)
{
	struct schema *s = arena_new(b->arena, sizeof(*s));

	fill_schema(b, s, n, n->embedded, preserves);
	return s;
}

static void put_object(
	struct building *b, const struct node *n, bool preserves, struct schema_field *f)
{
	f->map_type = n->map_type;
	if (n->property_count || n->embedded) {
		f->kind = KIND_OBJECT;
		f->of = schema_of(b, n, preserves);
		return;
	}
	f->shape = SHAPE_MAP;
	f->element = rest_of(b, n, preserves);
	if (!f->element) /* additionalProperties: false */
		f->element = &deduced;
	f->kind = f->element->kind;
	f->of = f->element->of;
}

/* ---- the rest ---- */

static const char *comma_keys(struct arena *a, const struct node *n)
{
	struct str text = STR("");

	for (size_t i = 0; i < n->list_key_count; i++)
		text = arena_print(
			a, "%.*s%s%.*s", STRF(text), i ? "," : "", STRF(n->list_keys[i]));
	return text.at;
}

static void put_list(
	struct building *b, const struct node *n, bool preserves, struct schema_field *f)
{
	static const struct schema_field anything = {.kind = KIND_JSON};

	f->shape = SHAPE_LIST;
	f->element = n->items ? keep(b, field_of(b, n->items, preserves)) : &anything;
	f->kind = f->element->kind;
	f->of = f->element->of;
	f->list_type = n->list_type;
	if (n->list_type != LIST_MAP)
		return;
	f->list_keys = comma_keys(b->arena, n);
	if (f->element->kind != KIND_OBJECT || f->element->shape != SHAPE_ONE)
		f->list_type = LIST_ATOMIC;
}

static void put_default(struct building *b, const struct node *n, struct schema_field *f)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);

	if (!n->standard)
		return;
	json_print(&text, n->standard, JSON_COMPACT);
	f->fallback = arena_text(b->arena, buf_text(&text));
}

static struct schema_field field_of(struct building *b, const struct node *n, bool preserves)
{
	struct schema_field f = {.kind = KIND_DEDUCED};

	preserves |= n->preserves;
	put_default(b, n, &f);
	if (str_eq_text(n->type, "object"))
		put_object(b, n, preserves, &f);
	else if (str_eq_text(n->type, "array"))
		put_list(b, n, preserves, &f);
	else if (str_eq_text(n->type, "string"))
		f.kind = KIND_STRING;
	else if (str_eq_text(n->type, "integer"))
		f.kind = KIND_INT64;
	else if (str_eq_text(n->type, "number"))
		f.kind = KIND_DOUBLE;
	else if (str_eq_text(n->type, "boolean"))
		f.kind = KIND_BOOL;
	else if (n->property_count || n->embedded) /* of those that may be anything: when objects */
		f.element = keep(b, (struct schema_field){
					    .kind = KIND_OBJECT, .of = schema_of(b, n, preserves)});
	return f;
}

/* ---- the type ---- */

static void build_list_schema(struct building *b)
{
	struct custom_type *t = b->type;
	struct schema_field *fields = arena_new(b->arena, 4 * sizeof(*fields));
	uint16_t count = 0;

	add_identity(fields, &count);
	fields[2].of = SCHEMA(meta_v1, ListMeta);
	fields[count++] = (struct schema_field){.name = STR("items"),
		.kind = KIND_OBJECT,
		.shape = SHAPE_LIST,
		.flags = FIELD_REQUIRED,
		.of = &t->schema};
	qsort(fields, count, sizeof(*fields), by_name);
	t->list_schema = (struct schema){.package = t->api_version,
		.name = t->list_kind,
		.go = "unstructured",
		.doc = "",
		.flags = SCHEMA_SORTED,
		.fields = fields,
		.field_count = count,
		.custom = t};
}

void custom_fields_build(struct custom_type *t)
{
	struct building b = {.type = t, .arena = &t->arena};
	bool preserves = t->root->preserves || t->preserves_all || !t->source;

	fill_schema(&b, &t->schema, t->root, true, preserves);
	if (!preserves && !t->root->property_count && !t->root->additional)
		t->schema.rest = &deduced; /* as of every object that says nothing */
	t->schema.name = t->kind;
	t->schema.custom = t;
	build_list_schema(&b);
}
