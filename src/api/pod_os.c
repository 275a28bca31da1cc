/* Operating systems: what pods for one of them cannot ask for. */
#include "pod_parts.h"

/* ---- Windows' host processes ---- */

static bool container_is_host(const struct cJSON *container, bool inherited)
{
	const struct cJSON *own =
		json_path(container, "securityContext.windowsOptions.hostProcess");

	return own ? json_bool(own) : inherited;
}

/* A container may repeat what its pod says, and not contradict it. */
static void check_agreement(struct pod_check *c, const struct path *p, const char *list)
{
	const struct cJSON *pod = json_path(c->spec, "securityContext.windowsOptions.hostProcess");
	struct path list_at = PATH(p, list);
	size_t i = 0;

	json_each (container, json_get(c->spec, str_from(list))) {
		struct path item = PATH_INDEX(&list_at, i++);
		struct path security = PATH(&item, "securityContext");
		struct path windows = PATH(&security, "windowsOptions");
		struct path at = PATH(&windows, "hostProcess");
		const struct cJSON *own =
			json_path(container, "securityContext.windowsOptions.hostProcess");

		if (pod && own && json_bool(pod) != json_bool(own))
			field_invalid(c->e, &at, own,
				"pod hostProcess value must be identical if both are specified, "
				"was %s",
				json_bool(pod) ? "true" : "false");
	}
}

static void check_host_processes(struct pod_check *c, const struct path *p)
{
	static const char *const lists[] = {"containers", "initContainers", NULL};
	struct path network = PATH(p, "hostNetwork");
	bool inherited = tree_true(c->spec, "securityContext.windowsOptions.hostProcess");
	size_t hosts = 0, total = 0;

	check_agreement(c, p, "initContainers");
	check_agreement(c, p, "containers");
	for (size_t i = 0; lists[i]; i++)
		json_each (container, json_get(c->spec, str_from(lists[i]))) {
			total++;
			hosts += container_is_host(container, inherited);
		}
	if (!hosts)
		return;
	if (hosts != total)
		field_invalid_str(c->e, p, STR(""),
			"If pod contains any hostProcess containers then all containers must be "
			"HostProcess containers");
	if (!tree_true(c->spec, "hostNetwork"))
		field_invalid_raw(c->e, &network, STR("false"),
			"hostNetwork must be true if pod contains any hostProcess containers");
}

/* ---- what the other system's pods have ---- */

static const char not_linux[] = "windows options cannot be set for a linux pod";
static const char not_windows[] = "cannot be set for a windows pod";

static void forbid(struct pod_check *c, const struct path *p, const struct cJSON *o,
	const char *const *names, const char *why)
{
	for (size_t i = 0; names[i]; i++) {
		struct path at = PATH(p, names[i]);

		if (json_get(o, str_from(names[i])))
			field_forbidden(c->e, &at, "%s", why);
	}
}

static void forbid_in_containers(
	struct pod_check *c, const struct path *p, const char *const *names, const char *why)
{
	static const char *const lists[] = {
		"containers", "initContainers", "ephemeralContainers", NULL};

	for (size_t i = 0; lists[i]; i++) {
		struct path list_at = PATH(p, lists[i]);
		size_t j = 0;

		json_each (container, json_get(c->spec, str_from(lists[i]))) {
			struct path item = PATH_INDEX(&list_at, j++);
			struct path at = PATH(&item, "securityContext");

			forbid(c, &at, json_get(container, STR("securityContext")), names, why);
		}
	}
}

void pod_check_os(struct pod_check *c, const struct path *p)
{
	static const char *const systems[] = {"linux", "windows", NULL};
	static const char *const of_hosts[] = {"hostPID", "hostIPC", "hostUsers", NULL};
	static const char *const of_pods[] = {"appArmorProfile", "seLinuxOptions", "seccompProfile",
		"fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser", "runAsGroup",
		"supplementalGroups", "supplementalGroupsPolicy", NULL};
	static const char *const of_containers[] = {"appArmorProfile", "seLinuxOptions",
		"seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
		"allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup", NULL};
	static const char *const of_windows[] = {"windowsOptions", NULL};
	struct path at = PATH(p, "os"), security = PATH(p, "securityContext");
	struct path share = PATH(&security, "shareProcessNamespace");
	const struct cJSON *os = json_get(c->spec, STR("os"));
	const struct cJSON *own = json_get(c->spec, STR("securityContext"));
	struct str name = tree_str(os, "name");

	check_host_processes(c, p);
	if (!os)
		return;
	if (!name.len)
		field_required(c->e, &at, "cannot be empty");
	else if (!rule_is_one_of(name, systems))
		field_not_supported_str(c->e, &at, name, systems);
	if (str_eq_text(name, "linux")) {
		forbid(c, &security, own, of_windows, not_linux);
		forbid_in_containers(c, p, of_windows, not_linux);
	} else if (str_eq_text(name, "windows")) {
		forbid(c, p, c->spec, of_hosts, not_windows);
		forbid(c, &security, own, of_pods, not_windows);
		if (tree_has(c->spec, "shareProcessNamespace"))
			field_forbidden(c->e, &share, "%s", not_windows);
		forbid_in_containers(c, p, of_containers, not_windows);
	}
}
