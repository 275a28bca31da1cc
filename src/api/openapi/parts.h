/* The pieces of a document, one tree each. */
#ifndef KUBE_API_OPENAPI_PARTS_H
#define KUBE_API_OPENAPI_PARTS_H

#include "route.h"

enum parameter_id {
#define SHARED(id, ...) PARAMETER_##id,
#define OWN(id, ...)    PARAMETER_##id,
#include "parameters.def"
#undef SHARED
#undef OWN
	PARAMETERS
};

/* A type that is not made of fields. */
struct special_type {
	enum field_kind kind;
	const char *name;
	const char *v2, *v3; /* its definition, as JSON; NULL: the same */
	const char *doc;
};

struct definition {
	const struct schema *schema; /* NULL: special */
	const struct special_type *special;
};

struct parts {
	bool v3;
	const struct openapi_source *source;
	struct str group, version; /* of the v3 document; empty otherwise */
	struct arena keep;         /* as long as the document is being made */
	struct arena scratch;      /* of one piece */
	struct omap used;          /* name → struct definition */
	bool parameters[PARAMETERS];
};

void parts_init(struct parts *p, const struct openapi_source *source, bool v3);
void parts_done(struct parts *p);

/* ---- references.c ---- */
/* NULL: the kind is made of fields, or of nothing. */
const struct special_type *part_special(enum field_kind kind);
struct str part_full_name(struct arena *a, const struct schema *s);
/* {"$ref": …} to a definition of that name. */
struct cJSON *part_link(struct parts *p, struct str name);
/* The same to a type, which is in use from now on. */
struct cJSON *part_reference(struct parts *p, const struct schema *schema);
/*
 * The type of a resource under its own name. Removed versions may look as today's do, whose type
 * is no kind of theirs: they get one of the same fields.
 */
const struct schema *part_object_schema(struct parts *p, const struct resource *r);
/* "io.k8s.api.extensions.v1beta1": the package of that type. */
struct str part_package(struct parts *p, const struct resource *r);
/* The list of a resource; made of its items' type where the tables have none. */
const struct schema *part_list_schema(struct parts *p, const struct resource *r);
/* Everything that the definitions in use refer to is in use, too. */
void part_follow_references(struct parts *p);

/* ---- schemas.c ---- */
struct cJSON *part_definition(struct parts *p, const struct definition *d);

/* ---- custom.c ---- */
/* The object of a custom resource, as its definition has it and as upstream publishes that. */
struct cJSON *part_custom_definition(struct parts *p, const struct schema *s);

/* ---- kinds.c ---- */
/* Which kinds a type is; NULL when it is none. */
struct cJSON *part_kinds(struct parts *p, const struct schema *s);

/* ---- operations.c ---- */
struct cJSON *part_path(struct parts *p, const struct route *r);

/* ---- parameters.c ---- */
/* What stands beside the path's operations, and what with each of them. */
struct parameter_set {
	bool has[PARAMETERS];
};
struct parameter_set part_parameters(const struct route *r, enum action action);
/* The list of them, by name; NULL when there are none. `kind` is what {name} names. */
struct cJSON *part_parameter_list(struct parts *p, const struct parameter_set *set,
	const struct route *r, struct cJSON *body);
/* OpenAPI v2's shared ones by their keys. */
const char *part_parameter_key(size_t id);
struct cJSON *part_parameter(struct parts *p, size_t id, const struct route *r);
/* The bodies that OpenAPI v2 shares: of DELETE and PATCH. */
#define DELETE_BODY_KEY "body-2Y1dVQaQ"
#define PATCH_BODY_KEY  "body-78PwaGsr"

/* One of those that stand in the document, by its key; NULL: none of them. */
struct cJSON *part_own_parameter(struct parts *p, struct str key);

/* ---- foreign.c ---- */
struct foreign { /* name → tree, of p->keep */
	struct omap paths, definitions, parameters;
	struct omap kinds; /* further kinds of our definitions */
};
void foreign_init(struct foreign *f);
void foreign_done(struct foreign *f);
/* `own`: our paths; what they refer to must be known (part_follow_references). */
void foreign_collect(struct foreign *f, struct parts *p, const struct omap *own);
void foreign_add_kinds(struct arena *a, struct cJSON *tree, const struct cJSON *kinds);

/* ---- small trees ---- */
void part_add(struct parts *p, struct cJSON *object, const char *key, struct cJSON *value);
void part_add_text(struct parts *p, struct cJSON *object, const char *key, struct str text);
void part_add_description(struct parts *p, struct cJSON *object, const char *doc);
struct cJSON *part_words(struct parts *p, const char *words); /* "a,b" as a list */
struct cJSON *part_group_version_kind(
	struct parts *p, struct str group, struct str version, struct str kind);

#endif
