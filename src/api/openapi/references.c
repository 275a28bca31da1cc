/* What refers to which type, and under which name a type stands. */
#include "parts.h"

#include "types.h"

#define META      "io.k8s.apimachinery.pkg.apis.meta.v1."
#define MACHINERY "io.k8s.apimachinery.pkg."
#define CUSTOM    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

static const struct special_type specials[] = {
	{KIND_TIME, META "Time", "{\"type\":\"string\",\"format\":\"date-time\"}", NULL,
		"A point in time, in whole seconds."},
	{KIND_MICRO_TIME, META "MicroTime", "{\"type\":\"string\",\"format\":\"date-time\"}", NULL,
		"A point in time, in microseconds."},
	{KIND_DURATION, META "Duration", "{\"type\":\"string\"}", NULL,
		"A length of time, such as 1h30m."},
	{KIND_FIELDS_V1, META "FieldsV1", "{\"type\":\"object\"}", NULL,
		"A set of fields: f:NAME of an object, k:KEYS and v:VALUE of a list, each with "
		"what "
		"it holds of the set; a dot is the field itself."},
	{KIND_QUANTITY, MACHINERY "api.resource.Quantity", "{\"type\":\"string\"}",
		"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}",
		"An amount: a number with a suffix of ten (m, k, M, G, T, P, E), of two (Ki, Mi, "
		"Gi, "
		"Ti, Pi, Ei), or an exponent."},
	{KIND_INT_OR_STRING, MACHINERY "util.intstr.IntOrString",
		"{\"type\":\"string\",\"format\":\"int-or-string\"}",
		"{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}],"
		"\"format\":\"int-or-string\"}",
		"A number, or a name or percentage as text."},
	{KIND_RAW, MACHINERY "runtime.RawExtension", "{\"type\":\"object\"}", NULL, "Any object."},
	{KIND_JSON, CUSTOM "JSON", "{}", NULL, "Any JSON."},
	{KIND_SCHEMA_OR_ARRAY, CUSTOM "JSONSchemaPropsOrArray", "{}", NULL,
		"A schema, or a list of them."},
	{KIND_SCHEMA_OR_BOOL, CUSTOM "JSONSchemaPropsOrBool", "{}", NULL,
		"A schema, or whether anything goes."},
	{KIND_SCHEMA_OR_STRINGS, CUSTOM "JSONSchemaPropsOrStringArray", "{}", NULL,
		"A schema, or a list of names."},
};

const struct special_type *part_special(enum field_kind kind)
{
	for (size_t i = 0; i < ARRAY_LEN(specials); i++)
		if (specials[i].kind == kind)
			return &specials[i];
	return NULL;
}

static void use(struct parts *p, struct str name, struct definition d)
{
	if (!omap_has(&p->used, name))
		omap_set(&p->used, name, arena_copy(&p->keep, &d, sizeof(d)));
}

struct cJSON *part_link(struct parts *p, struct str name)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);

	part_add_text(p, tree, "$ref",
		arena_print(&p->scratch, "%s%.*s",
			p->v3 ? "#/components/schemas/" : "#/definitions/", STRF(name)));
	return tree;
}

struct str part_full_name(struct arena *a, const struct schema *s)
{
	return arena_print(a, "%.*s.%.*s", STRF(s->package), STRF(s->name));
}

struct cJSON *part_reference(struct parts *p, const struct schema *schema)
{
	struct str name = part_full_name(&p->scratch, schema);

	use(p, name, (struct definition){.schema = schema});
	return part_link(p, name);
}

/* The type of that name, if the tables have it or if it has been made before. */
static const struct schema *known(struct parts *p, struct str name)
{
	const struct schema *found = schema_find(name);
	const struct definition *made = omap_get(&p->used, name);

	return !found && made ? made->schema : found;
}

/* "com.example.stable.v1" of stable.example.com/v1 */
static struct str custom_package(struct parts *p, const struct resource *r)
{
	struct str rest = r->group, last, package = {0};

	while (rest.len) {
		str_cut_last(rest, '.', &rest, &last);
		package = arena_print(&p->scratch, "%.*s%.*s.", STRF(package), STRF(last));
	}
	return arena_print(&p->scratch, "%.*s%.*s", STRF(package), STRF(r->version));
}

struct str part_package(struct parts *p, const struct resource *r)
{
	struct str parent, group, version;

	if (r->custom)
		return custom_package(p, r);
	if (r->level != LEVEL_REMOVED)
		return r->schema->package;
	str_cut_last(r->hub->schema->package, '.', &parent, &version);
	if (!str_eq(r->group, r->hub->group)) {
		str_cut(r->group, '.', &group, &version);
		str_cut_last(parent, '.', &parent, &version);
		parent = arena_print(&p->scratch, "%.*s.%.*s", STRF(parent), STRF(group));
	}
	return arena_print(&p->scratch, "%.*s.%.*s", STRF(parent), STRF(r->version));
}

static struct schema *copy_as(
	struct parts *p, const struct schema *model, struct str package, struct str name)
{
	struct schema *copy = arena_copy(&p->keep, model, sizeof(*copy));

	copy->package = arena_str(&p->keep, package);
	copy->name = name;
	return copy;
}

const struct schema *part_object_schema(struct parts *p, const struct resource *r)
{
	struct str package = part_package(p, r);
	struct str name = arena_print(&p->scratch, "%.*s.%.*s", STRF(package), STRF(r->kind));
	const struct schema *found;

	if (str_eq(package, r->schema->package) && str_eq(r->kind, r->schema->name))
		return r->schema;
	found = known(p, name);
	if (found)
		return found;
	struct schema *copy = copy_as(p, r->schema, package, r->kind);
	if (r->custom) /* what it holds is said by its definition: custom.c */
		copy->field_count = 0;
	return copy;
}

const struct schema *part_list_schema(struct parts *p, const struct resource *r)
{
	const struct schema *object = part_object_schema(p, r), *model = SCHEMA(core_v1, PodList);
	struct str name =
		arena_print(&p->scratch, "%.*s.%.*s", STRF(object->package), STRF(r->list_kind));
	const struct schema *found = known(p, name);

	if (found)
		return found;
	struct schema *list = copy_as(p, model, object->package, r->list_kind);
	if (r->custom)
		list->custom = object->custom;
	struct schema_field *fields =
		arena_copy(&p->keep, model->fields, model->field_count * sizeof(*fields));
	list->doc = arena_print(&p->keep, "A list of %.*s objects.", STRF(r->kind)).at;
	list->fields = fields;
	for (size_t i = 0; i < list->field_count; i++)
		if (str_eq_text(fields[i].name, "items"))
			fields[i].of = object;
	return list;
}

/* One step: uses what the fields of this one need. */
static void follow(struct parts *p, const struct schema *s)
{
	if (s->custom) /* in references of any depth */
		use(p, STR(META "ObjectMeta"),
			(struct definition){.schema = SCHEMA(meta_v1, ObjectMeta)});
	for (size_t i = 0; i < s->field_count; i++) {
		const struct schema_field *f = &s->fields[i];
		const struct special_type *special = part_special(f->kind);

		if (f->kind == KIND_OBJECT)
			use(p, part_full_name(&p->scratch, f->of),
				(struct definition){.schema = f->of});
		else if (special)
			use(p, str_from(special->name), (struct definition){.special = special});
	}
}

void part_follow_references(struct parts *p)
{
	size_t before;

	/* A map may not grow while it is walked: the names of one round are listed first. */
	do {
		struct definition **round =
			arena_new(&p->scratch, (p->used.count + 1) * sizeof(*round));
		size_t count = 0;

		before = p->used.count;
		omap_each (it, &p->used)
			round[count++] = it.value;
		for (size_t i = 0; i < count; i++)
			if (round[i]->schema)
				follow(p, round[i]->schema);
	} while (p->used.count > before);
}
