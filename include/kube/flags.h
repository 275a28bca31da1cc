/*
 * Command lines in upstream's style, config files and help, all from one table.
 *
 *	static struct flag flags[] = {
 *		FLAG_STRING("bind-address", &o.bind, "0.0.0.0", "IP", "Where to listen."),
 *		FLAG_INT("secure-port", &o.port, "6443", "PORT", "Port for HTTPS."),
 *		FLAG_BOOL("anonymous-auth", &o.anonymous, "true", "Is nobody let in?"),
 *		FLAG_END,
 *	};
 *
 * `--name=value` and `--name value` (booleans only `--name[=true|false]`), one-letter names with
 * `-v 4` and `-v4`, `--` ends flags. `_` in a name reads as `-`. Later wins; repeated flags of
 * list kinds add up. An unknown flag is an error that names the nearest known one. `--help` is a
 * flag like any other: a command that wants it has it in its table.
 * Values are parsed once, by kind, wherever they come from (default, config file, command line).
 */
#ifndef KUBE_FLAGS_H
#define KUBE_FLAGS_H

#include <kube/arena.h>
#include <kube/json.h>

enum flag_kind {
	FLAG_KIND_STRING,   /* struct str */
	FLAG_KIND_BOOL,     /* bool */
	FLAG_KIND_INT,      /* int64_t */
	FLAG_KIND_DOUBLE,   /* double */
	FLAG_KIND_DURATION, /* int64_t ns */
	FLAG_KIND_QUANTITY, /* int64_t, "64Mi", "100m" is rejected as not whole; "2k" = 2000 */
	FLAG_KIND_LIST,     /* struct flag_list: comma-separated, repeatable */
	FLAG_KIND_STRINGS,  /* struct flag_list: repeatable, commas belong to the value */
	FLAG_KIND_MAP,      /* struct flag_map: k=v,k=v, repeatable */
	FLAG_KIND_GATES,    /* struct flag_map of "true"/"false", names checked against a table */
};

struct flag_list {
	struct str *items;
	size_t count;
};

struct flag_pair {
	struct str key, value;
};

struct flag_map {
	struct flag_pair *items; /* in order of first appearance; a later value replaces */
	size_t count;
};

struct flag_gate { /* a table of these ends with name == NULL */
	const char *name;
	bool on;           /* the default */
	bool locked;       /* cannot be changed */
	const char *stage; /* "ALPHA", "BETA", "" for GA */
};

struct flag {
	const char *name;
	char letter; /* 0: none */
	enum flag_kind kind;
	void *target;
	const char *fallback; /* as text; NULL: zero value */
	const char *value_name;
	const char *help;
	const struct flag_gate *gates;
	const char *group; /* "Output" stands below "Output flags:" in the help; NULL: first */
	bool hidden;
	/* What the owner is to say when it is `set`, or NULL; such a flag is not in the help. */
	const char *deprecated;
	bool set;       /* was given by file or command line (filled in) */
	bool from_line; /* given on the command line (filled in) */
};

#define FLAG_(k, n, t, d, v, h)                                                                    \
	{                                                                                          \
		.name = (n), .kind = FLAG_KIND_##k, .target = (t), .fallback = (d),                \
		.value_name = (v), .help = (h)                                                     \
	}
#define FLAG_STRING(n, t, d, v, h)   FLAG_(STRING, n, t, d, v, h)
#define FLAG_BOOL(n, t, d, h)        FLAG_(BOOL, n, t, d, NULL, h)
#define FLAG_INT(n, t, d, v, h)      FLAG_(INT, n, t, d, v, h)
#define FLAG_DOUBLE(n, t, d, v, h)   FLAG_(DOUBLE, n, t, d, v, h)
#define FLAG_DURATION(n, t, d, h)    FLAG_(DURATION, n, t, d, "DURATION", h)
#define FLAG_QUANTITY(n, t, d, v, h) FLAG_(QUANTITY, n, t, d, v, h)
#define FLAG_LIST(n, t, d, v, h)     FLAG_(LIST, n, t, d, v, h)
#define FLAG_STRINGS(n, t, d, v, h)  FLAG_(STRINGS, n, t, d, v, h)
#define FLAG_MAP(n, t, d, h)         FLAG_(MAP, n, t, d, "KEY=VALUE,...", h)
#define FLAG_GATES(n, t, table, h)                                                                 \
	{                                                                                          \
		.name = (n), .kind = FLAG_KIND_GATES, .target = (t), .gates = (table),             \
		.value_name = "NAME=BOOL,...", .help = (h)                                         \
	}
#define FLAG_END                                                                                   \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/* Sets every target to its fallback. A fallback that does not parse is a mistake (asserted). */
void flags_init(struct flag *flags, struct arena *a);
/*
 * Reads argv[0..argc). What is no flag is collected in *rest (pointers into argv); NULL forbids
 * such words. Values are copied into the arena. ERR_USAGE with upstream's wording.
 */
int flags_parse(struct flag *flags, struct arena *a, int argc, char **argv, struct flag_list *rest,
	struct err *err);
/*
 * A config file: a YAML mapping of flag names (with or without dashes: camelCase reads too) to
 * scalars, lists or maps; null leaves the default. What is given on the command line wins,
 * whichever is read first. Unknown or repeated key → ERR_USAGE with its line and the nearest name.
 */
int flags_parse_config(struct flag *flags, struct arena *a, struct str yaml, struct err *err);
/* "Usage:" is the caller's; this prints the table, wrapped, grouped, defaults shown. */
void flags_print_help(const struct flag *flags, struct buf *out);
/* The value a flag has now, as it would be written behind its name. */
void flags_print_value(const struct flag *flag, struct buf *out);
/* Whether a gate is on, after parsing. The name must be in the table. */
bool flags_gate(const struct flag_map *gates, const struct flag_gate *table, const char *name);

/* The candidate nearest to the word by edit distance, or NULL when none is near. */
const char *flags_nearest(struct str word, const char *const *candidates, size_t count);

#endif
