/* A document is written from its paths; what they refer to follows. */
#include "gnostic.h"
#include "parts.h"

#define PIECE_MAX (16 * MIB)

struct writer {
	struct parts parts;
	struct omap routes;
	struct foreign foreign;
	const struct openapi_source *source;
	enum openapi_format format;
	openapi_sink_fn *sink;
	void *ctx;
};

/* ---- output ---- */

static void put_text(struct writer *w, const char *text)
{
	if (w->format == OPENAPI_JSON)
		w->sink(w->ctx, str_from(text));
}

/*
 * A piece is a tree that goes down from the document to what is new: {"paths": {"/api/": …}}.
 * Protobuf merges such pieces by itself; as JSON only the last step is written, behind a comma.
 */
static void put_piece(
	struct writer *w, const char *const *way, struct str key, struct cJSON *tree, bool first)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(PIECE_MAX);

	if (w->format == OPENAPI_JSON) {
		if (!first)
			buf_add_char(&out, ',');
		json_print_str(&out, key);
		buf_add_char(&out, ':');
		json_print(&out, tree, JSON_SORTED);
	} else {
		size_t depth = 0;
		struct cJSON *outer = json_new(&w->parts.scratch, JSON_OBJECT);

		json_add(&w->parts.scratch, outer, key, tree);
		while (way[depth])
			depth++;
		while (depth--) {
			struct cJSON *around = json_new(&w->parts.scratch, JSON_OBJECT);

			part_add(&w->parts, around, way[depth], outer);
			outer = around;
		}
		gnostic_encode(
			&out, w->parts.v3 ? &gnostic_v3_document : &gnostic_v2_document, outer);
	}
	w->sink(w->ctx, buf_str(&out));
	arena_reset(&w->parts.scratch);
}

/* ---- sections ---- */

static void put_info(struct writer *w, const char *key, const char *version)
{
	static const char *const top[] = {NULL};
	struct parts *p = &w->parts;
	struct cJSON *info;

	put_piece(w, top, str_from(key), json_new_str(&p->scratch, str_from(version)), true);
	info = json_new(&p->scratch, JSON_OBJECT);
	part_add_text(p, info, "title", STR("Kubernetes"));
	part_add_text(p, info, "version", w->source->version);
	put_piece(w, top, STR("info"), info, false);
}

/* Behind others of ours. */
static void put_copy(
	struct writer *w, const char *const *way, struct str key, const struct cJSON *tree)
{
	put_piece(w, way, key, json_copy(&w->parts.scratch, tree), false);
}

static void put_paths(struct writer *w)
{
	static const char *const way[] = {"paths", NULL};
	bool first = true;

	put_text(w, ",\"paths\":{");
	omap_each (it, &w->routes) {
		put_piece(w, way, it.key, part_path(&w->parts, it.value), first);
		first = false;
	}
	omap_each (it, &w->foreign.paths)
		put_copy(w, way, it.key, it.value);
	put_text(w, "}");
}

static void put_definitions(struct writer *w, const char *const *way)
{
	bool first = true;

	part_follow_references(&w->parts);
	arena_reset(&w->parts.scratch);
	omap_each (it, &w->parts.used) {
		struct cJSON *tree = part_definition(&w->parts, it.value);
		const struct cJSON *more = omap_get(&w->foreign.kinds, it.key);

		if (more)
			foreign_add_kinds(&w->parts.scratch, tree,
				json_get(more, STR("x-kubernetes-group-version-kind")));
		put_piece(w, way, it.key, tree, first);
		first = false;
	}
	omap_each (it, &w->foreign.definitions)
		put_copy(w, way, it.key, it.value);
}

static struct cJSON *security_scheme(struct parts *p)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);

	part_add_text(p, tree, "description", STR("A bearer token."));
	part_add_text(p, tree, "in", STR("header"));
	part_add_text(p, tree, "name", STR("authorization"));
	part_add_text(p, tree, "type", STR("apiKey"));
	return tree;
}

/* ---- OpenAPI v2 ---- */

static struct cJSON *shared_body(struct parts *p, const char *type, bool required)
{
	struct cJSON *tree = json_new(&p->scratch, JSON_OBJECT);
	struct str name = arena_print(&p->scratch, "io.k8s.apimachinery.pkg.apis.meta.v1.%s", type);

	part_add_text(p, tree, "description",
		arena_print(&p->scratch, "The %s.", required ? "patch" : "options"));
	part_add_text(p, tree, "in", STR("body"));
	part_add_text(p, tree, "name", STR("body"));
	if (required)
		part_add(p, tree, "required", json_new_bool(&p->scratch, true));
	part_add(p, tree, "schema", part_reference(p, schema_find(name)));
	return tree;
}

struct cJSON *part_own_parameter(struct parts *p, struct str key)
{
	if (str_eq_text(key, DELETE_BODY_KEY))
		return shared_body(p, "DeleteOptions", false);
	if (str_eq_text(key, PATCH_BODY_KEY))
		return shared_body(p, "Patch", true);
	for (size_t i = 0; i < PARAMETERS; i++)
		if (p->parameters[i] && str_eq_text(key, part_parameter_key(i)))
			return part_parameter(p, i, NULL);
	return NULL;
}

static void put_parameters(struct writer *w)
{
	static const char *const way[] = {"parameters", NULL};
	struct parts *p = &w->parts;

	put_text(w, ",\"parameters\":{");
	put_piece(w, way, STR(DELETE_BODY_KEY), part_own_parameter(p, STR(DELETE_BODY_KEY)), true);
	put_piece(w, way, STR(PATCH_BODY_KEY), part_own_parameter(p, STR(PATCH_BODY_KEY)), false);
	for (size_t i = 0; i < PARAMETERS; i++)
		if (p->parameters[i])
			put_piece(w, way, str_from(part_parameter_key(i)),
				part_parameter(p, i, NULL), false);
	omap_each (it, &w->foreign.parameters)
		put_copy(w, way, it.key, it.value);
	put_text(w, "}");
}

static void put_security(struct writer *w)
{
	static const char *const top[] = {NULL}, *const way[] = {"securityDefinitions", NULL};
	struct parts *p = &w->parts;
	struct cJSON *list = json_new(&p->scratch, JSON_ARRAY);
	struct cJSON *need = json_new(&p->scratch, JSON_OBJECT);

	part_add(p, need, "BearerToken", json_new(&p->scratch, JSON_ARRAY));
	json_append(list, need);
	put_piece(w, top, STR("security"), list, false);
	put_text(w, ",\"securityDefinitions\":{");
	put_piece(w, way, STR("BearerToken"), security_scheme(p), true);
	put_text(w, "}");
}

static void writer_init(struct writer *w, bool v3)
{
	parts_init(&w->parts, w->source, v3);
	omap_init(&w->routes);
	foreign_init(&w->foreign);
}

static void writer_done(struct writer *w)
{
	omap_done(&w->routes);
	foreign_done(&w->foreign);
	parts_done(&w->parts);
}

/* To see which names are taken, all of ours is made once before it is written. */
static void survey(struct writer *w)
{
	omap_each (it, &w->routes) {
		part_path(&w->parts, it.value);
		arena_reset(&w->parts.scratch);
	}
	part_own_parameter(&w->parts, STR(DELETE_BODY_KEY));
	part_own_parameter(&w->parts, STR(PATCH_BODY_KEY));
	part_follow_references(&w->parts);
	arena_reset(&w->parts.scratch);
	foreign_collect(&w->foreign, &w->parts, &w->routes);
}

void openapi_v2_write(const struct openapi_source *source, enum openapi_format format,
	openapi_sink_fn *sink, void *ctx)
{
	static const char *const definitions[] = {"definitions", NULL};
	struct writer w = {.source = source, .format = format, .sink = sink, .ctx = ctx};

	writer_init(&w, false);
	routes_collect(source, NULL, &w.parts.keep, &w.routes);
	if (source->foreign_count)
		survey(&w);
	put_text(&w, "{");
	put_info(&w, "swagger", "2.0");
	put_paths(&w);
	put_parameters(&w);
	put_text(&w, ",\"definitions\":{");
	put_definitions(&w, definitions);
	put_text(&w, "}");
	put_security(&w);
	put_text(&w, "}");
	writer_done(&w);
}

/* ---- OpenAPI v3 ---- */

/* "apis/apps/v1" and "api/v1" describe the kinds of that version, too. */
static void set_group(struct writer *w, struct str name)
{
	struct str top, rest;

	str_cut(name, '/', &top, &rest);
	if (str_eq_text(top, "apis"))
		str_cut(rest, '/', &w->parts.group, &w->parts.version);
}

void openapi_v3_write(const struct openapi_source *source, struct str name,
	enum openapi_format format, openapi_sink_fn *sink, void *ctx)
{
	static const char *const schemas[] = {"components", "schemas", NULL};
	static const char *const security[] = {"components", "securitySchemes", NULL};
	struct writer w = {.source = source, .format = format, .sink = sink, .ctx = ctx};

	writer_init(&w, true);
	set_group(&w, name);
	routes_collect(source, &name, &w.parts.keep, &w.routes);
	put_text(&w, "{");
	put_info(&w, "openapi", "3.0.0");
	put_paths(&w);
	put_text(&w, ",\"components\":{");
	if (w.parts.used.count) {
		put_text(&w, "\"schemas\":{");
		put_definitions(&w, schemas);
		put_text(&w, "},");
	}
	put_text(&w, "\"securitySchemes\":{");
	put_piece(&w, security, STR("BearerToken"), security_scheme(&w.parts), true);
	put_text(&w, "}}}");
	writer_done(&w);
}
