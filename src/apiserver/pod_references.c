#include "pod_references.h"

/* NULL at `at`: any name will do. */
static bool is(struct str found, struct str wanted)
{
	return found.len && (!wanted.at || str_eq(found, wanted));
}

static bool in_env(
	const struct cJSON *container, const char *ref, const char *from, struct str name)
{
	json_each (one, json_get(container, STR("envFrom")))
		if (is(tree_str(json_get(one, str_from(from)), "name"), name))
			return true;
	json_each (one, json_get(container, STR("env")))
		if (is(tree_str(json_get(json_get(one, STR("valueFrom")), str_from(ref)), "name"),
			    name))
			return true;
	return false;
}

static bool in_containers(
	const struct cJSON *pod, const char *ref, const char *from, struct str name)
{
	static const char *const lists[] = {
		"spec.initContainers", "spec.containers", "spec.ephemeralContainers", NULL};

	for (size_t i = 0; lists[i]; i++)
		json_each (container, json_path(pod, lists[i]))
			if (in_env(container, ref, from, name))
				return true;
	return false;
}

/* ---- secrets ---- */

static bool volume_names_secret(const struct cJSON *volume, struct str name)
{
	static const char *const places[] = {"secret.secretName", "azureFile.secretName",
		"cephfs.secretRef.name", "cinder.secretRef.name", "flexVolume.secretRef.name",
		"rbd.secretRef.name", "scaleIO.secretRef.name", "iscsi.secretRef.name",
		"storageos.secretRef.name", "csi.nodePublishSecretRef.name", NULL};

	for (size_t i = 0; places[i]; i++)
		if (is(tree_str(volume, places[i]), name))
			return true;
	json_each (source, json_path(volume, "projected.sources"))
		if (is(tree_str(source, "secret.name"), name))
			return true;
	return false;
}

bool pod_names_secret(const struct cJSON *pod, struct str name)
{
	json_each (secret, json_path(pod, "spec.imagePullSecrets"))
		if (is(tree_str(secret, "name"), name))
			return true;
	json_each (volume, json_path(pod, "spec.volumes"))
		if (volume_names_secret(volume, name))
			return true;
	return in_containers(pod, "secretKeyRef", "secretRef", name);
}

bool pod_names_any_secret(const struct cJSON *pod)
{
	return pod_names_secret(pod, (struct str){0});
}

/* ---- config maps ---- */

bool pod_names_config_map(const struct cJSON *pod, struct str name)
{
	json_each (volume, json_path(pod, "spec.volumes")) {
		if (is(tree_str(volume, "configMap.name"), name))
			return true;
		json_each (source, json_path(volume, "projected.sources"))
			if (is(tree_str(source, "configMap.name"), name))
				return true;
	}
	return in_containers(pod, "configMapKeyRef", "configMapRef", name);
}

bool pod_names_any_config_map(const struct cJSON *pod)
{
	return pod_names_config_map(pod, (struct str){0});
}

/* ---- claims ---- */

/* An ephemeral volume's claim is called `<pod>-<volume>`. */
static bool is_ephemeral(const struct cJSON *pod, const struct cJSON *volume, struct str name)
{
	struct str own = tree_str(pod, "metadata.name"), tail = tree_str(volume, "name");

	return tree_has(volume, "ephemeral") && name.len == own.len + 1 + tail.len &&
	       str_starts(name, own) && name.at[own.len] == '-' && str_ends(name, tail);
}

bool pod_names_claim(const struct cJSON *pod, struct str name)
{
	json_each (volume, json_path(pod, "spec.volumes"))
		if (is(tree_str(volume, "persistentVolumeClaim.claimName"), name) ||
			is_ephemeral(pod, volume, name))
			return true;
	return false;
}

bool pod_names_resource_claim(const struct cJSON *pod, struct str name)
{
	json_each (claim, json_path(pod, "spec.resourceClaims"))
		if (is(tree_str(claim, "resourceClaimName"), name))
			return true;
	json_each (status, json_path(pod, "status.resourceClaimStatuses"))
		if (is(tree_str(status, "resourceClaimName"), name))
			return true;
	return is(tree_str(pod, "status.extendedResourceClaimStatus.resourceClaimName"), name);
}
