/*
 * Pod specs as upstream holds them in memory: what it shows when a change is refused. The order
 * of members differs from v1's, and what a pod shares with its host stands in its security context.
 */
#include "pod_update.h"

static const char *const spec_members[] = {"volumes", "initContainers", "containers",
	"ephemeralContainers", "restartPolicy", "terminationGracePeriodSeconds",
	"activeDeadlineSeconds", "dnsPolicy", "nodeSelector", "serviceAccountName",
	"automountServiceAccountToken", "nodeName", "securityContext", "imagePullSecrets",
	"hostname", "subdomain", "setHostnameAsFQDN", "affinity", "schedulerName", "tolerations",
	"hostAliases", "priorityClassName", "priority", "preemptionPolicy", "dnsConfig",
	"readinessGates", "runtimeClassName", "overhead", "enableServiceLinks",
	"topologySpreadConstraints", "os", "schedulingGates", "resourceClaims", "resources",
	"hostnameOverride", "schedulingGroup", NULL};

static const char *const host_members[] = {
	"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers", NULL};

static const char *const security_members[] = {"seLinuxOptions", "windowsOptions", "runAsUser",
	"runAsGroup", "runAsNonRoot", "supplementalGroups", "supplementalGroupsPolicy", "fsGroup",
	"fsGroupChangePolicy", "sysctls", "seccompProfile", "appArmorProfile",
	"seLinuxChangePolicy", NULL};

static size_t add_members(
	struct schema_field *to, const struct schema *from, const char *const *names)
{
	size_t count = 0;

	for (size_t i = 0; names[i]; i++) {
		const struct schema_field *f = schema_field(from, str_from(names[i]));

		assert(f);
		to[count++] = *f;
	}
	return count;
}

static struct schema *make(
	struct arena *a, const struct schema *base, struct schema_field *fields, size_t count)
{
	struct schema *s = arena_copy(a, base, sizeof(*base));

	s->fields = fields;
	s->field_count = (uint16_t)count;
	return s;
}

/* The host's members first, then the context's own. */
static struct schema *security_type(struct arena *a)
{
	const struct schema *base = SCHEMA(core_v1, PodSecurityContext);
	struct schema_field *fields = arena_alloc(
		a, (ARRAY_LEN(host_members) + ARRAY_LEN(security_members)) * sizeof(*fields));
	size_t count = add_members(fields, SCHEMA(core_v1, PodSpec), host_members);

	count += add_members(fields + count, base, security_members);
	return make(a, base, fields, count);
}

/* Quobyte's volumes stand behind Ceph's there. */
static struct schema *volume_type(struct arena *a)
{
	const struct schema *base = SCHEMA(core_v1, Volume);
	const struct schema_field *quobyte = schema_field(base, STR("quobyte"));
	struct schema_field *fields = arena_alloc(a, base->field_count * sizeof(*fields));
	size_t count = 0;

	for (size_t i = 0; i < base->field_count; i++) {
		if (&base->fields[i] != quobyte)
			fields[count++] = base->fields[i];
		if (str_eq_text(base->fields[i].name, "rbd"))
			fields[count++] = *quobyte;
	}
	return make(a, base, fields, count);
}

static const struct schema *spec_type(struct arena *a)
{
	struct schema_field *fields = arena_alloc(a, ARRAY_LEN(spec_members) * sizeof(*fields));
	size_t count = add_members(fields, SCHEMA(core_v1, PodSpec), spec_members);

	for (size_t i = 0; i < count; i++) {
		if (str_eq_text(fields[i].name, "volumes"))
			fields[i].of = volume_type(a);
		else if (str_eq_text(fields[i].name, "securityContext"))
			fields[i].of = security_type(a);
	}
	return make(a, SCHEMA(core_v1, PodSpec), fields, count);
}

static struct cJSON *as_held(struct arena *a, const struct cJSON *spec)
{
	struct cJSON *held = json_copy(a, spec), *security;

	if (!json_get(held, STR("securityContext")))
		json_set(a, held, STR("securityContext"), json_new(a, JSON_OBJECT));
	security = json_get(held, STR("securityContext"));
	for (size_t i = 0; host_members[i]; i++) {
		const struct cJSON *value = json_get(spec, str_from(host_members[i]));

		if (value)
			json_set(a, security, str_from(host_members[i]), json_copy(a, value));
	}
	return held;
}

void pod_spec_print(struct buf *out, struct arena *a, const struct cJSON *spec)
{
	api_print_go(out, spec_type(a), as_held(a, spec));
}

/* Metadata is a part of the template itself there. */
void pod_template_print(struct buf *out, struct arena *a, const struct cJSON *tmpl)
{
	const struct cJSON *meta = json_get(tmpl, STR("metadata"));

	if (json_count(meta)) {
		json_print(out, meta, JSON_COMPACT);
		buf_cut(out, out->len - 1); /* its closing brace */
	}
	buf_print(out, "%s\"Spec\":", json_count(meta) ? "," : "{");
	pod_spec_print(out, a, json_get(tmpl, STR("spec")));
	buf_add_char(out, '}');
}

struct str pod_spec_diff(struct arena *a, const struct cJSON *old, const struct cJSON *spec)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(1 * MIB);

	api_diff_go(&text, a, spec_type(a), as_held(a, old), as_held(a, spec));
	return arena_str(a, buf_str(&text));
}
