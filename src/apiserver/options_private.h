/* What options.c and options_delete.c share. */
#ifndef KUBE_APISERVER_OPTIONS_PRIVATE_H
#define KUBE_APISERVER_OPTIONS_PRIVATE_H

#include "request.h"

/* Single parameters as Go converts them. */
bool options_bool(const struct api_request *r, const char *name, bool *value);
struct status *options_int(struct api_request *r, const char *name, bool *has, int64_t *value);
struct status *options_invalid(
	struct api_request *r, const char *kind, const struct field_errors *e);
void options_check_dry_run(
	struct api_request *r, struct field_errors *e, const struct str *values, size_t count);
struct str options_quote(struct arena *a, struct str s);
/* The User-Agent's first word. */
struct str options_manager_of_agent(struct api_request *r);
/* Of the query; those of the body come when it has been read. */
struct status *options_read_delete(struct api_request *r);

#endif
