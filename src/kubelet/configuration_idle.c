#include "configuration_idle.h"

#include <kube/time.h>

/* With upstream's defaults, as JSON; NULL: whatever is said of it is said in vain. */
static const struct idle_field {
	const char *name, *fallback;
} idle[] = {
	{"cgroupDriver", "\"cgroupfs\""},
	{"cgroupsPerQOS", "true"},
	{"configMapAndSecretChangeDetectionStrategy", "\"Watch\""},
	{"containerLogMaxWorkers", "1"},
	{"containerRuntimeEndpoint", NULL},
	{"contentType", "\"application/vnd.kubernetes.protobuf\""},
	{"cpuManagerPolicy", "\"none\""},
	{"cpuManagerPolicyOptions", NULL},
	{"cpuManagerReconcilePeriod", "\"10s\""},
	{"enableContentionProfiling", "false"},
	{"enableControllerAttachDetach", "true"},
	{"enableDebugFlagsHandler", "true"},
	{"enableProfilingHandler", "true"},
	{"enableSystemLogQuery", "false"},
	{"enforceNodeAllocatable", "[\"pods\"]"},
	{"eventBurst", "100"},
	{"eventRecordQPS", "50"},
	{"featureGates", NULL},
	{"fileCheckFrequency", "\"20s\""},
	{"hairpinMode", "\"promiscuous-bridge\""},
	{"httpCheckFrequency", "\"20s\""},
	{"imageServiceEndpoint", NULL},
	{"iptablesDropBit", "15"},
	{"iptablesMasqueradeBit", "14"},
	{"kernelMemcgNotification", "false"},
	{"kubeAPIBurst", "100"},
	{"kubeAPIQPS", "50"},
	{"kubeReservedCgroup", NULL},
	{"kubeletCgroups", NULL},
	{"localStorageCapacityIsolation", "true"},
	{"logging", "{\"format\":\"text\",\"flushFrequency\":\"5s\",\"verbosity\":0}"},
	{"makeIPTablesUtilChains", "true"},
	{"maxOpenFiles", "1000000"},
	{"memoryManagerPolicy", "\"None\""},
	{"memoryThrottlingFactor", "0.9"},
	{"podCIDR", NULL},
	{"qosReserved", NULL},
	{"registryBurst", "10"},
	{"registryPullQPS", "5"},
	{"reservedMemory", NULL},
	{"reservedSystemCPUs", NULL},
	{"runtimeRequestTimeout", "\"2m0s\""},
	{"showHiddenMetricsForVersion", NULL},
	{"staticPodURL", NULL},
	{"staticPodURLHeader", NULL},
	{"streamingConnectionIdleTimeout", "\"4h0m0s\""},
	{"syncFrequency", "\"1m0s\""},
	{"systemCgroups", NULL},
	{"systemReservedCgroup", NULL},
	{"tlsCurvePreferences", NULL},
	{"topologyManagerPolicy", "\"none\""},
	{"topologyManagerPolicyOptions", NULL},
	{"topologyManagerScope", "\"container\""},
	{"tracing", NULL},
	{"volumePluginDir", "\"/usr/libexec/kubernetes/kubelet-plugins/volume/exec/\""},
};

static const struct idle_field *find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(idle); i++)
		if (str_eq_text(name, idle[i].name))
			return &idle[i];
	return NULL;
}

bool configuration_is_idle(struct str name)
{
	return find(name) != NULL;
}

static bool is_nothing(const struct cJSON *value)
{
	enum json_type type = json_type(value);

	return type == JSON_NULL || (type == JSON_STRING && !json_str(value).len) ||
	       ((type == JSON_ARRAY || type == JSON_OBJECT) && !json_count(value));
}

/* Durations are the same however they are written; of an object every member counts. */
static bool is_default(const struct cJSON *said, const struct cJSON *fallback)
{
	int64_t x, y;

	if (is_nothing(said) || json_equal(said, fallback))
		return true;
	if (json_is(said, JSON_OBJECT) && json_is(fallback, JSON_OBJECT)) {
		json_each (member, said)
			if (!is_default(member, json_get(fallback, json_key(member))))
				return false;
		return true;
	}
	return json_is(said, JSON_STRING) && json_is(fallback, JSON_STRING) &&
	       !duration_parse(json_str(said), &x, NULL) &&
	       !duration_parse(json_str(fallback), &y, NULL) && x == y;
}

void configuration_note_idle(
	struct arena *a, const struct cJSON *tree, struct kubelet_configuration *c)
{
	struct str *items = arena_alloc(a, (json_count(tree) + 1) * sizeof(*items));

	json_each (field, tree) {
		const struct idle_field *known = find(json_key(field));
		struct cJSON *fallback = NULL;

		if (!known)
			continue;
		if (known->fallback &&
			json_parse(a, str_from(known->fallback), NULL, &fallback, NULL))
			assert(false);
		if (!is_default(field, fallback))
			items[c->idle_count++] = json_key(field);
	}
	c->idle = items;
}
