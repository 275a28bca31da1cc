/*
 * CEL as Kubernetes 1.36 has it: parser, type checker, cost estimate and evaluator, with upstream's
 * libraries, error texts and limits. Pure: no clock, no network. In short:
 *
 *	struct cel_env *env = cel_env_new(0);
 *	cel_declare(env, STR("object"), &cel_dyn);                              // variable 0
 *	cel_declare(env, STR("params"), cel_type_of_schema(env, schema, true)); // variable 1
 *	struct cel_program *p = cel_compile(env, STR("object.a < 5"), &cel_bool);
 *	if (cel_failure(p).kind)
 *		… cel_failure(p).text …
 *	struct cel_value vars[] = {cel_json(object, &cel_dyn), cel_json(params, type)};
 *	struct cel_run run = {.arena = &arena, .variables = vars, .variable_count = 2};
 *	struct cel_value v = cel_eval(p, &run); // and run.cost: what it took
 *	if (v.kind == CEL_ERROR)
 *		… v.str …
 *	cel_program_free(p); // programs first
 *	cel_env_free(env);
 *
 * An env owns its types and must outlive its programs. A program is constant: it may be evaluated
 * any number of times, also nested (a lazy variable may evaluate another program). Values borrow:
 * from the run's arena, from the JSON trees given, from the program's constants.
 */
#ifndef KUBE_CEL_H
#define KUBE_CEL_H

#include <kube/json.h>
#include <kube/schema.h>
#include <kube/zone.h>

/* ---- types ---- */
enum cel_kind {
	CEL_ERROR, /* value: str is the message */
	CEL_DYN,   /* type only */
	CEL_NULL,
	CEL_BOOL,
	CEL_INT,
	CEL_UINT,
	CEL_DOUBLE,
	CEL_STRING,
	CEL_BYTES,
	CEL_TIMESTAMP,
	CEL_DURATION,
	CEL_LIST,
	CEL_MAP,
	CEL_OBJECT, /* fields with names known beforehand */
	CEL_TYPE,
	CEL_OPTIONAL,
	CEL_OPAQUE, /* of a library: URL, IP, quantity, … */
	CEL_PARAM,  /* type only: of a generic function, or not known yet */
	CEL_LAZY,   /* value only, of variables and fields: asked for when first used */
};

struct cel_type; /* constant, in an env or static */
extern const struct cel_type cel_dyn, cel_null, cel_bool, cel_int, cel_uint, cel_double, cel_string,
	cel_bytes, cel_timestamp, cel_duration, cel_authorizer_type, cel_resource_check_type,
	cel_quantity_type, cel_semver_type;

/* What an env has beside the base of 1.36. */
enum {
	CEL_WITH_BIND = 1,    /* cel.bind(), as device selectors have it */
	CEL_WITH_OBJECTS = 2, /* Object{…}, Object.spec{…}, … of apply configurations */
	CEL_WITH_PATCHES = 4, /* JSONPatch{…} and jsonpatch.escapeKey() */
};
struct cel_env;
struct cel_env *cel_env_new(unsigned with);
void cel_env_free(struct cel_env *env); /* NULL is fine */
/* Declares, or gives a declared name another type for what is compiled from now on. Its index. */
size_t cel_declare(struct cel_env *env, struct str name, const struct cel_type *type);
/* No longer known to what is compiled from now on; indexes stay as they are. */
void cel_undeclare(struct cel_env *env, struct str name);

const struct cel_type *cel_type_list(struct cel_env *env, const struct cel_type *of);
const struct cel_type *cel_type_map(
	struct cel_env *env, const struct cel_type *key, const struct cel_type *value);
const struct cel_type *cel_type_optional(struct cel_env *env, const struct cel_type *of);
/* An object type of one's own, "kubernetes.AdmissionRequest"; fields may be added at any time. */
struct cel_type *cel_type_record(struct cel_env *env, struct str name);
void cel_type_add(struct cel_env *env, struct cel_type *record, struct str field,
	const struct cel_type *type);
/*
 * What a variable is declared as whose expression yields `of`: a simple type stays, lists and maps
 * are made anew of what stays, all else is dyn. Of the program that yields it nothing is needed.
 */
const struct cel_type *cel_type_composed(struct cel_env *env, const struct cel_type *of);
/* Of a built-in type's table; its fields are made when they are looked for. */
const struct cel_type *cel_type_of_table(struct cel_env *env, const struct schema *schema);
/*
 * Of a structural schema (JSONSchemaProps), by upstream's rules: names escaped, int-or-string and
 * what keeps unknown fields are dyn, formats are their types, sizes are known to the cost estimate.
 * `resource`: a whole object (apiVersion, kind and metadata.name are there). NULL: nothing of the
 * schema can be seen from CEL.
 */
const struct cel_type *cel_type_of_schema(
	struct cel_env *env, const struct cJSON *schema, bool resource);
/* Of a field (by its name in JSON), of what a list or map holds; NULL when there is none. */
const struct cel_type *cel_type_field(const struct cel_type *type, struct str name);
const struct cel_type *cel_type_element(const struct cel_type *type);
uint64_t cel_type_size(const struct cel_type *type); /* of the shortest JSON, bytes */
enum cel_kind cel_type_kind(const struct cel_type *type);
struct str cel_type_text(struct arena *a, const struct cel_type *type); /* "list(string)" */
/* "namespace" → "__namespace__", "a.b" → "a__dot__b"; false: no such name can be written. */
bool cel_escape_name(struct arena *a, struct str name, struct str *escaped);

/*
 * What admission's expressions speak of: object, oldObject (dyn), request, namespaceObject,
 * authorizer, authorizer.requestResource, params, in this order; `params`: params is declared.
 */
struct cel_env *cel_env_for_admission(unsigned with, bool params);
const struct cel_type *cel_type_of_request(struct cel_env *env);
const struct cel_type *cel_type_of_namespace(struct cel_env *env);
/* What selectors of devices speak of: device. */
struct cel_env *cel_env_for_devices(void);

/* ---- programs ---- */
enum cel_failure_kind {
	CEL_COMPILED,
	CEL_INVALID,    /* syntax, types: upstream says "compilation failed: " before the text */
	CEL_WRONG_TYPE, /* it yields another type: "must evaluate to bool but got int" */
	CEL_UNBUILT, /* a constant part fails: "program instantiation failed: " before the text */
};
struct cel_failure {
	enum cel_failure_kind kind;
	struct str text; /* the program's */
};
struct cel_program;
/*
 * Never NULL; ask cel_failure. `wanted` is the type it must yield, exactly (dyn is none other);
 * NULL: any.
 */
struct cel_program *cel_compile(
	struct cel_env *env, struct str text, const struct cel_type *wanted);
/*
 * The same where any of several types is fine. Object types are told apart by their names alone:
 * a record "JSONPatch" made by the caller is the one that expressions make.
 */
struct cel_program *cel_compile_any(
	struct cel_env *env, struct str text, const struct cel_type *const *wanted, size_t count);
void cel_program_free(struct cel_program *p); /* NULL is fine */
struct cel_failure cel_failure(const struct cel_program *p);
const struct cel_type *cel_result_type(const struct cel_program *p);
struct str cel_program_text(const struct cel_program *p);
/* Does it speak of this variable? (transition rules: oldSelf) */
bool cel_uses(const struct cel_program *p, struct str variable);

/* The estimate of what evaluating it may cost, from the sizes that types declare. */
struct cel_cost {
	uint64_t min, max;
};
struct cel_cost cel_estimate(const struct cel_program *p);

#define CEL_PER_CALL_LIMIT   1000000   /* of one evaluation */
#define CEL_RUNTIME_BUDGET   10000000  /* of all evaluations for one request */
#define CEL_EXPRESSION_LIMIT 10000000  /* of the estimate of one rule of a CRD */
#define CEL_SCHEMA_LIMIT     100000000 /* of all rules of a CRD together */

/* ---- values ---- */
struct cel_value;
struct cel_items;
struct cel_entries;
struct cel_lazy {
	void *ctx;
	/* The value of a variable, or of the field of that name. */
	struct cel_value (*get)(void *ctx, struct arena *a, struct str name);
};

enum cel_error_class {
	CEL_FAILED,     /* the expression's own */
	CEL_OVER_LIMIT, /* cost more than the run allows */
	CEL_TOO_DEEP,   /* or too many steps, or too much memory */
};

struct cel_value {
	uint8_t kind;
	uint8_t held;                /* private, but of an error: its enum cel_error_class */
	int32_t nanos;               /* of a timestamp */
	const struct cel_type *type; /* what it was declared as; NULL: nothing more is known */
	union {
		bool b;
		int64_t i; /* also a duration, in nanoseconds */
		uint64_t u;
		double d;
		struct str str; /* also bytes, and the message of an error */
		struct {
			int64_t seconds; /* since 1970 */
			int32_t offset;  /* of the zone it was written in, seconds */
		} time;
		const struct cJSON *json;
		struct cel_items *items;
		struct cel_entries *entries;
		const struct cel_type *of;     /* CEL_TYPE */
		const struct cel_value *inner; /* CEL_OPTIONAL; NULL: none */
		const struct cel_lazy *lazy;
		const void *opaque;
	};
};

/* A JSON tree seen as a type says; &cel_dyn: as it is. NULL is null. Nothing is copied. */
struct cel_value cel_json(const struct cJSON *json, const struct cel_type *type);
struct cel_value cel_str(struct str s);
struct cel_value cel_number(int64_t i);
struct cel_value cel_truth(bool b);
extern const struct cel_value cel_none; /* optional.none() */
struct cel_value cel_some(struct arena *a, struct cel_value v);
/* A variable, or an object of a record type, whose value or fields are made when asked for. */
struct cel_value cel_lazy(const struct cel_lazy *lazy);
struct cel_value cel_lazy_object(const struct cel_lazy *lazy, const struct cel_type *record);
struct cel_value cel_error(struct arena *a, const char *format, ...) KUBE_PRINTF(2, 3);
/* Opaque values for variables that have them (device capacities and versions). */
struct cel_value cel_quantity(struct arena *a, struct str text);
struct cel_value cel_semver(struct arena *a, struct str text);

/* The value as JSON (objects and JSON patches made by expressions); NULL: *why says why not. */
struct cJSON *cel_to_json(struct arena *a, struct cel_value v, struct str *why);
/* What a list holds; false: no list or no such element. */
bool cel_list_at(struct arena *a, struct cel_value list, size_t index, struct cel_value *v);
size_t cel_list_size(struct cel_value list);

/* ---- the authorizer variable ---- */
struct cel_check {
	bool is_resource;
	struct str path, verb;
	struct str group, resource, subresource, namespace, name;
	struct str field_selector, label_selector;
	struct str account_namespace, account; /* asked for this service account; else the user */
};
struct cel_decision {
	bool allowed;
	struct str reason;
	struct str error; /* not empty: it could not be decided */
};
struct cel_authorizer {
	void *ctx;
	void (*check)(void *ctx, struct arena *a, const struct cel_check *check,
		struct cel_decision *decision);
};
struct cel_value cel_authorizer(const struct cel_authorizer *authorizer);
/* authorizer.requestResource: group, resource, subresource, namespace and name are given. */
struct cel_value cel_resource_check(
	struct arena *a, const struct cel_authorizer *authorizer, const struct cel_check *check);

/* ---- time zones ---- */
/*
 * Who knows the zones that expressions name; without one there are only UTC and offsets. Of the
 * process: what a machine says of the world is the same for all that runs on it. NULL: nobody; a
 * source is taken back only by who gave it.
 */
struct cel_zones {
	void *ctx;
	const struct zone *(*find)(void *ctx, struct str name); /* NULL: it knows none such */
};
void cel_use_zones(const struct cel_zones *zones);
void cel_forget_zones(const struct cel_zones *zones);

/* ---- evaluating ---- */
struct cel_run {
	struct arena *arena;               /* results live in it */
	const struct cel_value *variables; /* by index; those beyond the count are unknown */
	size_t variable_count;
	uint64_t limit; /* 0: CEL_PER_CALL_LIMIT */
	uint64_t cost;  /* out */
};
struct cel_value cel_eval(const struct cel_program *p, struct cel_run *run);

#endif
