/* What no pod of the baseline level may have. */
#include "pod_standards_private.h"

void standard_app_armor(struct standard_check *c)
{
	static const char *const good[] = {"RuntimeDefault", "Localhost", "", NULL};
	static const struct str prefix =
		STR_INIT("container.apparmor.security.beta.kubernetes.io/");
	struct names bad = {0}, values = {0}, notes = {0};
	struct str type = tree_str(c->spec, "securityContext.appArmorProfile.type");
	bool pod = !standards_one_of(type, good);

	if (pod)
		standards_add_once(&values, type);
	each_container(container, c)
	{
		type = tree_str(container, "securityContext.appArmorProfile.type");
		if (standards_one_of(type, good))
			continue;
		standards_add(&bad, standards_name(container));
		standards_add_once(&values, type);
	}
	json_each (note, json_get(c->metadata, STR("annotations"))) {
		struct str value = json_str(note);

		if (str_starts(json_key(note), prefix) && value.len &&
			!str_eq_text(value, "runtime/default") &&
			!str_starts(value, STR("localhost/")))
			standards_add(&notes, arena_print(c->arena, "%.*s=\"%.*s\"",
						      STRF(json_key(note)), STRF(value)));
	}
	standards_sort(&values);
	standards_sort(&notes);
	if (pod || bad.count)
		c->detail = arena_print(c->arena, "%.*s must not set AppArmor profile type to %.*s",
			STRF(standards_setters(c->arena, pod, &bad)),
			STRF(standards_join(c->arena, &values, "\"")));
	if (notes.count)
		c->detail = arena_print(c->arena, "%.*s%s%s %.*s", STRF(c->detail),
			c->detail.len ? "; " : "",
			standards_plural(notes.count, "annotation", "annotations"),
			STRF(standards_join(c->arena, &notes, "")));
	c->several = values.count + notes.count > 1;
}

void standards_find_capabilities(const struct standard_check *c, const char *const *good,
	struct names *who, struct names *what)
{
	each_container(container, c)
	{
		bool found = false;

		json_each (capability, json_path(container, "securityContext.capabilities.add"))
			if (!standards_one_of(json_str(capability), good)) {
				found = true;
				standards_add_once(what, json_str(capability));
			}
		if (found)
			standards_add(who, standards_name(container));
	}
	standards_sort(what);
}

struct str standards_must_not_include(
	struct arena *a, const struct names *who, const struct names *what)
{
	return arena_print(a, "%.*s must not include %.*s in securityContext.capabilities.add",
		STRF(standards_containers(a, who)), STRF(standards_join(a, what, "\"")));
}

void standard_capabilities(struct standard_check *c)
{
	static const char *const good[] = {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER",
		"FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
		"SETUID", "SYS_CHROOT", NULL};
	struct names who = {0}, what = {0};

	standards_find_capabilities(c, good, &who, &what);
	if (who.count)
		c->detail = standards_must_not_include(c->arena, &who, &what);
}

void standard_host_namespaces(struct standard_check *c)
{
	static const char *const fields[] = {"hostNetwork", "hostPID", "hostIPC"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (tree_true(c->spec, fields[i]))
			c->detail = arena_print(c->arena, "%.*s%s%s=true", STRF(c->detail),
				c->detail.len ? ", " : "", fields[i]);
}

void standard_host_paths(struct standard_check *c)
{
	struct names bad = {0};

	json_each (volume, json_get(c->spec, STR("volumes")))
		if (tree_has(volume, "hostPath"))
			standards_add(&bad, standards_name(volume));
	if (bad.count)
		c->detail = arena_print(c->arena, "%s %.*s",
			standards_plural(bad.count, "volume", "volumes"),
			STRF(standards_join(c->arena, &bad, "\"")));
}

void standard_host_ports(struct standard_check *c)
{
	struct names bad = {0}, ports = {0};

	each_container(container, c)
	{
		bool found = false;

		json_each (port, json_get(container, STR("ports"))) {
			int64_t number = tree_int(port, "hostPort", 0);

			if (!number)
				continue;
			found = true;
			standards_add_once(
				&ports, arena_print(c->arena, "%lld", (long long)number));
		}
		if (found)
			standards_add(&bad, standards_name(container));
	}
	standards_sort(&ports);
	if (bad.count)
		c->detail = arena_print(c->arena, "%.*s %s %s %.*s",
			STRF(standards_containers(c->arena, &bad)),
			standards_plural(bad.count, "uses", "use"),
			standards_plural(ports.count, "hostPort", "hostPorts"),
			STRF(standards_join(c->arena, &ports, "")));
}

void standard_hosts(struct standard_check *c)
{
	static const char *const places[] = {"livenessProbe", "readinessProbe", "startupProbe",
		"lifecycle.postStart", "lifecycle.preStop"};
	static const char *const kinds[] = {"httpGet.host", "tcpSocket.host"};
	struct names bad = {0}, hosts = {0};

	each_container(container, c) for (size_t i = 0; i < sizeof(places) / sizeof(*places);
					  i++) for (size_t k = 0;
						    k < sizeof(kinds) / sizeof(*kinds); k++)
	{
		struct str host = tree_str(json_path(container, places[i]), kinds[k]);

		if (!host.len)
			continue;
		standards_add_once(&bad, standards_name(container));
		standards_add_once(&hosts, host);
	}
	standards_sort(&bad);
	standards_sort(&hosts);
	if (bad.count)
		c->detail = arena_print(c->arena, "%.*s %s %s %.*s",
			STRF(standards_containers(c->arena, &bad)),
			standards_plural(bad.count, "uses", "use"),
			standards_plural(
				hosts.count, "probe or lifecycle host", "probe or lifecycle hosts"),
			STRF(standards_join(c->arena, &hosts, "\"")));
}

void standard_privileged(struct standard_check *c)
{
	struct names bad = {0};

	each_container(container, c) if (tree_true(container, "securityContext.privileged"))
		standards_add(&bad, standards_name(container));
	if (bad.count)
		c->detail =
			arena_print(c->arena, "%.*s must not set securityContext.privileged=true",
				STRF(standards_containers(c->arena, &bad)));
}

void standard_no_proc_mounts(struct standard_check *c)
{
	static const char *const good[] = {"Default", "", NULL};
	struct names bad = {0}, types = {0};

	each_container(container, c)
	{
		struct str type = tree_str(container, "securityContext.procMount");

		if (standards_one_of(type, good))
			continue;
		standards_add(&bad, standards_name(container));
		standards_add_once(&types, type);
	}
	standards_sort(&types);
	if (bad.count)
		c->detail =
			arena_print(c->arena, "%.*s must not set securityContext.procMount to %.*s",
				STRF(standards_containers(c->arena, &bad)),
				STRF(standards_join(c->arena, &types, "\"")));
}

void standard_proc_mount(struct standard_check *c)
{
	if (!standards_own_users(c))
		standard_no_proc_mounts(c);
}

struct selinux {
	struct names types;
	bool user, role;
};

static bool is_bad_selinux(struct selinux *s, const struct cJSON *context, int version)
{
	static const char *const good[] = {"", "container_t", "container_init_t", "container_kvm_t",
		"container_engine_t", NULL};
	static const char *const old[] = {
		"", "container_t", "container_init_t", "container_kvm_t", NULL};
	const struct cJSON *options = json_get(context, STR("seLinuxOptions"));
	struct str type = tree_str(options, "type");
	bool bad = !standards_one_of(type, version >= 31 ? good : old);

	if (bad)
		standards_add_once(&s->types, type);
	s->user |= tree_str(options, "user").len > 0;
	s->role |= tree_str(options, "role").len > 0;
	return bad || tree_str(options, "user").len || tree_str(options, "role").len;
}

void standard_selinux(struct standard_check *c)
{
	struct selinux s = {0};
	struct names bad = {0};
	bool pod = is_bad_selinux(&s, json_get(c->spec, STR("securityContext")), c->version);
	struct str data = {0};

	each_container(container,
		c) if (is_bad_selinux(&s, json_get(container, STR("securityContext")), c->version))
		standards_add(&bad, standards_name(container));
	if (!pod && !bad.count)
		return;
	standards_sort(&s.types);
	if (s.types.count)
		data = arena_print(c->arena, "%s %.*s",
			standards_plural(s.types.count, "type", "types"),
			STRF(standards_join(c->arena, &s.types, "\"")));
	if (s.user)
		data = arena_print(
			c->arena, "%.*s%suser may not be set", STRF(data), data.len ? "; " : "");
	if (s.role)
		data = arena_print(
			c->arena, "%.*s%srole may not be set", STRF(data), data.len ? "; " : "");
	c->detail = arena_print(c->arena, "%.*s set forbidden securityContext.seLinuxOptions: %.*s",
		STRF(standards_setters(c->arena, pod, &bad)), STRF(data));
}

void standard_sysctls(struct standard_check *c)
{
	static const struct {
		const char *name;
		int since;
	} safe[] = {{"kernel.shm_rmid_forced", 0}, {"net.ipv4.ip_local_port_range", 0},
		{"net.ipv4.tcp_syncookies", 0}, {"net.ipv4.ping_group_range", 0},
		{"net.ipv4.ip_unprivileged_port_start", 0},
		{"net.ipv4.ip_local_reserved_ports", 27}, {"net.ipv4.tcp_keepalive_time", 29},
		{"net.ipv4.tcp_fin_timeout", 29}, {"net.ipv4.tcp_keepalive_intvl", 29},
		{"net.ipv4.tcp_keepalive_probes", 29}, {"net.ipv4.tcp_rmem", 32},
		{"net.ipv4.tcp_wmem", 32}};
	struct names bad = {0};

	json_each (sysctl, json_path(c->spec, "securityContext.sysctls")) {
		bool good = false;

		for (size_t i = 0; i < sizeof(safe) / sizeof(*safe); i++)
			good |= c->version >= safe[i].since &&
				str_eq_text(standards_name(sysctl), safe[i].name);
		if (!good)
			standards_add(&bad, standards_name(sysctl));
	}
	c->detail = standards_join(c->arena, &bad, "");
}

void standard_host_process(struct standard_check *c)
{
	static const char path[] = "securityContext.windowsOptions.hostProcess";
	struct names bad = {0};
	bool pod = tree_true(c->spec, path);

	each_container(container, c) if (tree_true(container, path))
		standards_add(&bad, standards_name(container));
	if (pod || bad.count)
		c->detail = arena_print(c->arena,
			"%.*s must not set securityContext.windowsOptions.hostProcess=true",
			STRF(standards_setters(c->arena, pod, &bad)));
}
