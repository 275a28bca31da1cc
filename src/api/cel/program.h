/* What the files of this folder share: types, the tree of an expression, environments, functions.
 */
#ifndef KUBE_CEL_PROGRAM_H
#define KUBE_CEL_PROGRAM_H

#include <kube/cel.h>
#include <kube/map.h>

/* ---- types ---- */

struct cel_field {
	struct str name;    /* as an expression writes it, escaped */
	struct str in_json; /* as the object has it */
	const struct cel_type *type;
	struct cel_field *next;
};

enum cel_list_rule { CEL_LIST_ATOMIC, CEL_LIST_SET, CEL_LIST_KEYED };

struct cel_type {
	uint8_t kind;
	uint8_t list_rule;
	bool wraps;      /* a value that may be null */
	bool open;       /* an object any field of which may be asked for, as dyn */
	uint32_t param;  /* CEL_PARAM: its number */
	struct str name; /* of an object, an opaque type, a parameter of a signature */
	const struct cel_type *first,
		*second;   /* element, or key and value; optional: what it holds */
	uint64_t max_size; /* what the estimate takes as the largest size; see SIZE_UNTOLD */
	uint64_t min_text; /* bytes of the shortest JSON */
	struct str *keys;  /* of a keyed list */
	size_t key_count;
	struct cel_field *fields; /* objects; grows when `table` is asked */
	const struct schema *table;
	struct cel_env *env; /* whose arena what is made later comes from */
};

/* The type says nothing about sizes (upstream: there is no declaration behind the expression). */
#define SIZE_UNTOLD UINT64_MAX

const struct cel_type *type_new(struct arena *a, enum cel_kind kind, const struct cel_type *first,
	const struct cel_type *second);
const struct cel_type *type_param(struct arena *a, uint32_t number);
/* A field that the object has under another name in JSON. */
void type_add_field(
	struct cel_type *object, struct str name, struct str in_json, const struct cel_type *type);
/* The field as expressions write its name; NULL when there is none. */
const struct cel_field *type_find(const struct cel_type *object, struct str name);
bool type_same(const struct cel_type *a, const struct cel_type *b);
void type_print(struct buf *out, const struct cel_type *t);
/* What type(x) of such a value is called: "list", "google.protobuf.Timestamp", "net.IP". */
struct str type_runtime_name(const struct cel_type *t);
/* The types that have a name in expressions: int, list, net.IP, …; NULL: no such. */
const struct cel_type *type_named(struct str name);
/*
 * Reads the small language of functions.def off *text: "list(T)", "map(K,V)", "opt(T)", "net.IP".
 * `letters` are the 26 parameters of one signature: those not met before are numbered from *next.
 */
const struct cel_type *type_read(
	struct arena *a, struct str *text, const struct cel_type **letters, uint32_t *next);

extern const struct cel_type cel_any_type, cel_error_type, cel_url_type, cel_ip_type, cel_cidr_type,
	cel_format_type, cel_path_check_type, cel_group_check_type, cel_decision_type;

/* ---- expressions ---- */

enum expr_kind {
	EXPR_LITERAL,
	EXPR_IDENT,
	EXPR_SELECT, /* target.name; `test`: has() */
	EXPR_CALL,   /* name(args), target.name(args) */
	EXPR_LIST,
	EXPR_MAP,    /* args: key, value, key, value */
	EXPR_STRUCT, /* name{field: value}: keys are literals in args, too */
	EXPR_FOLD,
};

struct expr;
struct fold {
	struct str variable, second, accumulator; /* second: empty, or of the two-variable macros */
	struct expr *range, *init, *condition, *step, *result;
	bool binds; /* runs no loop: accumulator = init, then result */
	int slot;   /* of the accumulator; the variables stand behind it */
};

struct function;
struct message;
struct call;
typedef struct cel_value function_fn(struct call *c);

struct expr {
	uint8_t kind;
	bool test;
	bool member;       /* a call with a receiver, in args[0] once it is checked */
	bool local;        /* an identifier of a fold */
	bool constant;     /* `literal` is what it always yields */
	uint8_t cost_rule; /* of a call: see cost.c */
	uint32_t at;       /* byte of the text */
	uint32_t id;
	uint32_t count; /* args */
	int32_t slot;   /* of an identifier: variable of the env, or local */
	struct str name;
	struct expr *target;
	struct expr **args;
	uint8_t *optional; /* per element or entry: written with a '?' */
	struct fold *fold;
	const struct message *message;   /* EXPR_STRUCT: when it is none of the env's objects */
	const struct cel_type *type;     /* what the checker found */
	const struct function *function; /* EXPR_CALL, once it is checked */
	uint16_t overload_count;
	const struct overload *const *overloads; /* that match */
	struct cel_value literal;
	struct regex *regex; /* compiled beforehand */
};

/* What making them costs, estimated and counted. */
enum { LIST_COST = 10, MAP_COST = 30, STRUCT_COST = 40 };

/* ---- functions ---- */

struct overload {
	const char *id;
	const char *signature; /* "string,int->bool"; "." first: a member */
};

struct function {
	const char *name;
	function_fn *run; /* NULL: the evaluator does it */
	const struct overload *overloads;
	size_t overload_count;
	unsigned with; /* of the env; 0: always there */
};
const struct function *function_find(struct str name, unsigned with);

/* A call under way. */
struct call {
	struct arena *arena;
	const struct expr *expr;
	struct cel_value *args;
	size_t count;
	struct evaluation *run;
};

/* ---- environments and programs ---- */

struct variable {
	struct str name;
	const struct cel_type *type; /* NULL: undeclared again */
};

struct cel_env {
	struct arena arena;
	unsigned with;
	struct variable *variables;
	size_t count, cap;
};

enum { TEXT_MAX = 100000, DEPTH_MAX = 250, TREE_MAX = 1000, PROBLEMS_MAX = 100 };

struct problem {
	int64_t at; /* byte of the text; -1: nowhere */
	struct str text;
};

struct cel_program {
	struct arena arena;
	struct cel_env *env;
	struct str text;
	struct expr *root;
	int local_count;
	uint32_t next_id;
	struct problem *problems;
	size_t problem_count, problem_cap, problem_total;
	struct cel_failure failure;
	const struct cel_type *type;
	struct str *used; /* names of variables */
	size_t used_count, used_cap;
};

void program_problem(struct cel_program *p, int64_t at, const char *format, ...) KUBE_PRINTF(3, 4);
/* All of them, in the order of the text, as upstream prints them. */
struct str program_print_problems(struct cel_program *p);

struct expr *expr_new(struct cel_program *p, enum expr_kind kind, uint32_t at);
struct expr *expr_call(struct cel_program *p, uint32_t at, const char *name, size_t count, ...);
bool expr_too_deep(const struct expr *root);
/* What looks like a.b.c, as text; false: it does not. */
bool expr_qualified(struct cel_program *p, const struct expr *e, struct str *name);

/* The stages of cel_compile; problems are in the program. */
void program_parse(struct cel_program *p);
/* NULL: no macro of that name; the call stays one. */
struct expr *macro_expand(struct cel_program *p, struct expr *call);
void program_check(struct cel_program *p);
void program_validate(struct cel_program *p); /* literals that can never work */
/* Works out what is constant. false: *why is the error it gives. */
bool program_fold(struct cel_program *p, struct str *why);

#endif
