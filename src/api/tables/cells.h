/*
 * Cells of Tables: each function adds one cell to the row. The argument says where the value
 * stands, as a dotted path; what follows a bar is shown when there is nothing.
 */
#ifndef KUBE_API_TABLES_CELLS_H
#define KUBE_API_TABLES_CELLS_H

#include <kube/api_codec.h>
#include <kube/resource.h>
#include <kube/selector.h>

struct table_row {
	struct arena *arena;
	const struct cJSON *object;
	struct cJSON *cells;
	int64_t now;
};

typedef void cell_fn(struct table_row *row, const char *argument);

/* ---- adding ---- */
void row_add(struct table_row *row, struct str text);
void row_add_int(struct table_row *row, int64_t value);
void row_add_bool(struct table_row *row, bool value);
/* How long ago (time text); `fallback` when it is empty or unreadable. */
void row_add_since(struct table_row *row, struct str time, struct str fallback);
/* From one time to another; 292 years at most. */
int64_t time_between(int64_t from, int64_t to);
struct str row_since(struct table_row *row, struct str time, struct str fallback);

/* ---- for every kind ---- */
cell_fn cell_text;     /* "spec.type|<none>" */
cell_fn cell_int;      /* a number, 0 when absent */
cell_fn cell_int_or;   /* a number, or the text behind the bar */
cell_fn cell_bool;     /* "spec.x|true" */
cell_fn cell_count;    /* members of a list or map */
cell_fn cell_joined;   /* strings of a list, joined by commas */
cell_fn cell_labels;   /* a map as k=v,k=v */
cell_fn cell_selector; /* a LabelSelector as text, "<none>" when empty */
cell_fn cell_names;    /* names, images of a list of containers */
cell_fn cell_images;
cell_fn cell_age;
cell_fn cell_created;      /* the time itself */
cell_fn cell_since;        /* how long ago */
cell_fn cell_ratio;        /* two numbers as "a/b": "status.readyReplicas|spec.replicas" */
cell_fn cell_reference;    /* kind/name of an object reference */
cell_fn cell_phase;        /* status.phase, Terminating while it is deleted */
cell_fn cell_default_name; /* name, "(default)" behind it when one of these annotations is true */

/* The condition of that type in status.conditions, or NULL. */
const struct cJSON *row_condition(const struct table_row *row, const char *type);

/* ---- texts that grow ---- */
struct joined { /* items with a separator between them, the first `max` shown */
	struct buf text;
	const char *separator;
	size_t count, max;
};
void joined_init(struct joined *j, const char *separator, size_t max); /* 0: all */
void joined_add(struct joined *j, struct str item);
/* Adds the cell: " + N more..." behind it if some were not shown; `none` when there were none. */
void joined_end(struct joined *j, struct table_row *row, const char *none);

#endif
