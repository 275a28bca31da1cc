/*
 * Configuration files of upstream's API groups: read strictly, so that what is misspelled is not
 * taken for what was left out. Faults are gathered, the first twenty are told.
 */
#ifndef KUBE_APISERVER_CONFIG_TEXT_H
#define KUBE_APISERVER_CONFIG_TEXT_H

#include <kube/field.h>

struct config_text {
	struct arena *arena;
	struct buf faults;
	size_t fault_count;
};

/*
 * YAML or JSON, of that kind, in one of the versions (ends with NULL). Then config_done, whatever
 * came. *version: which.
 */
int config_read(struct config_text *c, struct arena *a, struct str text, const char *kind,
	const char *const *versions, struct cJSON **tree, const char **version, struct err *err);
/* Members of an object; names ends with NULL. Not an object: a fault. */
void config_check_names(struct config_text *c, const struct path *at, const struct cJSON *object,
	const char *const *names);
/* What is not there, or null, is empty, false, 0. Of another type: a fault. */
struct str config_str(
	struct config_text *c, const struct path *at, const struct cJSON *object, const char *name);
bool config_bool(struct config_text *c, const struct path *at, const struct cJSON *object,
	const char *name, bool fallback);
int64_t config_duration(struct config_text *c, const struct path *at, const struct cJSON *object,
	const char *name, int64_t fallback);
const struct cJSON *config_list(
	struct config_text *c, const struct path *at, const struct cJSON *object, const char *name);
const struct cJSON *config_object(
	struct config_text *c, const struct path *at, const struct cJSON *object, const char *name);
/* ERR_SYNTAX with all faults. */
int config_result(struct config_text *c, struct err *err);
void config_done(struct config_text *c);

#endif
