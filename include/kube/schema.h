/*
 * The shape of API objects as tables: what decoding, defaults, patches, apply, protobuf and
 * OpenAPI work from. Built-in types stand in src/api/def/, expanded by the preprocessor; types of
 * custom resources are built at run time as the same structs.
 *
 * Tables are constant; everything here may be read on any thread.
 */
#ifndef KUBE_SCHEMA_H
#define KUBE_SCHEMA_H

#include <kube/json.h>

enum field_kind {
	KIND_STRING,
	KIND_BOOL,
	KIND_INT32,
	KIND_INT64,
	KIND_DOUBLE,
	KIND_BYTES,      /* base64 text */
	KIND_TIME,       /* RFC 3339, whole seconds */
	KIND_MICRO_TIME, /* RFC 3339, six digits */
	KIND_DURATION,   /* Go's text */
	KIND_QUANTITY,   /* canonical text; reads numbers too */
	KIND_INT_OR_STRING,
	KIND_OBJECT,          /* of `of` */
	KIND_RAW,             /* runtime.RawExtension: any JSON object, null when empty */
	KIND_JSON,            /* any JSON */
	KIND_FIELDS_V1,       /* the field set of managedFields, any JSON object */
	KIND_SCHEMA_OR_ARRAY, /* the three unions of CRD schemas; `of` is not set */
	KIND_SCHEMA_OR_BOOL,
	KIND_SCHEMA_OR_STRINGS,
	KIND_DEDUCED, /* what the value is: objects are granular maps of the same, lists atomic */
};

enum field_shape {
	SHAPE_ONE,
	SHAPE_LIST,
	SHAPE_MAP,          /* from strings */
	SHAPE_MAP_OF_LISTS, /* string to list of kind */
};

enum {
	FIELD_REQUIRED = 1,  /* OpenAPI's word; decoding does not ask for it */
	FIELD_KEEP = 2,      /* printed even when empty: null, [], {}, "", 0, false */
	FIELD_POINTER = 4,   /* absent and zero are two things: a zero that was given stays;
			      of lists and maps: for the checks, which then refuse it */
	FIELD_TYPE_META = 8, /* kind and apiVersion */
};

enum list_type { LIST_UNSET, LIST_ATOMIC, LIST_MAP, LIST_SET };
enum map_type { MAP_UNSET, MAP_ATOMIC, MAP_GRANULAR };

struct schema;
struct custom_type;

struct schema_field {
	struct str name; /* in JSON */
	uint8_t kind, shape, flags;
	uint8_t list_type, map_type;
	uint32_t proto;          /* number; outer numbers above it in steps of 8 bits; 0: none */
	const struct schema *of; /* KIND_OBJECT */
	const char *doc;
	const char
		*patch; /* strategic merge: "merge", "replace", "retainKeys", "merge,retainKeys" */
	const char *merge_key;
	const char *list_keys; /* "containerPort,protocol" for LIST_MAP */
	const char *fallback;  /* OpenAPI's default, as JSON */
	const char *standard;  /* the server's default, as JSON: set when absent (or zero, without
				  FIELD_POINTER) */
	const char *choices;   /* OpenAPI's enum, comma-separated */
	const char *go;        /* Go's type in messages where it does not follow: "v1.Protocol" */
	const char *gate;      /* the feature gates it stands behind, comma-separated */
	const char *inlined;   /* Go's embedded struct it comes from */
	/* SHAPE_LIST, SHAPE_MAP: the elements, where kind alone does not say what they are (lists
	 * of lists); NULL otherwise. */
	const struct schema_field *element;
};

enum {
	SCHEMA_ATOMIC = 1, /* owned as a whole in server-side apply */
	SCHEMA_SORTED = 2, /* fields stand in byte order of their names */
};

struct schema {
	struct str package; /* "io.k8s.api.core.v1" */
	struct str name;    /* "Container" */
	const char *go;     /* Go's package name: "v1" */
	const char *proto;  /* "k8s.io.api.core.v1" */
	const char *doc;
	uint32_t flags;
	uint16_t field_count;
	const struct schema_field *fields;
	const struct schema_field *rest;  /* members that no field names; NULL: there are none */
	const struct custom_type *custom; /* of a CustomResourceDefinition: see custom.h */
};

/* "io.k8s.api.core.v1.Container"; NULL when there is none. Built-in types only. */
const struct schema *schema_find(struct str full_name);
/* All of them, in no promised order: from 0 until NULL. */
const struct schema *schema_at(size_t index);
/* NULL when there is none. Exact spelling. */
const struct schema_field *schema_field(const struct schema *s, struct str name);
/* Go's name of a field's type as error messages have it: "[]v1.Container", "int32", … */
struct str schema_go_type(struct arena *a, const struct schema_field *f);

/* Walks "spec.template.spec"; NULL when the way does not exist. Lists and maps: their elements. */
const struct schema_field *schema_path(const struct schema *s, const char *dotted);

#endif
