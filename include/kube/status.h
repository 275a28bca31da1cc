/*
 * Status: how the API says no (and, after deletes, yes). Functions of the API server return a
 * `struct status *` in the request's arena: NULL means all is well.
 */
#ifndef KUBE_STATUS_H
#define KUBE_STATUS_H

#include <kube/field.h>

struct resource;

struct status_cause {
	struct str reason, message, field;
};

struct status {
	int code;                   /* HTTP's */
	struct str reason, message; /* reason may be empty */
	bool success;
	bool plain; /* the message as text/plain, no JSON */
	bool has_details;
	struct str name, group, kind, uid;
	struct status_cause *causes;
	size_t cause_count;
	int retry_after;           /* seconds; 0: none */
	struct str continue_token; /* metadata.continue of an expired list */
};

/* code and reason from errors.def; no details. */
struct status *status_new(struct arena *a, int err_code, const char *format, ...) KUBE_PRINTF(3, 4);
/* With details: kind is the plural resource. `name` may be empty. */
struct status *status_for(struct arena *a, int err_code, const struct resource *r, struct str name,
	const char *format, ...) KUBE_PRINTF(5, 6);
struct status *status_not_found(struct arena *a, const struct resource *r, struct str name);
struct status *status_already_exists(struct arena *a, const struct resource *r, struct str name);
/* `Operation cannot be fulfilled on <r> "<name>": <why>` */
struct status *status_conflict(struct arena *a, const struct resource *r, struct str name,
	const char *why, ...) KUBE_PRINTF(4, 5);
/* 422 from field errors; kind and group as given. NULL when there are no errors. */
struct status *status_invalid(struct arena *a, struct str group, struct str kind, struct str name,
	const struct field_errors *errors);
/* `Internal error occurred: …` */
struct status *status_internal(struct arena *a, const char *format, ...) KUBE_PRINTF(2, 3);
struct status *status_from_err(struct arena *a, const struct err *err);
void status_add_cause(
	struct arena *a, struct status *s, struct str reason, struct str message, struct str field);
/* The Status object. */
struct cJSON *status_tree(struct arena *a, const struct status *s);
/* Back: what such an object, somebody else's, has as its details. */
void status_read_details(struct arena *a, struct status *s, const struct cJSON *details);

#endif
