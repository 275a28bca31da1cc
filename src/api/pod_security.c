/* Security contexts of containers and pods. */
#include "pod_parts.h"

#define USER_MAX        2147483647
#define PROFILE_MAX     4095
#define SYSCTL_MAX      253
#define CREDENTIALS_MAX (64 * KIB)

/* ---- profiles ---- */

static const char *const profile_types[] = {"Localhost", "RuntimeDefault", "Unconfined", NULL};

static bool check_type(struct field_errors *e, const struct path *p, const struct cJSON *profile,
	const char *member)
{
	struct path at = PATH(p, "type");
	struct str type = tree_str(profile, "type");

	if (rule_is_one_of(type, profile_types))
		return true;
	if (!type.len)
		field_required(e, &at, "type is required when %s is set", member);
	else
		field_not_supported_str(e, &at, type, profile_types);
	return false;
}

static void check_seccomp(struct field_errors *e, const struct path *parent, const struct cJSON *o)
{
	struct path p = PATH(parent, "seccompProfile"), at = PATH(&p, "localhostProfile");
	const struct cJSON *profile = json_get(o, STR("seccompProfile"));
	const struct cJSON *local = json_get(profile, STR("localhostProfile"));
	_cleanup_(buf_done) struct buf go = BUF_INIT(64 * KIB);

	if (!profile || !check_type(e, &p, profile, "seccompProfile"))
		return;
	if (str_eq_text(tree_str(profile, "type"), "Localhost")) {
		if (!local)
			field_required(e, &at, "must be set when seccomp type is Localhost");
		else
			rule_relative_path(e, &at, json_str(local));
	} else if (local) {
		api_print_go(&go, SCHEMA(core_v1, SeccompProfile), profile);
		field_invalid_raw(
			e, &at, buf_str(&go), "can only be set when seccomp type is Localhost");
	}
}

static void check_apparmor(struct field_errors *e, const struct path *parent, const struct cJSON *o)
{
	struct path p = PATH(parent, "appArmorProfile"), at = PATH(&p, "localhostProfile");
	const struct cJSON *profile = json_get(o, STR("appArmorProfile"));
	const struct cJSON *local = json_get(profile, STR("localhostProfile"));
	struct str text = json_str(local);

	if (!profile || !check_type(e, &p, profile, "appArmorProfile"))
		return;
	if (!str_eq_text(tree_str(profile, "type"), "Localhost")) {
		if (local)
			field_invalid_str(
				e, &at, text, "can only be set when AppArmor type is Localhost");
	} else if (!local || !text.len) {
		field_required(e, &at, "must be set when AppArmor type is Localhost");
	} else if (str_trim(text).len != text.len) {
		field_invalid_str(e, &at, text, "must not be padded with whitespace");
	} else if (text.len > PROFILE_MAX) {
		field_too_long(e, &at, PROFILE_MAX);
	}
}

/* ---- Windows ---- */

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f)
			return true;
	return false;
}

static void check_windows_user(struct field_errors *e, const struct path *p, struct str user)
{
	struct path at = PATH(p, "runAsUserName");
	struct str domain, name, rest;

	if (!user.len) {
		field_invalid_str(e, &at, user, "runAsUserName cannot be an empty string");
		return;
	}
	if (has_control(user))
		field_invalid_str(e, &at, user, "runAsUserName cannot contain control characters");
	if (!str_cut(user, '\\', &domain, &name)) {
		name = user;
		domain = (struct str){0};
	}
	if (str_cut(name, '\\', &name, &rest)) {
		field_invalid_str(
			e, &at, user, "runAsUserName cannot contain more than one backslash");
		return;
	}
	if (str_find_char(user, '\\') == 0)
		field_invalid_str(e, &at, user,
			"runAsUserName's Domain doesn't match the NetBIOS nor the DNS format");
	if (!name.len)
		field_invalid_str(e, &at, user, "runAsUserName's User cannot be empty");
	else if (name.len > 104)
		field_invalid_str(e, &at, user,
			"runAsUserName's User length must not be longer than 104 characters");
	if (domain.len > 256)
		field_invalid_str(
			e, &at, user, "runAsUserName's Domain length must be under 256 characters");
}

static void check_windows(struct field_errors *e, const struct path *parent, const struct cJSON *o)
{
	struct path p = PATH(parent, "windowsOptions"), spec_at = PATH(&p, "gmsaCredentialSpec");
	const struct cJSON *options = json_get(o, STR("windowsOptions"));
	const struct cJSON *spec = json_get(options, STR("gmsaCredentialSpec"));

	if (!options)
		return;
	if (tree_has(options, "gmsaCredentialSpecName"))
		field_check_name(e, &PATH(&p, "gmsaCredentialSpecName"),
			tree_str(options, "gmsaCredentialSpecName"), name_check_dns_subdomain);
	if (spec && !json_str(spec).len)
		field_invalid_str(
			e, &spec_at, STR(""), "gmsaCredentialSpec cannot be an empty string");
	else if (json_str(spec).len > CREDENTIALS_MAX)
		field_invalid_str(e, &spec_at, json_str(spec),
			"gmsaCredentialSpec size must be under 64 KiB");
	if (tree_has(options, "runAsUserName"))
		check_windows_user(e, &p, tree_str(options, "runAsUserName"));
}

/* ---- containers ---- */

static void check_escalation(
	struct field_errors *e, const struct path *p, const struct cJSON *security)
{
	const struct cJSON *escalates = json_get(security, STR("allowPrivilegeEscalation"));
	_cleanup_(buf_done) struct buf go = BUF_INIT(64 * KIB);

	if (!escalates || json_bool(escalates))
		return;
	api_print_go(&go, SCHEMA(core_v1, SecurityContext), security);
	if (tree_true(security, "privileged"))
		field_invalid_raw(e, p, buf_str(&go),
			"cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
	json_each (capability, json_path(security, "capabilities.add"))
		if (str_eq_text(json_str(capability), "CAP_SYS_ADMIN"))
			field_invalid_raw(e, p, buf_str(&go),
				"cannot set `allowPrivilegeEscalation` to false and "
				"`capabilities.Add` CAP_SYS_ADMIN");
}

void pod_check_container_security(
	struct pod_check *c, const struct path *p, const struct cJSON *security)
{
	static const char *const mounts[] = {"Default", "Unmasked", NULL};
	const struct cJSON *own_users = json_get(c->spec, STR("hostUsers"));
	struct path proc = PATH(p, "procMount");

	if (!security)
		return;
	rule_between(c->e, p, security, "runAsUser", 0, USER_MAX);
	rule_between(c->e, p, security, "runAsGroup", 0, USER_MAX);
	rule_choice(c->e, p, security, "procMount", mounts);
	if (str_eq_text(tree_str(security, "procMount"), "Unmasked") &&
		(!own_users || json_bool(own_users)))
		field_invalid_str(c->e, &proc, STR("Unmasked"),
			"`hostUsers` must be false to use `Unmasked`");
	check_seccomp(c->e, p, security);
	check_escalation(c->e, p, security);
	check_windows(c->e, p, security);
	check_apparmor(c->e, p, security);
}

/* ---- kernel settings ---- */

static bool sysctl_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Segments between dots or slashes, each beginning and ending with a letter or digit. */
static bool sysctl_sound(struct str name)
{
	if (!name.len || name.len > SYSCTL_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		bool divides = c == '.' || c == '/';
		bool inner = i && i + 1 < name.len && (sysctl_char(name.at[i - 1]) || !divides);

		if (!sysctl_char(c) && !(inner && (divides || c == '-' || c == '_')))
			return false;
		if ((c == '-' || c == '_') &&
			(str_find_char(STR("./"), name.at[i - 1]) >= 0 ||
				str_find_char(STR("./"), name.at[i + 1]) >= 0))
			return false;
	}
	return true;
}

static const char *host_word(const struct cJSON *spec, struct str name)
{
	bool net = str_starts(name, STR("net."));
	bool ipc = str_starts(name, STR("kernel.shm")) || str_starts(name, STR("kernel.msg")) ||
		   str_eq_text(name, "kernel.sem") || str_starts(name, STR("fs.mqueue."));

	if (net && tree_true(spec, "hostNetwork"))
		return "hostNetwork";
	return ipc && tree_true(spec, "hostIPC") ? "hostIPC" : NULL;
}

static void check_sysctls(struct pod_check *c, const struct path *p, const struct cJSON *security)
{
	struct path list_at = PATH(p, "sysctls");
	const struct cJSON *list = json_get(security, STR("sysctls"));
	size_t i = 0;

	json_each (sysctl, list) {
		struct path item_at = PATH_INDEX(&list_at, i), at = PATH(&item_at, "name");
		struct str name = tree_str(sysctl, "name");
		const char *host = host_word(c->spec, name);

		if (!name.len)
			field_required(c->e, &at, "%s", "");
		else if (!sysctl_sound(name))
			field_invalid_str(c->e, &at, name,
				"must have at most %d characters and match regex "
				"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-"
				"9])?$",
				SYSCTL_MAX);
		else if (rule_came_before(list, i, "name", name))
			field_duplicate_str(c->e, &at, name);
		if (host)
			field_invalid_str(
				c->e, &at, name, "may not be specified when '%s' is true", host);
		i++;
	}
}

/* ---- pods ---- */

static void check_groups(struct field_errors *e, const struct path *p, const struct cJSON *security)
{
	struct path list_at = PATH(p, "supplementalGroups");
	size_t i = 0;

	json_each (group, json_get(security, STR("supplementalGroups"))) {
		struct path at = PATH_INDEX(&list_at, i++);
		int64_t id = 0;

		if (json_int(group, &id) && (id < 0 || id > USER_MAX))
			field_invalid_int(
				e, &at, id, "must be between 0 and %d, inclusive", USER_MAX);
	}
}

static void check_host_ports(struct pod_check *c, const struct path *p)
{
	struct path containers = PATH(p, "containers");
	size_t i = 0;

	if (!tree_true(c->spec, "hostNetwork"))
		return;
	json_each (container, json_get(c->spec, STR("containers"))) {
		struct path at = PATH_INDEX(&containers, i++), ports = PATH(&at, "ports");
		size_t j = 0;

		json_each (port, json_get(container, STR("ports"))) {
			struct path port_at = PATH_INDEX(&ports, j++);
			struct path host_at = PATH(&port_at, "hostPort");
			int64_t host = tree_int(port, "hostPort", 0);

			if (host != tree_int(port, "containerPort", 0))
				field_invalid_int(c->e, &host_at, host,
					"must match `containerPort` when `hostNetwork` is true");
		}
	}
}

static void check_host_users(struct pod_check *c, const struct path *p)
{
	static const char *const members[][2] = {
		{"hostNetwork", "hostNetwork"}, {"hostPID", "HostPID"}, {"hostIPC", "HostIPC"}};
	const struct cJSON *users = json_get(c->spec, STR("hostUsers"));

	for (size_t i = 0; users && !json_bool(users) && i < ARRAY_LEN(members); i++) {
		struct path at = PATH(p, members[i][1]);

		if (tree_true(c->spec, members[i][0]))
			field_forbidden(c->e, &at, "when `hostUsers` is false");
	}
}

void pod_check_security(struct pod_check *c, const struct path *parent)
{
	static const char *const changes[] = {"Always", "OnRootMismatch", NULL};
	static const char *const merges[] = {"Merge", "Strict", NULL};
	static const char *const labels[] = {"Recursive", NULL};
	struct path p = PATH(parent, "securityContext");
	struct path share = PATH(&p, "shareProcessNamespace");
	const struct cJSON *security = json_get(c->spec, STR("securityContext"));

	check_host_ports(c, parent);
	if (security) {
		rule_between(c->e, &p, security, "fsGroup", 0, USER_MAX);
		rule_between(c->e, &p, security, "runAsUser", 0, USER_MAX);
		rule_between(c->e, &p, security, "runAsGroup", 0, USER_MAX);
		check_groups(c->e, &p, security);
	}
	if (tree_true(c->spec, "shareProcessNamespace") && tree_true(c->spec, "hostPID"))
		field_invalid(c->e, &share, json_get(c->spec, STR("shareProcessNamespace")),
			"ShareProcessNamespace and HostPID cannot both be enabled");
	if (!security)
		return;
	check_sysctls(c, &p, security);
	rule_choice(c->e, &p, security, "fsGroupChangePolicy", changes);
	check_seccomp(c->e, &p, security);
	check_windows(c->e, &p, security);
	check_apparmor(c->e, &p, security);
	rule_choice(c->e, &p, security, "supplementalGroupsPolicy", merges);
	rule_choice(c->e, &p, security, "seLinuxChangePolicy", labels);
	check_host_users(c, parent);
}
