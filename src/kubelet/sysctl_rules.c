#include "sysctl_rules.h"

#include <kube/api_codec.h>

#define NAME_MAX_BYTES 253

/* Without influence on other pods of the node. */
static const struct str safe[] = {STR_INIT("kernel.shm_rmid_forced"),
	STR_INIT("net.ipv4.ip_local_port_range"), STR_INIT("net.ipv4.tcp_syncookies"),
	STR_INIT("net.ipv4.ping_group_range"), STR_INIT("net.ipv4.ip_unprivileged_port_start"),
	STR_INIT("net.ipv4.ip_local_reserved_ports"), STR_INIT("net.ipv4.tcp_keepalive_time"),
	STR_INIT("net.ipv4.tcp_fin_timeout"), STR_INIT("net.ipv4.tcp_keepalive_intvl"),
	STR_INIT("net.ipv4.tcp_keepalive_probes"), STR_INIT("net.ipv4.tcp_rmem"),
	STR_INIT("net.ipv4.tcp_wmem")};

/* ---- names ---- */

struct str sysctl_dotted(struct arena *a, struct str name)
{
	ssize_t dot = str_find(name, STR(".")), slash = str_find(name, STR("/"));

	if (slash < 0 || (dot >= 0 && dot < slash))
		return name;
	char *out = arena_copy(a, name.at, name.len);
	for (size_t i = 0; i < name.len; i++)
		out[i] = name.at[i] == '.' ? '/' : name.at[i] == '/' ? '.' : name.at[i];
	return str_make(out, name.len);
}

/* Whose namespace it belongs to; NULL: the whole machine's. */
static const char *namespace_of(struct str name)
{
	if (str_eq(name, STR("kernel.sem")) || str_starts(name, STR("kernel.shm")) ||
		str_starts(name, STR("kernel.msg")) || str_starts(name, STR("fs.mqueue.")))
		return "ipc";
	return str_starts(name, STR("net.")) ? "net" : NULL;
}

/* ---- what the configuration allows ---- */

static bool is_prefix(struct str *pattern)
{
	if (!str_ends(*pattern, STR("*")))
		return false;
	pattern->len--;
	return true;
}

static bool is_sound(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
			    c == '.' || c == '/'))
			return false;
	}
	return name.len && name.len <= NAME_MAX_BYTES;
}

int sysctl_patterns_check(struct sysctl_patterns unsafe, struct err *err)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < unsafe.count; i++) {
		struct str name = unsafe.items[i];
		bool prefix = is_prefix(&name);

		if (!is_sound(name))
			return err_set(err, ERR_INVALID,
				"sysctl \"%.*s\" must have at most %d characters, which are "
				"lower case letters, digits, '-', '_', '.', '/', and a '*' at its "
				"end",
				STRF(unsafe.items[i]), NAME_MAX_BYTES);
		if (!namespace_of(sysctl_dotted(&a, name)))
			return err_set(err, ERR_INVALID,
				"the sysctl%s \"%.*s\" are not known to be namespaced",
				prefix ? "s" : "", STRF(unsafe.items[i]));
	}
	return 0;
}

static bool covers(struct arena *a, struct str pattern, struct str name)
{
	bool prefix = is_prefix(&pattern);

	pattern = sysctl_dotted(a, pattern);
	return prefix ? str_starts(name, pattern) : str_eq(name, pattern);
}

static bool is_listed(struct arena *a, struct str name, struct sysctl_patterns unsafe)
{
	for (size_t i = 0; i < ARRAY_LEN(safe); i++)
		if (str_eq(name, safe[i]))
			return true;
	for (size_t i = 0; i < unsafe.count; i++)
		if (covers(a, unsafe.items[i], name))
			return true;
	return false;
}

/* ---- a pod ---- */

static bool is_allowed(struct arena *a, const struct cJSON *pod, struct str name,
	struct sysctl_patterns unsafe, struct str *message)
{
	bool of_node[] = {tree_true(pod, "spec.hostIPC"), tree_true(pod, "spec.hostNetwork")};
	const char *space = namespace_of(name);

	if (!is_listed(a, name, unsafe) || !space) {
		*message = arena_print(a, "forbidden sysctl: \"%.*s\" not allowlisted", STRF(name));
		return false;
	}
	if (!of_node[strcmp(space, "net") == 0])
		return true;
	*message = arena_print(a, "forbidden sysctl: \"%.*s\" not allowed with host %s enabled",
		STRF(name), space);
	return false;
}

bool sysctls_are_allowed(struct arena *a, const struct cJSON *pod, struct sysctl_patterns unsafe,
	struct str *message)
{
	json_each (sysctl, json_path(pod, "spec.securityContext.sysctls"))
		if (!is_allowed(
			    a, pod, sysctl_dotted(a, tree_str(sysctl, "name")), unsafe, message))
			return false;
	return true;
}
