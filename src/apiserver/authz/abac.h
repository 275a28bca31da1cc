/*
 * ABAC: a file of policies, one JSON object a line, in force until the file changes.
 */
#ifndef KUBE_APISERVER_ABAC_H
#define KUBE_APISERVER_ABAC_H

#include "access.h"

struct abac_policy {
	struct str user, group, resource, namespace, api_group, path;
	bool readonly;
};

struct abac {
	struct arena arena;
	struct abac_policy *policies;
	size_t count;
	bool unversioned; /* some line is of the format of old */
};

/* The whole text; path is what errors call it. ERR_SYNTAX names the line. Then abac_free. */
int abac_parse(struct str path, struct str text, struct abac **abac, struct err *err);
void abac_free(struct abac *a); /* NULL is fine */
bool abac_allows(const struct abac *a, const struct access_query *q);
/* The rules that the user has in the namespace: rules as PolicyRules, paths as those of paths. */
void abac_add_rules(const struct abac *abac, struct arena *a, const struct api_user *user,
	struct str namespace, struct cJSON *rules, struct cJSON *paths);

#endif
