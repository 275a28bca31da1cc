/* The pods and claims of StatefulSets, by their ordinals. */
#include "stateful.h"

int64_t stateful_ordinal(const struct cJSON *set, const struct cJSON *pod)
{
	struct str name = tree_str(pod, "metadata.name"), before, digits;
	int64_t ordinal;

	if (!str_cut_last(name, '-', &before, &digits) ||
		!str_eq(before, tree_str(set, "metadata.name")) || !str_to_i64(digits, &ordinal) ||
		ordinal < 0)
		return -1;
	return ordinal;
}

static struct str pod_name(struct arena *a, const struct cJSON *set, int64_t ordinal)
{
	return arena_print(
		a, "%.*s-%lld", STRF(tree_str(set, "metadata.name")), (long long)ordinal);
}

struct str stateful_claim_name(
	struct arena *a, const struct cJSON *set, const struct cJSON *template, int64_t ordinal)
{
	return arena_print(a, "%.*s-%.*s", STRF(tree_str(template, "metadata.name")),
		STRF(pod_name(a, set, ordinal)));
}

static struct cJSON *member(struct arena *a, struct cJSON *tree, const char *path)
{
	struct cJSON *found = json_path(tree, path);

	if (!found) {
		found = json_new(a, JSON_OBJECT);
		tree_set(a, tree, path, found);
	}
	return found;
}

/* Volumes of the claims' names give way to the claims. */
static void set_volumes(
	struct arena *a, const struct cJSON *set, struct cJSON *pod, int64_t ordinal)
{
	const struct cJSON *templates = json_path(set, "spec.volumeClaimTemplates");
	struct cJSON *volumes = json_new(a, JSON_ARRAY);

	if (!json_count(templates))
		return;
	json_each (t, templates) {
		struct cJSON *volume = json_new(a, JSON_OBJECT);

		tree_set_str(a, volume, "name", tree_str(t, "metadata.name"));
		tree_set_str(a, volume, "persistentVolumeClaim.claimName",
			stateful_claim_name(a, set, t, ordinal));
		json_append(volumes, volume);
	}
	json_each (had, json_path(pod, "spec.volumes")) {
		bool replaced = false;

		json_each (t, templates)
			replaced |= str_eq(tree_str(t, "metadata.name"), tree_str(had, "name"));
		if (!replaced)
			json_append(volumes, json_copy(a, had));
	}
	tree_set(a, pod, "spec.volumes", volumes);
}

struct cJSON *stateful_pod(struct arena *a, const struct cJSON *set, const struct cJSON *template,
	struct str revision, int64_t ordinal)
{
	struct cJSON *pod = pod_from_template(a, set, template), *labels;
	struct str name = pod_name(a, set, ordinal), service = tree_str(set, "spec.serviceName");

	tree_set_str(a, pod, "metadata.name", name);
	labels = member(a, pod, "metadata.labels");
	json_set(a, labels, STR(LABEL_POD_NAME), json_new_str(a, name));
	json_set(a, labels, STR(LABEL_POD_INDEX),
		json_new_str(a, arena_print(a, "%lld", (long long)ordinal)));
	json_set(a, labels, STR(LABEL_REVISION), json_new_str(a, revision));
	tree_set_str(a, pod, "spec.hostname", name);
	if (service.len)
		tree_set_str(a, pod, "spec.subdomain", service);
	set_volumes(a, set, pod, ordinal);
	return pod;
}

struct cJSON *stateful_claim(
	struct arena *a, const struct cJSON *set, const struct cJSON *template, int64_t ordinal)
{
	struct cJSON *claim = json_copy(a, template), *labels;

	tree_set_str(a, claim, "apiVersion", STR("v1"));
	tree_set_str(a, claim, "kind", STR("PersistentVolumeClaim"));
	tree_set_str(a, claim, "metadata.name", stateful_claim_name(a, set, template, ordinal));
	tree_set_str(a, claim, "metadata.namespace", tree_str(set, "metadata.namespace"));
	tree_drop(claim, "status");
	labels = member(a, claim, "metadata.labels");
	json_each (l, json_path(set, "spec.selector.matchLabels"))
		json_set(a, labels, json_key(l), json_copy(a, l));
	return claim;
}

/* ---- whose claims are ---- */

static bool deletes(const struct cJSON *set, const char *when)
{
	return str_eq_text(
		tree_str(json_path(set, "spec.persistentVolumeClaimRetentionPolicy"), when),
		"Delete");
}

static struct cJSON *owner_ref(struct arena *a, const struct cJSON *owner, const char *version,
	const char *kind, bool controls)
{
	struct cJSON *ref = json_new(a, JSON_OBJECT);

	tree_set_str(a, ref, "apiVersion", str_from(version));
	tree_set_str(a, ref, "kind", str_from(kind));
	tree_set_str(a, ref, "name", tree_str(owner, "metadata.name"));
	tree_set_str(a, ref, "uid", tree_str(owner, "metadata.uid"));
	if (controls) {
		tree_set(a, ref, "controller", json_new_bool(a, true));
		tree_set(a, ref, "blockOwnerDeletion", json_new_bool(a, true));
	}
	return ref;
}

static bool is_owned(const struct cJSON *claim, const struct cJSON *owner)
{
	json_each (ref, json_path(claim, "metadata.ownerReferences"))
		if (str_eq(tree_str(ref, "uid"), tree_str(owner, "metadata.uid")))
			return true;
	return false;
}

struct cJSON *stateful_claim_owners(struct arena *a, const struct cJSON *set,
	const struct cJSON *claim, const struct cJSON *pod, bool is_surplus)
{
	bool by_pod = is_surplus && deletes(set, "whenScaled");
	bool by_set = !by_pod && deletes(set, "whenDeleted");
	struct cJSON *owners = json_new(a, JSON_ARRAY);
	const struct cJSON *controller = controller_of(claim);

	/* Others' claims stay others'. */
	if (controller && !is_owned(claim, set))
		return NULL;
	if (is_owned(claim, set) == by_set && (!pod || is_owned(claim, pod) == by_pod))
		return NULL;
	json_each (ref, json_path(claim, "metadata.ownerReferences"))
		if (!str_eq(tree_str(ref, "uid"), tree_str(set, "metadata.uid")) &&
			!(pod && str_eq(tree_str(ref, "uid"), tree_str(pod, "metadata.uid"))))
			json_append(owners, json_copy(a, ref));
	if (by_set)
		json_append(owners, owner_ref(a, set, "apps/v1", "StatefulSet", true));
	if (by_pod && pod)
		json_append(owners, owner_ref(a, pod, "v1", "Pod", true));
	return owners;
}
