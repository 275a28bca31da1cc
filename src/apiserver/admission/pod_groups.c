/* What concerns groups of pods that are placed together: theirs is a gate that is closed by itself.
 */
#include "api_options.h"
#include "plugins.h"

#define GROUP     "scheduling.k8s.io"
#define FINALIZER "scheduling.k8s.io/podgroup-protection"

static bool is_group(const struct admission_review *r)
{
	return resource_is(r->resource, "podgroups") && str_eq_text(r->resource->group, GROUP) &&
	       !r->subresource.len && api_gate(r->server->options, "GenericWorkload");
}

/* ---- PodGroupProtection: a group stays while pods are in it ---- */

struct status *mutate_pod_group(struct admission_review *r)
{
	if (is_group(r))
		admission_add_finalizer(r, FINALIZER);
	return NULL;
}

/* ---- PodGroupWorkloadExists ---- */

struct status *validate_pod_group(struct admission_review *r)
{
	const struct cJSON *ref = json_path(r->object, "spec.podGroupTemplateRef.workload");
	struct str name = tree_str(ref, "workloadName"),
		   template = tree_str(ref, "podGroupTemplateName");
	const struct cJSON *workload;

	if (!is_group(r) || !json_is(ref, JSON_OBJECT))
		return NULL;
	workload = server_read(r->server, r->arena, GROUP, "workloads", r->namespace, name);
	if (!workload)
		return admission_forbidden(
			r, "PodGroup rejected: Workload \"%.*s\" not found", STRF(name));
	if (tree_has(workload, "metadata.deletionTimestamp"))
		return admission_forbidden(
			r, "PodGroup rejected: Workload \"%.*s\" is being deleted", STRF(name));
	json_each (one, json_path(workload, "spec.podGroupTemplates"))
		if (str_eq(tree_str(one, "name"), template))
			return NULL;
	return admission_forbidden(r,
		"PodGroup rejected: PodGroupTemplate \"%.*s\" not found in Workload \"%.*s\"",
		STRF(template), STRF(name));
}

/* ---- JobValidation: as many pods as a gang began with ---- */

static bool is_gang(const struct cJSON *group)
{
	return json_is(json_path(group, "spec.schedulingPolicy.gang"), JSON_OBJECT);
}

static bool is_controlled_by(const struct cJSON *group, struct str uid)
{
	json_each (owner, json_path(group, "metadata.ownerReferences"))
		if (tree_true(owner, "controller") && str_eq(tree_str(owner, "uid"), uid))
			return true;
	return false;
}

/* The gang that the job's pods are in; NULL: none. */
static const struct cJSON *gang_of(struct admission_review *r)
{
	struct str named = tree_str(r->old, "spec.template.spec.schedulingGroup.podGroupName");
	struct str uid = tree_str(r->old, "metadata.uid"), prefix;
	const struct resource *groups =
		resource_find(STR(GROUP), STR("v1alpha2"), STR("podgroups"));
	const struct cJSON *group;
	struct store_iter it;

	if (named.len) {
		group = server_read(r->server, r->arena, GROUP, "podgroups", r->namespace, named);
		return group && is_gang(group) ? group : NULL;
	}
	prefix = arena_print(r->arena, "%.*s/", STRF(r->namespace));
	it = store_seek(server_bucket(r->server, groups), prefix, STR(""));
	while (store_next(&it)) {
		group = object_lean_tree(r->arena, it.object);
		if (is_controlled_by(group, uid) && is_gang(group))
			return group;
	}
	return NULL;
}

struct status *validate_job(struct admission_review *r)
{
	const struct api_options *o = r->server->options;
	const struct cJSON *gang;

	if (!resource_is(r->resource, "jobs") || r->subresource.len ||
		(!api_gate(o, "GenericWorkload") && !api_gate(o, "WorkloadWithJob")) ||
		json_equal(json_path(r->object, "spec.parallelism"),
			json_path(r->old, "spec.parallelism")))
		return NULL;
	gang = gang_of(r);
	if (!gang)
		return NULL;
	return admission_forbidden(r,
		"cannot change parallelism for a Job referencing gang-scheduled PodGroup \"%.*s\"",
		STRF(tree_str(gang, "metadata.name")));
}
