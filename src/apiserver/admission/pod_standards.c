#include "pod_standards_private.h"

#include <stdlib.h>

const char *const standards_lists[] = {"initContainers", "containers", "ephemeralContainers", NULL};

/* ---- lists of names ---- */

void standards_add(struct names *n, struct str name)
{
	if (n->count < STANDARDS_NAMES_MAX)
		n->items[n->count++] = name;
}

void standards_add_once(struct names *n, struct str name)
{
	for (size_t i = 0; i < n->count; i++)
		if (str_eq(n->items[i], name))
			return;
	standards_add(n, name);
}

static int compare(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

void standards_sort(struct names *n)
{
	qsort(n->items, n->count, sizeof(*n->items), compare);
}

struct str standards_join(struct arena *a, const struct names *n, const char *quote)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(256 * KIB);

	for (size_t i = 0; i < n->count; i++)
		buf_print(&out, "%s%s%.*s%s", i ? ", " : "", quote, STRF(n->items[i]), quote);
	return arena_str(a, buf_str(&out));
}

const char *standards_plural(size_t count, const char *one, const char *several)
{
	return count == 1 ? one : several;
}

/* `container "c"`, `containers "c", "d"` */
struct str standards_containers(struct arena *a, const struct names *n)
{
	struct str list = standards_join(a, n, "\"");

	return arena_print(
		a, "%s %.*s", standards_plural(n->count, "container", "containers"), STRF(list));
}

/* `pod and container "c"`; empty when it is neither. */
struct str standards_setters(struct arena *a, bool pod, const struct names *n)
{
	if (!n->count)
		return pod ? STR("pod") : (struct str){0};
	return arena_print(a, "%s%.*s", pod ? "pod and " : "", STRF(standards_containers(a, n)));
}

/* ---- pods and containers ---- */

struct str standards_name(const struct cJSON *container)
{
	return json_str(json_get(container, STR("name")));
}

bool standards_windows(const struct standard_check *c)
{
	return c->version >= 25 && str_eq_text(tree_str(c->spec, "os.name"), "windows");
}

/* Pods with users of their own may do what they like to those. */
bool standards_own_users(const struct standard_check *c)
{
	return c->version >= 35 && tree_has(c->spec, "hostUsers") &&
	       !tree_true(c->spec, "hostUsers");
}

bool standards_one_of(struct str text, const char *const *words)
{
	for (size_t i = 0; words[i]; i++)
		if (str_eq_text(text, words[i]))
			return true;
	return false;
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
		standard_app_armor},
	{STANDARD_BASELINE, 0, 22, "non-default capabilities", NULL, standard_capabilities},
	{STANDARD_BASELINE, 0, NEVER, "host namespaces", NULL, standard_host_namespaces},
	{STANDARD_BASELINE, 0, 0, "hostPath volumes", NULL, standard_host_paths},
	{STANDARD_BASELINE, 0, NEVER, "hostPort", NULL, standard_host_ports},
	{STANDARD_BASELINE, 34, NEVER, "probe or lifecycle host", NULL, standard_hosts},
	{STANDARD_BASELINE, 0, NEVER, "privileged", NULL, standard_privileged},
	{STANDARD_BASELINE, 0, NEVER, "procMount", NULL, standard_proc_mount},
	{STANDARD_BASELINE, 0, NEVER, "seLinuxOptions", NULL, standard_selinux},
	{STANDARD_BASELINE, 0, 19, "seccompProfile", NULL, standard_seccomp},
	{STANDARD_BASELINE, 0, NEVER, "forbidden sysctls", NULL, standard_sysctls},
	{STANDARD_BASELINE, 0, NEVER, "hostProcess", NULL, standard_host_process},
	{STANDARD_RESTRICTED, 8, NEVER, "allowPrivilegeEscalation != false", NULL,
		standard_escalation},
	{STANDARD_RESTRICTED, 22, NEVER, "unrestricted capabilities", NULL, standard_dropped},
	{STANDARD_RESTRICTED, 35, NEVER, "procMount", NULL, standard_no_proc_mounts},
	{STANDARD_RESTRICTED, 0, NEVER, "restricted volume types", NULL, standard_volumes},
	{STANDARD_RESTRICTED, 0, NEVER, "runAsNonRoot != true", NULL, standard_non_root},
	{STANDARD_RESTRICTED, 23, NEVER, "runAsUser=0", NULL, standard_user},
	{STANDARD_RESTRICTED, 19, NEVER, "seccompProfile", NULL, standard_seccomp_set},
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
