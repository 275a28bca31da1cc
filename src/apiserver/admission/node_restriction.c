/* NodeRestriction: a kubelet changes its own Node, its own pods, and what belongs to them. */
#include "node_restriction.h"

#include "pod_references.h"

#include <kube/mem.h>

#include <stdlib.h>

#define MIRROR "kubernetes.io/config.mirror"
#define LEASES "kube-node-lease"

static bool is(const struct admission_review *a, const char *group, const char *plural)
{
	return str_eq_text(a->resource->group, group) && resource_is(a->resource, plural);
}

/* ---- pods ---- */

static struct status *check_owner(struct node_check *c, const struct cJSON *pod)
{
	struct admission_review *a = c->review;
	const struct cJSON *owners = json_path(pod, "metadata.ownerReferences");
	const struct cJSON *owner = json_first(owners), *node;

	if (json_count(owners) > 1)
		return admission_forbidden(a,
			"node \"%.*s\" can only create pods with a single owner reference set to "
			"itself",
			STRF(c->node));
	if (!owner || !str_eq_text(tree_str(owner, "apiVersion"), "v1") ||
		!str_eq_text(tree_str(owner, "kind"), "Node") ||
		!str_eq(tree_str(owner, "name"), c->node))
		return admission_forbidden(a,
			"node \"%.*s\" can only create pods with an owner reference set to itself",
			STRF(c->node));
	if (!tree_true(owner, "controller"))
		return admission_forbidden(a,
			"node \"%.*s\" can only create pods with a controller owner reference set "
			"to itself",
			STRF(c->node));
	if (tree_true(owner, "blockOwnerDeletion"))
		return admission_forbidden(a,
			"node \"%.*s\" must not set blockOwnerDeletion on an owner reference",
			STRF(c->node));
	node = server_read(a->server, a->arena, "", "nodes", STR(""), c->node);
	if (!node) {
		struct status *s = status_not_found(
			a->arena, resource_find(STR(""), STR("v1"), STR("nodes")), c->node);

		s->kind = STR("node");
		s->message = arena_print(a->arena, "node \"%.*s\" not found", STRF(c->node));
		return s;
	}
	if (!str_eq(tree_str(owner, "uid"), tree_str(node, "metadata.uid")))
		return admission_forbidden(a, "node %.*s UID mismatch: expected %.*s got %.*s",
			STRF(c->node), STRF(tree_str(owner, "uid")),
			STRF(tree_str(node, "metadata.uid")));
	return NULL;
}

/* What a mirror pod may not name, since its node could then read it. */
static const char *named_object(const struct cJSON *pod)
{
	if (tree_str(pod, "spec.serviceAccountName").len)
		return "a service account";
	if (pod_names_any_secret(pod))
		return "secrets";
	if (pod_names_any_config_map(pod))
		return "configmaps";
	json_each (volume, json_path(pod, "spec.volumes"))
		json_each (source, json_path(volume, "projected.sources")) {
			if (tree_has(source, "clusterTrustBundle"))
				return "clustertrustbundles";
			if (tree_has(source, "podCertificate"))
				return "podcertificates";
		}
	json_each (volume, json_path(pod, "spec.volumes"))
		if (tree_has(volume, "persistentVolumeClaim"))
			return "persistentvolumeclaims";
	return json_count(json_path(pod, "spec.resourceClaims")) ? "resourceclaims" : NULL;
}

static struct status *create_pod(struct node_check *c)
{
	struct admission_review *a = c->review;
	const struct cJSON *pod = a->object;
	struct status *s;
	const char *named;

	if (!json_get(json_path(pod, "metadata.annotations"), STR(MIRROR)))
		return admission_forbidden(a,
			"pod does not have \"" MIRROR
			"\" annotation, node \"%.*s\" can only create mirror pods",
			STRF(c->node));
	if (!str_eq(tree_str(pod, "spec.nodeName"), c->node))
		return admission_forbidden(a,
			"node \"%.*s\" can only create pods with spec.nodeName set to itself",
			STRF(c->node));
	s = check_owner(c, pod);
	if (s)
		return s;
	named = named_object(pod);
	return named ? admission_forbidden(a, "node \"%.*s\" can not create pods that reference %s",
			       STRF(c->node), named)
		     : NULL;
}

static struct status *check_pod(struct node_check *c)
{
	struct admission_review *a = c->review;

	if (a->operation == ADMIT_CREATE)
		return create_pod(c);
	if (a->operation != ADMIT_DELETE)
		return admission_forbidden(a,
			"unexpected operation \"UPDATE\", node \"%.*s\" can only create and delete "
			"mirror pods",
			STRF(c->node));
	if (!str_eq(tree_str(a->old, "spec.nodeName"), c->node))
		return admission_forbidden(a,
			"node \"%.*s\" can only delete pods with spec.nodeName set to itself",
			STRF(c->node));
	return NULL;
}

static struct status *check_pod_status(struct node_check *c)
{
	struct admission_review *a = c->review;
	static const char claims[] = "status.resourceClaimStatuses";

	if (!str_eq(tree_str(a->old, "spec.nodeName"), c->node))
		return admission_forbidden(a,
			"node \"%.*s\" can only update pod status for pods with spec.nodeName set "
			"to itself",
			STRF(c->node));
	if (!json_equal(
		    json_path(a->old, "metadata.labels"), json_path(a->object, "metadata.labels")))
		return admission_forbidden(
			a, "node \"%.*s\" cannot update labels through pod status", STRF(c->node));
	if (!json_equal(json_path(a->old, claims), json_path(a->object, claims)))
		return admission_forbidden(
			a, "node \"%.*s\" cannot update resource claim statues", STRF(c->node));
	return NULL;
}

static struct status *check_eviction(struct node_check *c)
{
	const struct cJSON *pod = node_standing_pod(c->review, c->review->name);

	if (!pod)
		return node_pod_not_found(c->review);
	if (!str_eq(tree_str(pod, "spec.nodeName"), c->node))
		return admission_forbidden(c->review,
			"node %.*s can only evict pods with spec.nodeName set to itself",
			STRF(c->node));
	return NULL;
}

static struct status *check_pods(struct node_check *c)
{
	struct str sub = c->review->subresource;

	if (!sub.len)
		return check_pod(c);
	if (str_eq_text(sub, "status"))
		return check_pod_status(c);
	if (str_eq_text(sub, "eviction"))
		return check_eviction(c);
	return admission_forbidden(c->review,
		"unexpected pod subresource \"%.*s\", only 'status' and 'eviction' are allowed",
		STRF(sub));
}

/* ---- nodes ---- */

static bool in_space(struct str space, const char *domain)
{
	struct str d = str_from(domain);

	return str_eq(space, d) ||
	       (str_ends(space, d) && space.len > d.len && space.at[space.len - d.len - 1] == '.');
}

static bool is_kubelet_label(struct str key, struct str space)
{
	static const char *const known[] = {"kubernetes.io/hostname", "topology.kubernetes.io/zone",
		"topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/zone",
		"failure-domain.beta.kubernetes.io/region", "beta.kubernetes.io/instance-type",
		"node.kubernetes.io/instance-type", "kubernetes.io/os", "kubernetes.io/arch",
		"beta.kubernetes.io/os", "beta.kubernetes.io/arch", NULL};

	for (size_t i = 0; known[i]; i++)
		if (str_eq_text(key, known[i]))
			return true;
	return in_space(space, "kubelet.kubernetes.io") || in_space(space, "node.kubernetes.io");
}

static bool is_forbidden_label(struct str key)
{
	struct str space, name;

	if (!str_cut(key, '/', &space, &name))
		return false;
	return in_space(space, "node-restriction.kubernetes.io") ||
	       ((in_space(space, "kubernetes.io") || in_space(space, "k8s.io")) &&
		       !is_kubelet_label(key, space));
}

static int compare(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Keys of labels that were added, changed or taken away, and that a node may not touch. */
static struct str forbidden_labels(
	struct arena *a, const struct cJSON *now, const struct cJSON *before)
{
	struct str *keys = arena_new(a, (json_count(now) + json_count(before) + 1) * sizeof(*keys)),
		   text = {0};
	size_t count = 0;

	json_each (label, now)
		if (!json_equal(label, json_get(before, json_key(label))) &&
			is_forbidden_label(json_key(label)))
			keys[count++] = json_key(label);
	json_each (label, before)
		if (!json_get(now, json_key(label)) && is_forbidden_label(json_key(label)))
			keys[count++] = json_key(label);
	qsort(keys, count, sizeof(*keys), compare);
	for (size_t i = 0; i < count; i++)
		text = arena_print(a, "%.*s%s%.*s", STRF(text), i ? ", " : "", STRF(keys[i]));
	return text;
}

static bool differs(const struct admission_review *a, const char *path)
{
	return !json_equal(json_path(a->object, path), json_path(a->old, path));
}

static struct status *update_node(struct node_check *c)
{
	struct admission_review *a = c->review;
	struct str labels;

	if (tree_has(a->object, "spec.configSource") && differs(a, "spec.configSource"))
		return admission_forbidden(a,
			"node \"%.*s\" is not allowed to update configSource to a new non-nil "
			"configSource",
			STRF(c->node));
	if (differs(a, "spec.taints"))
		return admission_forbidden(
			a, "node \"%.*s\" is not allowed to modify taints", STRF(c->node));
	labels = forbidden_labels(a->arena, json_path(a->object, "metadata.labels"),
		json_path(a->old, "metadata.labels"));
	if (labels.len)
		return admission_forbidden(
			a, "is not allowed to modify labels: %.*s", STRF(labels));
	if (differs(a, "metadata.ownerReferences"))
		return admission_forbidden(
			a, "node \"%.*s\" is not allowed to modify ownerReferences", STRF(c->node));
	return NULL;
}

static struct status *check_node(struct node_check *c)
{
	struct admission_review *a = c->review;
	struct str labels;

	if (!str_eq(a->name, c->node))
		return admission_forbidden(a,
			"node \"%.*s\" is not allowed to modify node \"%.*s\"", STRF(c->node),
			STRF(a->name));
	if (a->operation == ADMIT_UPDATE)
		return update_node(c);
	if (a->operation != ADMIT_CREATE)
		return NULL;
	if (tree_has(a->object, "spec.configSource"))
		return admission_forbidden(a,
			"node \"%.*s\" is not allowed to create pods with a non-nil configSource",
			STRF(c->node));
	labels = forbidden_labels(a->arena, json_path(a->object, "metadata.labels"), NULL);
	if (labels.len)
		return admission_forbidden(a,
			"node \"%.*s\" is not allowed to set the following labels: %.*s",
			STRF(c->node), STRF(labels));
	return NULL;
}

/* ---- claims ---- */

static struct status *check_claim(struct node_check *c)
{
	static const char *const own[] = {"metadata.resourceVersion", "metadata.managedFields",
		"status.capacity", "status.conditions", "status.allocatedResourceStatuses",
		"status.allocatedResources", NULL};
	struct admission_review *a = c->review;
	struct cJSON *now, *before;

	if (!str_eq_text(a->subresource, "status") || a->operation != ADMIT_UPDATE)
		return admission_forbidden(a, "may only update PVC status");
	now = json_copy(a->arena, a->object);
	before = json_copy(a->arena, a->old);
	for (size_t i = 0; own[i]; i++) {
		tree_drop(now, own[i]);
		tree_drop(before, own[i]);
	}
	if (json_equal(now, before))
		return NULL;
	return admission_forbidden(a,
		"node \"%.*s\" is not allowed to update fields other than status.quantity and "
		"status.conditions",
		STRF(c->node));
}

/* ---- leases, CSINodes, slices ---- */

static struct status *check_lease(struct node_check *c)
{
	if (!str_eq_text(c->review->namespace, LEASES))
		return admission_forbidden(
			c->review, "can only access leases in the \"" LEASES "\" system namespace");
	if (!str_eq(c->review->name, c->node))
		return admission_forbidden(c->review,
			"can only access node lease with the same name as the requesting node");
	return NULL;
}

static struct status *check_csi_node(struct node_check *c)
{
	if (str_eq(c->review->name, c->node))
		return NULL;
	return admission_forbidden(
		c->review, "can only access CSINode with the same name as the requesting node");
}

static struct status *check_slice(struct node_check *c)
{
	struct admission_review *a = c->review;

	if (a->operation == ADMIT_CREATE && !str_eq(tree_str(a->object, "spec.nodeName"), c->node))
		return admission_forbidden(a,
			"can only create ResourceSlice with the same NodeName as the requesting "
			"node");
	if (a->operation == ADMIT_DELETE && !str_eq(tree_str(a->old, "spec.nodeName"), c->node))
		return admission_forbidden(a,
			"can only delete ResourceSlice with the same NodeName as the requesting "
			"node");
	return NULL;
}

/* ---- together ---- */

struct status *admit_node_restriction(struct admission_review *a)
{
	static const struct {
		const char *group, *plural;
		struct status *(*check)(struct node_check *c);
	} checks[] = {{"", "pods", check_pods}, {"", "nodes", check_node},
		{"", "persistentvolumeclaims", check_claim},
		{"", "serviceaccounts", node_check_token},
		{"coordination.k8s.io", "leases", check_lease},
		{"storage.k8s.io", "csinodes", check_csi_node},
		{"resource.k8s.io", "resourceslices", check_slice},
		{"certificates.k8s.io", "certificatesigningrequests", node_check_request}};
	struct node_check c = {.review = a};

	if (!node_identity(a->user, &c.node))
		return NULL;
	if (!c.node.len)
		return admission_forbidden(a, "could not determine node from user %.*s",
			STRF(field_quote(a->arena, a->user->name)));
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if (is(a, checks[i].group, checks[i].plural))
			return checks[i].check(&c);
	return NULL;
}
