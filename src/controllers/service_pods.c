/* Pods behind services: who counts, under which address, port and name. */
#include "service_pods.h"

bool pod_readiness_since(const struct cJSON *pod, int64_t *wall)
{
	const struct cJSON *ready = condition_find(json_path(pod, "status.conditions"), "Ready");

	return ready && time_of(ready, "lastTransitionTime", wall);
}

bool pod_counts_as_endpoint(const struct cJSON *pod, bool with_terminating)
{
	if (pod_is_finished(pod))
		return false;
	if (!tree_str(pod, "status.podIP").len && !json_count(json_path(pod, "status.podIPs")))
		return false;
	return with_terminating || !tree_has(pod, "metadata.deletionTimestamp");
}

static int64_t named_port(
	const struct cJSON *containers, struct str name, struct str protocol, bool sidecars_only)
{
	json_each (c, containers) {
		if (sidecars_only && !str_eq(tree_str(c, "restartPolicy"), STR("Always")))
			continue;
		json_each (port, json_path(c, "ports")) {
			if (str_eq(tree_str(port, "name"), name) &&
				str_eq(tree_str(port, "protocol"), protocol))
				return tree_int(port, "containerPort", 0);
		}
	}
	return 0;
}

int64_t pod_port_of(const struct cJSON *pod, const struct cJSON *service_port)
{
	const struct cJSON *target = json_get(service_port, STR("targetPort"));
	struct str protocol = tree_str(service_port, "protocol");
	int64_t number = 0;

	if (!json_is(target, JSON_STRING)) {
		if (!json_int(target, &number))
			number = tree_int(service_port, "port", 0);
		return number;
	}
	struct str name = json_str(target);
	number = named_port(json_path(pod, "spec.containers"), name, protocol, false);
	if (number)
		return number;
	return named_port(json_path(pod, "spec.initContainers"), name, protocol, true);
}

struct str pod_hostname_for(const struct cJSON *pod, const struct cJSON *service)
{
	struct str hostname = tree_str(pod, "spec.hostname");

	if (!str_eq(tree_str(pod, "spec.subdomain"), tree_str(service, "metadata.name")) ||
		!str_eq(tree_str(pod, "metadata.namespace"),
			tree_str(service, "metadata.namespace")))
		return STR("");
	return hostname;
}

struct cJSON *pod_target_ref(struct arena *a, const struct cJSON *pod)
{
	struct cJSON *ref = json_new(a, JSON_OBJECT);

	json_set(a, ref, STR("kind"), json_new_str(a, STR("Pod")));
	json_set(a, ref, STR("namespace"), json_new_str(a, tree_str(pod, "metadata.namespace")));
	json_set(a, ref, STR("name"), json_new_str(a, tree_str(pod, "metadata.name")));
	json_set(a, ref, STR("uid"), json_new_str(a, tree_str(pod, "metadata.uid")));
	return ref;
}

bool service_has_address(const struct cJSON *service)
{
	struct str ip = tree_str(service, "spec.clusterIP");

	return ip.len && !str_eq(ip, STR("None"));
}

bool ip_text_is_v6(struct str text)
{
	return str_find_char(text, ':') >= 0;
}

size_t service_ip_families(const struct cJSON *service, bool v6[2])
{
	size_t count = 0;

	json_each (f, json_path(service, "spec.ipFamilies")) {
		if (count < 2)
			v6[count++] = str_eq(json_str(f), STR("IPv6"));
	}
	if (count)
		return count;
	/* Without defaults: what its address says; a headless one might be either. */
	if (service_has_address(service)) {
		v6[0] = ip_text_is_v6(tree_str(service, "spec.clusterIP"));
		return 1;
	}
	v6[0] = false;
	v6[1] = true;
	return 2;
}
