/* The parts a pod's rules are made of; each checks one member of a spec. */
#ifndef KUBE_API_POD_PARTS_H
#define KUBE_API_POD_PARTS_H

#include "pod_spec.h"
#include "rules.h"

/* One spec under inspection. */
struct pod_check {
	struct field_errors *e;
	const struct cJSON *spec;
	int64_t grace; /* seconds it may take to end */
	bool has_grace;
	struct rule_index volumes; /* by name */
};

/* volumes and what stands in them */
void pod_check_volumes(struct pod_check *c, const struct path *p);
bool pod_has_volume(const struct pod_check *c, struct str name);
/* Is it a claim's, so that it can be a block device? */
bool pod_volume_is_claim(const struct cJSON *spec, struct str name);

/* env and envFrom, the field and resource references of volumes too */
void pod_check_env(struct pod_check *c, const struct path *p, const struct cJSON *container);
void pod_check_field_ref(struct field_errors *e, const struct path *p, const struct cJSON *ref,
	const char *const *choices);
void pod_check_resource_ref(
	struct field_errors *e, const struct path *p, const struct cJSON *ref, bool volume);

/* probes, lifecycle */
void pod_check_probes(struct pod_check *c, const struct path *p, const struct cJSON *container);
void pod_check_lifecycle(struct pod_check *c, const struct path *p, const struct cJSON *container);

/* resources */
void pod_check_resources(struct pod_check *c, const struct path *p, const struct cJSON *resources);
void pod_check_own_resources(struct pod_check *c, const struct path *p);
void pod_check_resize_policy(
	struct pod_check *c, const struct path *p, const struct cJSON *container);
void pod_check_resource_claims(struct pod_check *c, const struct path *p);
/* A resource's amount: not negative, whole where only whole ones make sense. */
void pod_check_amount(struct field_errors *e, const struct path *at, struct str resource,
	const struct cJSON *amount);

/* restartPolicy and its rules; does it run again after ending with `code`? */
void pod_check_restart(struct pod_check *c, const struct path *p, const struct cJSON *container);
bool pod_container_restarts(const struct cJSON *spec, const struct cJSON *container, int64_t code);

/* Annotations that mean something to pods. p: of the annotations. */
void pod_check_annotations(struct field_errors *e, const struct path *p,
	const struct cJSON *annotations, const struct cJSON *spec);

/* security contexts, of containers and of pods; operating systems */
void pod_check_container_security(
	struct pod_check *c, const struct path *p, const struct cJSON *security);
void pod_check_security(struct pod_check *c, const struct path *p);
void pod_check_os(struct pod_check *c, const struct path *p);

/* where it may run */
void pod_check_affinity(struct pod_check *c, const struct path *p);
void pod_check_spread(struct pod_check *c, const struct path *p);
void pod_check_tolerations(struct pod_check *c, const struct path *p);
/* A node selector (terms of expressions and fields), wherever it stands. */
void check_node_selector(
	struct field_errors *e, const struct path *p, const struct cJSON *selector);
void check_node_selector_term(
	struct field_errors *e, const struct path *p, const struct cJSON *term);

/* containers of all three lists */
void pod_check_containers(struct pod_check *c, const struct path *p);

#endif
