#include "pod_standards.h"

#include <stdlib.h>

#define NAMES_MAX 256

struct names {
	struct str items[NAMES_MAX];
	size_t count;
};

struct standard_check {
	struct arena *arena;
	const struct cJSON *metadata, *spec;
	int version;
	struct str detail; /* of the check that runs; empty: nothing is wrong */
	bool several;      /* its heading stands in the plural */
};

/* ---- lists of names ---- */

static void add(struct names *n, struct str name)
{
	if (n->count < NAMES_MAX)
		n->items[n->count++] = name;
}

static void add_once(struct names *n, struct str name)
{
	for (size_t i = 0; i < n->count; i++)
		if (str_eq(n->items[i], name))
			return;
	add(n, name);
}

static int compare(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static void sort(struct names *n)
{
	qsort(n->items, n->count, sizeof(*n->items), compare);
}

static struct str join(struct arena *a, const struct names *n, const char *quote)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(256 * KIB);

	for (size_t i = 0; i < n->count; i++)
		buf_print(&out, "%s%s%.*s%s", i ? ", " : "", quote, STRF(n->items[i]), quote);
	return arena_str(a, buf_str(&out));
}

static const char *plural(size_t count, const char *one, const char *several)
{
	return count == 1 ? one : several;
}

/* `container "c"`, `containers "c", "d"` */
static struct str containers(struct arena *a, const struct names *n)
{
	struct str list = join(a, n, "\"");

	return arena_print(a, "%s %.*s", plural(n->count, "container", "containers"), STRF(list));
}

/* `pod and container "c"`; empty when it is neither. */
static struct str setters(struct arena *a, bool pod, const struct names *n)
{
	if (!n->count)
		return pod ? STR("pod") : (struct str){0};
	return arena_print(a, "%s%.*s", pod ? "pod and " : "", STRF(containers(a, n)));
}

/* ---- containers, in upstream's order ---- */

static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};

#define each_container(c, check)                                                                   \
	for (size_t list_ = 0; list_ < sizeof(lists) / sizeof(*lists); list_++)                    \
		json_each (c, json_get((check)->spec, str_from(lists[list_])))

static struct str name_of(const struct cJSON *container)
{
	return json_str(json_get(container, STR("name")));
}

static bool is_windows(const struct standard_check *c)
{
	return c->version >= 25 && str_eq_text(tree_str(c->spec, "os.name"), "windows");
}

/* Pods with users of their own may do what they like to those. */
static bool has_own_users(const struct standard_check *c)
{
	return c->version >= 35 && tree_has(c->spec, "hostUsers") &&
	       !tree_true(c->spec, "hostUsers");
}

static bool is_one_of(struct str text, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		if (str_eq_text(text, words[i]))
			return true;
	return false;
}

/* ---- baseline ---- */

static void check_app_armor(struct standard_check *c)
{
	static const char *const good[] = {"RuntimeDefault", "Localhost", "", NULL};
	static const struct str prefix =
		STR_INIT("container.apparmor.security.beta.kubernetes.io/");
	struct names bad = {0}, values = {0}, notes = {0};
	struct str type = tree_str(c->spec, "securityContext.appArmorProfile.type");
	bool pod = !is_one_of(type, good);

	if (pod)
		add_once(&values, type);
	each_container(container, c)
	{
		type = tree_str(container, "securityContext.appArmorProfile.type");
		if (is_one_of(type, good))
			continue;
		add(&bad, name_of(container));
		add_once(&values, type);
	}
	json_each (note, json_get(c->metadata, STR("annotations"))) {
		struct str value = json_str(note);

		if (str_starts(json_key(note), prefix) && value.len &&
			!str_eq_text(value, "runtime/default") &&
			!str_starts(value, STR("localhost/")))
			add(&notes, arena_print(c->arena, "%.*s=\"%.*s\"", STRF(json_key(note)),
					    STRF(value)));
	}
	sort(&values);
	sort(&notes);
	if (pod || bad.count)
		c->detail = arena_print(c->arena, "%.*s must not set AppArmor profile type to %.*s",
			STRF(setters(c->arena, pod, &bad)), STRF(join(c->arena, &values, "\"")));
	if (notes.count)
		c->detail = arena_print(c->arena, "%.*s%s%s %.*s", STRF(c->detail),
			c->detail.len ? "; " : "", plural(notes.count, "annotation", "annotations"),
			STRF(join(c->arena, &notes, "")));
	c->several = values.count + notes.count > 1;
}

static void find_capabilities(const struct standard_check *c, const char *const *good,
	struct names *who, struct names *what)
{
	each_container(container, c)
	{
		bool found = false;

		json_each (capability, json_path(container, "securityContext.capabilities.add"))
			if (!is_one_of(json_str(capability), good)) {
				found = true;
				add_once(what, json_str(capability));
			}
		if (found)
			add(who, name_of(container));
	}
	sort(what);
}

static struct str must_not_include(
	struct arena *a, const struct names *who, const struct names *what)
{
	return arena_print(a, "%.*s must not include %.*s in securityContext.capabilities.add",
		STRF(containers(a, who)), STRF(join(a, what, "\"")));
}

static void check_capabilities(struct standard_check *c)
{
	static const char *const good[] = {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER",
		"FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP",
		"SETUID", "SYS_CHROOT", NULL};
	struct names who = {0}, what = {0};

	find_capabilities(c, good, &who, &what);
	if (who.count)
		c->detail = must_not_include(c->arena, &who, &what);
}

static void check_host_namespaces(struct standard_check *c)
{
	static const char *const fields[] = {"hostNetwork", "hostPID", "hostIPC"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (tree_true(c->spec, fields[i]))
			c->detail = arena_print(c->arena, "%.*s%s%s=true", STRF(c->detail),
				c->detail.len ? ", " : "", fields[i]);
}

static void check_host_paths(struct standard_check *c)
{
	struct names bad = {0};

	json_each (volume, json_get(c->spec, STR("volumes")))
		if (tree_has(volume, "hostPath"))
			add(&bad, name_of(volume));
	if (bad.count)
		c->detail = arena_print(c->arena, "%s %.*s", plural(bad.count, "volume", "volumes"),
			STRF(join(c->arena, &bad, "\"")));
}

static void check_host_ports(struct standard_check *c)
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
			add_once(&ports, arena_print(c->arena, "%lld", (long long)number));
		}
		if (found)
			add(&bad, name_of(container));
	}
	sort(&ports);
	if (bad.count)
		c->detail = arena_print(c->arena, "%.*s %s %s %.*s",
			STRF(containers(c->arena, &bad)), plural(bad.count, "uses", "use"),
			plural(ports.count, "hostPort", "hostPorts"),
			STRF(join(c->arena, &ports, "")));
}

static void check_hosts(struct standard_check *c)
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
		add_once(&bad, name_of(container));
		add_once(&hosts, host);
	}
	sort(&bad);
	sort(&hosts);
	if (bad.count)
		c->detail = arena_print(c->arena, "%.*s %s %s %.*s",
			STRF(containers(c->arena, &bad)), plural(bad.count, "uses", "use"),
			plural(hosts.count, "probe or lifecycle host", "probe or lifecycle hosts"),
			STRF(join(c->arena, &hosts, "\"")));
}

static void check_privileged(struct standard_check *c)
{
	struct names bad = {0};

	each_container(container, c) if (tree_true(container, "securityContext.privileged"))
		add(&bad, name_of(container));
	if (bad.count)
		c->detail =
			arena_print(c->arena, "%.*s must not set securityContext.privileged=true",
				STRF(containers(c->arena, &bad)));
}

static void forbid_proc_mounts(struct standard_check *c)
{
	static const char *const good[] = {"Default", "", NULL};
	struct names bad = {0}, types = {0};

	each_container(container, c)
	{
		struct str type = tree_str(container, "securityContext.procMount");

		if (is_one_of(type, good))
			continue;
		add(&bad, name_of(container));
		add_once(&types, type);
	}
	sort(&types);
	if (bad.count)
		c->detail = arena_print(c->arena,
			"%.*s must not set securityContext.procMount to %.*s",
			STRF(containers(c->arena, &bad)), STRF(join(c->arena, &types, "\"")));
}

static void check_proc_mount(struct standard_check *c)
{
	if (!has_own_users(c))
		forbid_proc_mounts(c);
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
	bool bad = !is_one_of(type, version >= 31 ? good : old);

	if (bad)
		add_once(&s->types, type);
	s->user |= tree_str(options, "user").len > 0;
	s->role |= tree_str(options, "role").len > 0;
	return bad || tree_str(options, "user").len || tree_str(options, "role").len;
}

static void check_selinux(struct standard_check *c)
{
	struct selinux s = {0};
	struct names bad = {0};
	bool pod = is_bad_selinux(&s, json_get(c->spec, STR("securityContext")), c->version);
	struct str data = {0};

	each_container(container,
		c) if (is_bad_selinux(&s, json_get(container, STR("securityContext")), c->version))
		add(&bad, name_of(container));
	if (!pod && !bad.count)
		return;
	sort(&s.types);
	if (s.types.count)
		data = arena_print(c->arena, "%s %.*s", plural(s.types.count, "type", "types"),
			STRF(join(c->arena, &s.types, "\"")));
	if (s.user)
		data = arena_print(
			c->arena, "%.*s%suser may not be set", STRF(data), data.len ? "; " : "");
	if (s.role)
		data = arena_print(
			c->arena, "%.*s%srole may not be set", STRF(data), data.len ? "; " : "");
	c->detail = arena_print(c->arena, "%.*s set forbidden securityContext.seLinuxOptions: %.*s",
		STRF(setters(c->arena, pod, &bad)), STRF(data));
}

/* ---- seccomp: annotations in old versions, fields since 1.19 ---- */

struct seccomp {
	struct names bad, values, silent;
	bool pod, pod_says;
};

static const struct cJSON *seccomp_of(const struct cJSON *holder)
{
	return json_path(holder, "securityContext.seccompProfile");
}

static bool is_bad_seccomp(struct seccomp *s, const struct cJSON *profile)
{
	static const char *const good[] = {"RuntimeDefault", "Localhost", NULL};
	struct str type = tree_str(profile, "type");

	if (!profile || is_one_of(type, good))
		return false;
	add_once(&s->values, type);
	return true;
}

static void find_seccomp(const struct standard_check *c, struct seccomp *s)
{
	s->pod = is_bad_seccomp(s, seccomp_of(c->spec));
	s->pod_says = seccomp_of(c->spec) && !s->pod;
	each_container(container, c)
	{
		if (is_bad_seccomp(s, seccomp_of(container)))
			add(&s->bad, name_of(container));
		else if (!seccomp_of(container) && !s->pod_says)
			add(&s->silent, name_of(container));
	}
	sort(&s->values);
}

static bool tell_seccomp(struct standard_check *c, const struct seccomp *s)
{
	if (!s->pod && !s->bad.count)
		return false;
	c->detail = arena_print(c->arena,
		"%.*s must not set securityContext.seccompProfile.type to %.*s",
		STRF(setters(c->arena, s->pod, &s->bad)), STRF(join(c->arena, &s->values, "\"")));
	return true;
}

static void check_seccomp_notes(struct standard_check *c)
{
	static const struct str pod = STR_INIT("seccomp.security.alpha.kubernetes.io/pod");
	static const struct str prefix =
		STR_INIT("container.seccomp.security.alpha.kubernetes.io/");
	struct names bad = {0};

	json_each (note, json_get(c->metadata, STR("annotations"))) {
		struct str key = json_key(note), value = json_str(note);

		if ((!str_eq(key, pod) && !str_starts(key, prefix)) ||
			str_eq_text(value, "runtime/default") ||
			str_eq_text(value, "docker/default") ||
			str_starts(value, STR("localhost/")))
			continue;
		add(&bad, arena_print(c->arena, "%.*s=\"%.*s\"", STRF(key), STRF(value)));
	}
	sort(&bad);
	if (bad.count)
		c->detail = arena_print(c->arena, "forbidden %s %.*s",
			plural(bad.count, "annotation", "annotations"),
			STRF(join(c->arena, &bad, "")));
}

static void check_seccomp(struct standard_check *c)
{
	struct seccomp s = {0};

	if (c->version < 19) {
		check_seccomp_notes(c);
		return;
	}
	find_seccomp(c, &s);
	tell_seccomp(c, &s);
}

static void check_sysctls(struct standard_check *c)
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
				str_eq_text(name_of(sysctl), safe[i].name);
		if (!good)
			add(&bad, name_of(sysctl));
	}
	c->detail = join(c->arena, &bad, "");
}

static void check_host_process(struct standard_check *c)
{
	static const char path[] = "securityContext.windowsOptions.hostProcess";
	struct names bad = {0};
	bool pod = tree_true(c->spec, path);

	each_container(container, c) if (tree_true(container, path)) add(&bad, name_of(container));
	if (pod || bad.count)
		c->detail = arena_print(c->arena,
			"%.*s must not set securityContext.windowsOptions.hostProcess=true",
			STRF(setters(c->arena, pod, &bad)));
}

/* ---- restricted ---- */

static void check_escalation(struct standard_check *c)
{
	static const char path[] = "securityContext.allowPrivilegeEscalation";
	struct names bad = {0};

	if (is_windows(c))
		return;
	each_container(container, c) if (!tree_has(container, path) || tree_true(container, path))
		add(&bad, name_of(container));
	if (bad.count)
		c->detail = arena_print(c->arena,
			"%.*s must set securityContext.allowPrivilegeEscalation=false",
			STRF(containers(c->arena, &bad)));
}

static void check_dropped(struct standard_check *c)
{
	static const char *const good[] = {"NET_BIND_SERVICE", NULL};
	struct names keeping = {0}, who = {0}, what = {0};

	if (is_windows(c))
		return;
	each_container(container, c)
	{
		bool all = false;

		json_each (capability, json_path(container, "securityContext.capabilities.drop"))
			all |= str_eq_text(json_str(capability), "ALL");
		if (!all)
			add(&keeping, name_of(container));
	}
	find_capabilities(c, good, &who, &what);
	if (keeping.count)
		c->detail = arena_print(c->arena,
			"%.*s must set securityContext.capabilities.drop=[\"ALL\"]",
			STRF(containers(c->arena, &keeping)));
	if (who.count)
		c->detail = arena_print(c->arena, "%.*s%s%.*s", STRF(c->detail),
			c->detail.len ? "; " : "", STRF(must_not_include(c->arena, &who, &what)));
}

static void check_volumes(struct standard_check *c)
{
	static const char *const good[] = {"configMap", "csi", "downwardAPI", "emptyDir",
		"ephemeral", "persistentVolumeClaim", "projected", "secret", NULL};
	struct names bad = {0}, types = {0};

	json_each (volume, json_get(c->spec, STR("volumes")))
		json_each (member, volume) {
			struct str type = json_key(member);

			if (str_eq_text(type, "name") || is_one_of(type, good))
				continue;
			add(&bad, name_of(volume));
			add_once(&types, type);
		}
	sort(&types);
	if (bad.count)
		c->detail = arena_print(c->arena, "%s %.*s %s restricted volume %s %.*s",
			plural(bad.count, "volume", "volumes"), STRF(join(c->arena, &bad, "\"")),
			plural(bad.count, "uses", "use"), plural(types.count, "type", "types"),
			STRF(join(c->arena, &types, "\"")));
}

static void check_non_root(struct standard_check *c)
{
	static const char path[] = "securityContext.runAsNonRoot";
	struct names bad = {0}, silent = {0};
	bool says = tree_has(c->spec, path), good = tree_true(c->spec, path);

	if (has_own_users(c))
		return;
	each_container(container, c)
	{
		if (tree_has(container, path) && !tree_true(container, path))
			add(&bad, name_of(container));
		else if (!tree_has(container, path) && !good)
			add(&silent, name_of(container));
	}
	if ((says && !good) || bad.count)
		c->detail = arena_print(c->arena,
			"%.*s must not set securityContext.runAsNonRoot=false",
			STRF(setters(c->arena, says && !good, &bad)));
	else if (silent.count)
		c->detail = arena_print(c->arena,
			"pod or %.*s must set securityContext.runAsNonRoot=true",
			STRF(containers(c->arena, &silent)));
}

static bool is_root(const struct cJSON *holder)
{
	static const char path[] = "securityContext.runAsUser";

	return tree_has(holder, path) && tree_int(holder, path, 1) == 0;
}

static void check_user(struct standard_check *c)
{
	struct names bad = {0};
	bool pod = is_root(c->spec);

	if (has_own_users(c))
		return;
	each_container(container, c) if (is_root(container)) add(&bad, name_of(container));
	if (pod || bad.count)
		c->detail = arena_print(c->arena, "%.*s must not set runAsUser=0",
			STRF(setters(c->arena, pod, &bad)));
}

static void check_seccomp_set(struct standard_check *c)
{
	struct seccomp s = {0};

	if (is_windows(c))
		return;
	find_seccomp(c, &s);
	if (!tell_seccomp(c, &s) && s.silent.count)
		c->detail = arena_print(c->arena,
			"pod or %.*s must set securityContext.seccompProfile.type to "
			"\"RuntimeDefault\" or \"Localhost\"",
			STRF(containers(c->arena, &s.silent)));
}

/* ---- all of them, in the order in which they are told ---- */

#define NEVER 10000

static const struct {
	enum standard_level level;
	int since;    /* 1.x */
	int replaced; /* at the restricted level from this version on: a stricter one is there */
	const char *heading, *headings;
	void (*run)(struct standard_check *c);
} checks[] = {
	{STANDARD_BASELINE, 0, NEVER, "forbidden AppArmor profile", "forbidden AppArmor profiles",
		check_app_armor},
	{STANDARD_BASELINE, 0, 22, "non-default capabilities", NULL, check_capabilities},
	{STANDARD_BASELINE, 0, NEVER, "host namespaces", NULL, check_host_namespaces},
	{STANDARD_BASELINE, 0, 0, "hostPath volumes", NULL, check_host_paths},
	{STANDARD_BASELINE, 0, NEVER, "hostPort", NULL, check_host_ports},
	{STANDARD_BASELINE, 34, NEVER, "probe or lifecycle host", NULL, check_hosts},
	{STANDARD_BASELINE, 0, NEVER, "privileged", NULL, check_privileged},
	{STANDARD_BASELINE, 0, NEVER, "procMount", NULL, check_proc_mount},
	{STANDARD_BASELINE, 0, NEVER, "seLinuxOptions", NULL, check_selinux},
	{STANDARD_BASELINE, 0, 19, "seccompProfile", NULL, check_seccomp},
	{STANDARD_BASELINE, 0, NEVER, "forbidden sysctls", NULL, check_sysctls},
	{STANDARD_BASELINE, 0, NEVER, "hostProcess", NULL, check_host_process},
	{STANDARD_RESTRICTED, 8, NEVER, "allowPrivilegeEscalation != false", NULL,
		check_escalation},
	{STANDARD_RESTRICTED, 22, NEVER, "unrestricted capabilities", NULL, check_dropped},
	{STANDARD_RESTRICTED, 35, NEVER, "procMount", NULL, forbid_proc_mounts},
	{STANDARD_RESTRICTED, 0, NEVER, "restricted volume types", NULL, check_volumes},
	{STANDARD_RESTRICTED, 0, NEVER, "runAsNonRoot != true", NULL, check_non_root},
	{STANDARD_RESTRICTED, 23, NEVER, "runAsUser=0", NULL, check_user},
	{STANDARD_RESTRICTED, 19, NEVER, "seccompProfile", NULL, check_seccomp_set},
};

struct str pod_standards_check(struct arena *a, enum standard_level level, int version,
	const struct cJSON *metadata, const struct cJSON *spec, bool brief)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		struct standard_check c = {
			.arena = a, .metadata = metadata, .spec = spec, .version = version};

		if (checks[i].level > level || version < checks[i].since ||
			(level == STANDARD_RESTRICTED && version >= checks[i].replaced))
			continue;
		checks[i].run(&c);
		if (!c.detail.len)
			continue;
		buf_print(&out, "%s%s", out.len ? ", " : "",
			c.several && checks[i].headings ? checks[i].headings : checks[i].heading);
		if (!brief)
			buf_print(&out, " (%.*s)", STRF(c.detail));
	}
	return arena_str(a, buf_str(&out));
}
