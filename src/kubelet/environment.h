/*
 * The variables that a container is started with, and what `$(NAME)` means in them. Pure.
 */
#ifndef KUBE_KUBELET_ENVIRONMENT_H
#define KUBE_KUBELET_ENVIRONMENT_H

#include "variable_files.h"

#include <kube/json.h>
#include <kube/resource.h>
#include <kube/runtime.h>

/* Config maps and secrets of the pod's namespace, as they are now. */
enum source_state { SOURCE_FOUND, SOURCE_MISSING, SOURCE_NOT_YET };
struct sources {
	enum source_state (*get)(void *ctx, struct arena *a, const struct resource *resource,
		struct str name, const struct cJSON **object);
	void *ctx;
};
const struct resource *resource_config_maps(void);
const struct resource *resource_secrets(void);

/* What this node knows of itself. */
struct node_facts {
	struct str name;
	const struct cJSON *allocatable, *capacity; /* lists of quantities */
	bool apparmor;                              /* its profiles are enforced */
	const struct ip *ips;
	size_t ip_count;
};

struct environment {
	struct arena *arena;
	struct runtime_pair *items;
	size_t count, cap;
};
void environment_set(struct environment *e, struct str name, struct str value);
bool environment_get(const struct environment *e, struct str name, struct str *value);

struct environment_input {
	const struct cJSON *pod; /* with the addresses it has by now in its status */
	const struct cJSON *container;
	const struct cJSON *const *services; /* of its namespace, and default/kubernetes */
	size_t service_count;
	const struct sources *sources;
	const struct variable_files *files; /* those that the container wants, read */
	const struct node_facts *node;
};
/* ERR_NOT_FOUND and ERR_INVALID in upstream's words: the container cannot be made now. */
int environment_make(struct environment *e, const struct environment_input *in, struct err *err);

/* What services give: {NAME}_SERVICE_HOST and their like. */
void environment_add_service(struct environment *e, const struct cJSON *service);

/* `$(NAME)` becomes its value, `$$` a dollar; what nobody knows stays as it is. */
struct str expand(struct arena *a, struct str text, const struct environment *known);
/* The same, where what nobody knows is an error. */
int expand_strictly(struct arena *a, struct str text, const struct environment *known,
	struct str *out, struct err *err);

/* ---- downward API ---- */
/* metadata.name, metadata.labels['x'], status.podIP, … ERR_INVALID for others. */
int downward_field(struct arena *a, const struct cJSON *pod, const struct node_facts *node,
	struct str path, struct str *value, struct err *err);
/* A resourceFieldRef; the container is that of the pod it names, or `container`. */
int downward_resource(struct arena *a, const struct cJSON *pod, const struct cJSON *container,
	const struct node_facts *node, const struct cJSON *ref, struct str *value, struct err *err);

#endif
