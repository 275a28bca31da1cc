/* Environment variables, and the references by which pods speak of themselves. */
#include "pod_parts.h"

/* ---- fields ---- */

static bool knows_label(struct str label)
{
	static const char *const labels[] = {"metadata.annotations", "metadata.labels",
		"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName",
		"spec.restartPolicy", "spec.serviceAccountName", "spec.schedulerName",
		"status.phase", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
		"spec.host", NULL};

	return rule_is_one_of(label, labels);
}

/* metadata.labels['key'] → the part before and the key; false: it is no such thing. */
static bool subscripted(struct str path, struct str *before, struct str *key)
{
	ssize_t open = str_find(path, STR("['"));

	if (open < 0 || path.len < (size_t)open + 4 ||
		!str_eq_text(str_skip(path, path.len - 2), "']"))
		return false;
	*before = str_sub(path, 0, (size_t)open);
	*key = str_sub(path, (size_t)open + 2, path.len - 2);
	return true;
}

static struct str lower(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		out[i] = (char)(s.at[i] >= 'A' && s.at[i] <= 'Z' ? s.at[i] | 0x20 : s.at[i]);
	out[s.len] = 0;
	return str_make(out, s.len);
}

static void check_subscript(
	struct field_errors *e, const struct path *p, struct str before, struct str key)
{
	if (str_eq_text(before, "metadata.annotations"))
		field_check_name(e, p, lower(e->arena, key), name_check_qualified);
	else if (str_eq_text(before, "metadata.labels"))
		field_check_name(e, p, key, name_check_qualified);
	else
		field_invalid_str(e, p, before, "does not support subscript");
}

void pod_check_field_ref(struct field_errors *e, const struct path *p, const struct cJSON *ref,
	const char *const *choices)
{
	struct path at = PATH(p, "fieldPath");
	struct str version = tree_str(ref, "apiVersion"), path = tree_str(ref, "fieldPath");
	struct str before, key;

	if (!rule_text(e, p, ref, "apiVersion") || !rule_text(e, p, ref, "fieldPath"))
		return;
	if (!str_eq_text(version, "v1")) {
		field_invalid_str(e, &at, path,
			"error converting fieldPath: unsupported pod version: %.*s", STRF(version));
		return;
	}
	if (subscripted(path, &before, &key)) {
		check_subscript(e, p, before, key);
		return;
	}
	if (!knows_label(path))
		field_invalid_str(e, &at, path,
			"error converting fieldPath: field label not supported: %.*s", STRF(path));
	else if (!rule_is_one_of(path, choices))
		field_not_supported_str(e, &at, path, choices);
}

/* ---- resources ---- */

static const struct {
	const char *suffix, *words;
	const char *divisors; /* between spaces */
} divided[] = {
	{".cpu", "1m and 1 are supported with the cpu resource", " 1m 1 "},
	{".memory",
		"1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the "
		"memory resource",
		" 1 1k 1M 1G 1T 1P 1E 1Ki 1Mi 1Gi 1Ti 1Pi 1Ei "},
	{".ephemeral-storage",
		"1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the "
		"local ephemeral storage resource",
		" 1 1k 1M 1G 1T 1P 1E 1Ki 1Mi 1Gi 1Ti 1Pi 1Ei "},
};

static void check_divisor(
	struct field_errors *e, const struct path *p, struct str resource, struct str divisor)
{
	struct path at = PATH(p, "divisor");

	if (!divisor.len || str_eq_text(divisor, "0"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(divided); i++) {
		if (!str_ends(resource, str_from(divided[i].suffix)))
			continue;
		struct str wanted = arena_print(e->arena, " %.*s ", STRF(divisor));
		if (str_find(str_from(divided[i].divisors), wanted) < 0)
			field_invalid_str(
				e, &at, resource, "only divisor's values %s", divided[i].words);
	}
}

void pod_check_resource_ref(
	struct field_errors *e, const struct path *p, const struct cJSON *ref, bool volume)
{
	static const char *const known[] = {"limits.cpu", "limits.ephemeral-storage",
		"limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory",
		NULL};
	struct path at = PATH(p, "resource");
	struct str resource = tree_str(ref, "resource");

	if (volume && !rule_text(e, p, ref, "containerName"))
		return check_divisor(e, p, resource, tree_str(ref, "divisor"));
	if (!rule_text(e, p, ref, "resource"))
		return;
	if (!rule_is_one_of(resource, known) && !str_starts(resource, STR("limits.hugepages-")) &&
		!str_starts(resource, STR("requests.hugepages-")))
		field_not_supported_str(e, &at, resource, known);
	check_divisor(e, p, resource, tree_str(ref, "divisor"));
}

/* ---- variables ---- */

static void check_key_ref(struct field_errors *e, const struct path *p, const struct cJSON *ref)
{
	rule_text(e, p, ref, "name");
	if (rule_text(e, p, ref, "key"))
		rule_name(e, p, ref, "key", name_check_config_map_key);
}

static void check_file_ref(struct pod_check *c, const struct path *p, const struct cJSON *ref)
{
	struct path path_at = PATH(p, "path"), volume_at = PATH(p, "volumeName");
	struct str volume = tree_str(ref, "volumeName");

	if (rule_text(c->e, p, ref, "key"))
		rule_name(c->e, p, ref, "key", name_check_env_var);
	if (rule_text(c->e, p, ref, "path"))
		rule_free_path(c->e, &path_at, tree_str(ref, "path"));
	if (rule_text(c->e, p, ref, "volumeName") && !pod_has_volume(c, volume))
		field_not_found_str(c->e, &volume_at, volume);
}

static void check_source(
	struct pod_check *c, const struct path *p, const struct cJSON *from, struct str name)
{
	static const char *const fields[] = {"metadata.name", "metadata.namespace", "metadata.uid",
		"spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs",
		"status.podIP", "status.podIPs", NULL};
	const struct cJSON *source = json_get(from, name);
	struct path at = PATH(p, name.at);

	if (str_eq_text(name, "fieldRef"))
		pod_check_field_ref(c->e, &at, source, fields);
	else if (str_eq_text(name, "resourceFieldRef"))
		pod_check_resource_ref(c->e, &at, source, false);
	else if (str_eq_text(name, "fileKeyRef"))
		check_file_ref(c, &at, source);
	else
		check_key_ref(c->e, &at, source);
}

static void check_value_from(
	struct pod_check *c, const struct path *env_at, const struct cJSON *env)
{
	static const char *const names[] = {"fieldRef", "resourceFieldRef", "configMapKeyRef",
		"secretKeyRef", "fileKeyRef", NULL};
	struct path at = PATH(env_at, "valueFrom");
	const struct cJSON *from = json_get(env, STR("valueFrom"));
	size_t count = 0;

	if (!from)
		return;
	for (size_t i = 0; names[i]; i++)
		if (json_get(from, str_from(names[i]))) {
			count++;
			check_source(c, &at, from, str_from(names[i]));
		}
	if (!count)
		field_invalid_str(c->e, &at, STR(""),
			"must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
			"`secretKeyRef` or `fileKeyRef`");
	else if (tree_str(env, "value").len)
		field_invalid_str(
			c->e, &at, STR(""), "may not be specified when `value` is not empty");
	else if (count > 1)
		field_invalid_str(
			c->e, &at, STR(""), "may not have more than one field specified at a time");
}

static void check_env_from(
	struct pod_check *c, const struct path *list, const struct cJSON *from, size_t index)
{
	static const char *const names[] = {"configMapRef", "secretRef", NULL};
	struct path at = PATH_INDEX(list, index);
	size_t count = 0;

	rule_name(c->e, &at, from, "prefix", name_check_env_var);
	for (size_t i = 0; names[i]; i++) {
		struct path ref_at = PATH(&at, names[i]);
		const struct cJSON *ref = json_get(from, str_from(names[i]));

		if (!ref)
			continue;
		count++;
		rule_text(c->e, &ref_at, ref, "name");
	}
	if (!count)
		field_invalid_str(
			c->e, list, STR(""), "must specify one of: `configMapRef` or `secretRef`");
	else if (count > 1)
		field_invalid_str(c->e, list, STR(""),
			"may not have more than one field specified at a time");
}

void pod_check_env(struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	struct path env_at = PATH(p, "env"), from_at = PATH(p, "envFrom");
	size_t i = 0;

	json_each (env, json_get(container, STR("env"))) {
		struct path at = PATH_INDEX(&env_at, i++);

		if (rule_text(c->e, &at, env, "name"))
			rule_name(c->e, &at, env, "name", name_check_env_var);
		check_value_from(c, &at, env);
	}
	i = 0;
	json_each (from, json_get(container, STR("envFrom")))
		check_env_from(c, &from_at, from, i++);
}
