/*
 * Resources: what is served under which path, by which rules. Built-in ones stand in
 * src/api/def/resources.def; custom ones are built at run time as the same struct.
 */
#ifndef KUBE_RESOURCE_H
#define KUBE_RESOURCE_H

#include <kube/schema.h>

enum verb {
	VERB_CREATE = 1,
	VERB_DELETE = 2,
	VERB_DELETECOLLECTION = 4,
	VERB_GET = 8,
	VERB_LIST = 16,
	VERB_PATCH = 32,
	VERB_UPDATE = 64,
	VERB_WATCH = 128,
	VERBS_ALL = 255,
};

enum resource_level {
	LEVEL_GA,
	LEVEL_BETA,
	LEVEL_ALPHA,
	LEVEL_REMOVED, /* gone from upstream, still served here, with a warning */
};

struct subresource {
	struct str name;                              /* "status", "scale" */
	const struct schema *schema;                  /* of its body */
	struct str group, version, api_version, kind; /* of its body */
	unsigned verbs;
};

struct strategy;

struct resource {
	struct str group, version; /* "" for the core group */
	struct str api_version;    /* "apps/v1" */
	struct str kind, list_kind;
	struct str plural, singular;
	struct str short_names, categories; /* comma-separated */
	struct str storage_hash;
	enum resource_level level;
	bool namespaced;
	const char *since, *until; /* LEVEL_REMOVED: deprecated in, removed in: "v1.8", "v1.16" */
	bool custom; /* of a CustomResourceDefinition; each version is its own hub, as upstream's */
	/* Of custom ones: all versions of the kind, ends with NULL; what is shown of an object. */
	const struct resource *const *versions;
	const struct table *table;
	struct str deprecation; /* a warning with every answer; empty: none */
	unsigned verbs;
	const struct schema *schema;
	const struct resource *hub;      /* the version that is stored; itself for that one */
	const struct strategy *strategy; /* the hub's */
	const struct subresource *subresources;
	size_t subresource_count;
};

/* Every built-in resource, in discovery's order (groups, then versions): from 0 until NULL. */
const struct resource *resource_at(size_t index);
/* By path (plural) or by body (kind). Built-in only; NULL when there is none. */
const struct resource *resource_find(struct str group, struct str version, struct str plural);
const struct resource *resource_find_kind(struct str group, struct str version, struct str kind);
/* The same kind in another version ("extensions/v1beta1"), whatever it is called there. */
const struct resource *resource_in_version(const struct resource *r, struct str api_version);
const struct subresource *resource_subresource(const struct resource *r, struct str name);
const char *verb_name(enum verb v); /* "create" */
/* "deployments.apps", "pods": how messages name a resource. */
struct str resource_full_name(struct arena *a, const struct resource *r);
/* One of the built-in kinds, by its plural: a custom one of that name is another. */
static inline bool resource_is(const struct resource *r, const char *plural)
{
	return !r->custom && str_eq_text(r->plural, plural);
}
/* "apps/v1" → group and version. */
void api_version_split(struct str api_version, struct str *group, struct str *version);
/*
 * Which version is the better one: > 0 for `a`. v2 before v1 before v1beta2 before v1alpha1; what
 * is no such name comes last, in the order of the alphabet.
 */
int api_version_compare(struct str a, struct str b);

/* ---- versions ---- */
/* What a version fills in that its hub does not, or otherwise: before the table's standards. */
void resource_version_defaults(
	struct arena *a, const struct resource *version, struct cJSON *object);
/*
 * The same object as another version of its kind, canonical. ERR_BAD_REQUEST when it cannot be
 * said in that version (upstream keeps such fields in annotations; so does this).
 */
int resource_convert(struct arena *a, const struct resource *from, const struct resource *to,
	const struct cJSON *object, struct cJSON **out, struct err *err);

/* ---- Table ---- */
struct table_row;
struct table_column {
	const char *name, *type, *format;
	int priority; /* 1: only shown wide */
	const char *doc;
	void (*cell)(struct table_row *row, const char *argument); /* adds one cell */
	const char *argument;
};
struct table {
	const struct table_column *columns;
	size_t column_count;
};
/* Cells of one object, one a column, as a list; *conditions is a list or NULL. */
struct cJSON *table_cells(const struct table *t, struct arena *a, const struct cJSON *object,
	int64_t now, struct cJSON **conditions);
/*
 * The columns of a kind, by the stored version's group; objects are trees of that version.
 * Never NULL: kinds without columns of their own have Name and Created At.
 */
const struct table *table_find(struct str group, struct str kind);
const struct table *resource_table(const struct resource *r);

#endif
