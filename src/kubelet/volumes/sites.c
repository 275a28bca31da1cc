/* Where the volumes are whose room can be measured. */
#include "pod_volumes.h"
#include "volume_plan.h"

#include <kube/api_codec.h>

static struct str claim_of(struct arena *a, const struct cJSON *pod, const struct cJSON *volume)
{
	if (json_get(volume, STR("ephemeral")))
		return arena_print(a, "%.*s-%.*s", STRF(tree_str(pod, "metadata.name")),
			STRF(tree_str(volume, "name")));
	return arena_str(a, tree_str(volume, "persistentVolumeClaim.claimName"));
}

/* On the node's own disk, and gone with the pod. */
static bool is_of_pod(const struct cJSON *volume)
{
	return json_get(volume, STR("configMap")) ||
	       (json_get(volume, STR("emptyDir")) && !tree_str(volume, "emptyDir.medium").len);
}

size_t pod_volumes_sites(const struct pod_volumes *v, struct arena *a, const struct cJSON *pod,
	struct volume_site **sites)
{
	const struct cJSON *volumes = json_path(pod, "spec.volumes");
	struct str directory =
		arena_print(a, "%s/pods/%s", pod_volumes_root(v), pod_volumes_uid(v));
	struct volume_site *list = arena_alloc(a, (json_count(volumes) + 1) * sizeof(*list));
	size_t count = 0;

	json_each (volume, volumes) {
		const struct cJSON *source = volume_source(pod_volumes_claims(v), volume);
		struct volume_place at = {0};

		if (source)
			at = volume_place_of(a, directory, source);
		/* Paths of the host and images are not the pod's: nobody asks how large they are.
		 */
		if (!at.kind || !at.kind->directory || !at.path.len)
			continue;
		list[count++] = (struct volume_site){.name = arena_str(a, tree_str(volume, "name")),
			.path = arena_str(a, at.path),
			.claim = claim_of(a, pod, volume),
			.counted = at.kind != &volume_local,
			.of_pod = is_of_pod(volume)};
	}
	*sites = list;
	return count;
}
