#include "volume_rules.h"

#include "claim_rules.h"
#include "pod_parts.h"

static const char inline_text[] = "may not be specified in the context of inline volumes";

/* ---- amounts ---- */

void check_volume_amount(struct field_errors *e, const struct path *at, const struct cJSON *amount)
{
	struct quantity q;

	if (!quantity_parse(json_str(amount), &q, NULL) && quantity_sign(q) < 0)
		field_invalid_int(e, at, quantity_value(q), "must be a valid resource quantity");
}

static void check_capacity(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const choices[] = {"storage", NULL};
	struct path at = PATH(p, "capacity");
	const struct cJSON *capacity = json_get(spec, STR("capacity"));
	struct quantity q;

	rule_some(e, p, spec, "capacity");
	if (!json_get(capacity, STR("storage")) || json_count(capacity) > 1)
		field_not_supported(e, &at, capacity, choices);
	json_each (amount, capacity) {
		struct path key = PATH_KEY(&at, json_key(amount));

		check_volume_amount(e, &key, amount);
		if (!quantity_parse(json_str(amount), &q, NULL) && quantity_sign(q) <= 0)
			field_invalid_str(e, &key, json_str(amount), "must be greater than zero");
	}
}

/* ---- sources that only persistent volumes have ---- */

static void check_azure_file(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "secretName");
	rule_text(e, p, o, "shareName");
	if (tree_has(o, "secretNamespace"))
		rule_text(e, p, o, "secretNamespace");
}

static void check_local(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path at = PATH(p, "path");

	if (rule_text(e, p, o, "path"))
		rule_no_backsteps(e, &at, tree_str(o, "path"));
}

static void check_csi(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	static const char *const secrets[] = {"controllerPublishSecretRef",
		"controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef", NULL};
	struct path driver = PATH(p, "driver");

	check_csi_driver_name(e, &driver, tree_str(o, "driver"));
	rule_text(e, p, o, "volumeHandle");
	for (size_t i = 0; secrets[i]; i++) {
		struct path at = PATH(p, secrets[i]);

		if (!tree_has(o, secrets[i]))
			continue;
		rule_text(e, &at, json_get(o, str_from(secrets[i])), "name");
		rule_text(e, &at, json_get(o, str_from(secrets[i])), "namespace");
	}
}

/* The parts behind "eui." and "naa." are of one length; iqn names have a month in them. */
static bool is_iscsi_name(struct str s)
{
	size_t len = str_starts(s, STR("eui.")) ? 16 : 32;

	if (str_starts(s, STR("iqn.")))
		return s.len > 12 && s.at[8] == '-' && s.at[11] == '.' &&
		       str_find_char(str_skip(s, 12), ':') != 0;
	return (str_starts(s, STR("eui.")) || str_starts(s, STR("naa."))) && s.len == 4 + len;
}

static void check_iscsi(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path iqn = PATH(p, "iqn"), secret = PATH(p, "secretRef");
	bool chap = tree_true(o, "chapAuthDiscovery") || tree_true(o, "chapAuthSession");

	rule_text(e, p, o, "targetPortal");
	if (rule_text(e, p, o, "iqn") && !is_iscsi_name(tree_str(o, "iqn")))
		field_invalid_str(e, &iqn, tree_str(o, "iqn"), "must be valid format");
	rule_between(e, p, o, "lun", 0, 255);
	if (chap && !tree_has(o, "secretRef"))
		field_required(e, &secret, "%s", "");
	if (tree_has(o, "secretRef"))
		rule_text(e, &secret, json_get(o, STR("secretRef")), "name");
}

typedef void check_fn(struct field_errors *e, const struct path *p, const struct cJSON *source);

/* In the order they are looked at; NULL: as in pods. */
static const struct {
	const char *name;
	check_fn *check;
} order[VOLUME_SOURCES] = {
	{"hostPath", NULL},
	{"gcePersistentDisk", NULL},
	{"awsElasticBlockStore", NULL},
	{"glusterfs", NULL},
	{"flocker", NULL},
	{"nfs", NULL},
	{"rbd", NULL},
	{"quobyte", NULL},
	{"cephfs", NULL},
	{"iscsi", check_iscsi},
	{"cinder", NULL},
	{"fc", NULL},
	{"flexVolume", NULL},
	{"azureFile", check_azure_file},
	{"vsphereVolume", NULL},
	{"photonPersistentDisk", NULL},
	{"portworxVolume", NULL},
	{"azureDisk", NULL},
	{"scaleIO", NULL},
	{"local", check_local},
	{"storageos", NULL},
	{"csi", check_csi},
};

static check_fn *check_of(size_t i)
{
	for (const struct volume_source *s = volume_sources; !order[i].check && s->name; s++)
		if (str_eq_text(str_from(s->name), order[i].name))
			return s->check;
	return order[i].check;
}

static void check_sources(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path affinity = PATH(p, "nodeAffinity");
	bool found = false;

	for (size_t i = 0; i < VOLUME_SOURCES; i++) {
		struct path at = PATH(p, order[i].name);
		const struct cJSON *source = json_get(spec, str_from(order[i].name));

		if (!source)
			continue;
		if (found) {
			field_forbidden(e, &at, "may not specify more than 1 volume type");
			continue;
		}
		found = true;
		check_of(i)(e, &at, source);
		if (order[i].check == check_local && !tree_has(spec, "nodeAffinity.required"))
			field_required(e, &affinity, "Local volume requires node affinity");
	}
	if (!found)
		field_required(e, p, "must specify a volume type");
}

/* ---- the rest of a spec ---- */

static void check_modes(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path at = PATH(p, "accessModes");

	if (json_count(json_get(spec, STR("accessModes"))))
		check_access_modes(e, p, spec);
	else
		field_required(e, &at, "%s", "");
}

static void check_affinity(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path affinity = PATH(p, "nodeAffinity"), at = PATH(&affinity, "required");
	const struct cJSON *required = json_path(spec, "nodeAffinity.required");

	if (!tree_has(spec, "nodeAffinity"))
		return;
	if (required)
		check_node_selector(e, &at, required);
	else
		field_required(e, &at, "must specify required node constraints");
}

static void check_inline(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path claim = PATH(p, "claimRef"), capacity = PATH(p, "capacity"),
		    csi = PATH(p, "csi");

	if (tree_has(spec, "claimRef"))
		field_forbidden(e, &claim, "%s", inline_text);
	if (json_count(json_get(spec, STR("capacity"))))
		field_forbidden(e, &capacity, "%s", inline_text);
	if (!tree_has(spec, "csi"))
		field_required(e, &csi, "has to be specified in the context of inline volumes");
}

/* "/", "//", "/." and their like */
static bool is_root(struct str path)
{
	struct str step;

	if (!path.len || path.at[0] != '/')
		return false;
	while (str_next(&path, '/', &step))
		if (step.len && !str_eq_text(step, "."))
			return false;
	return true;
}

static void check_reclaim(
	struct field_errors *e, const struct path *p, const struct cJSON *spec, bool inline_spec)
{
	static const char *const policies[] = {"Delete", "Recycle", "Retain", NULL};
	struct path at = PATH(p, "persistentVolumeReclaimPolicy");
	struct str policy = tree_str(spec, "persistentVolumeReclaimPolicy");

	if (policy.len && inline_spec && !str_eq_text(policy, "Retain"))
		field_forbidden(
			e, &at, "may only be %s in the context of inline volumes", "Retain");
	else if (policy.len)
		rule_choice(e, p, spec, "persistentVolumeReclaimPolicy", policies);
}

static void check_classes(
	struct field_errors *e, const struct path *p, const struct cJSON *spec, bool inline_spec)
{
	static const char *const modes[] = {"Block", "Filesystem", NULL};
	struct path class_at = PATH(p, "storageClassName"), mode_at = PATH(p, "volumeMode");
	struct path attributes = PATH(p, "volumeAttributesClassName"), csi = PATH(p, "csi");
	struct str class = tree_str(spec, "storageClassName"), mode = tree_str(spec, "volumeMode");
	const struct cJSON *attribute = json_get(spec, STR("volumeAttributesClassName"));

	if (class.len && inline_spec)
		field_forbidden(e, &class_at, "%s", inline_text);
	else if (class.len)
		field_check_name(e, &class_at, class, name_check_dns_subdomain);
	if (tree_has(spec, "volumeMode") && inline_spec && !str_eq_text(mode, "Filesystem"))
		field_forbidden(e, &mode_at,
			"may not specify volumeMode other than %s in the context of inline volumes",
			"Filesystem");
	else
		rule_choice(e, p, spec, "volumeMode", modes);
	if (!attribute)
		return;
	if (!json_str(attribute).len)
		field_required(e, &attributes, "an empty string is disallowed");
	else
		field_check_name(e, &attributes, json_str(attribute), name_check_dns_subdomain);
	if (!tree_has(spec, "csi"))
		field_required(e, &csi, "has to be specified when using volumeAttributesClassName");
}

void check_volume_spec(
	struct field_errors *e, const struct path *p, const struct cJSON *spec, bool inline_spec)
{
	struct path reclaim = PATH(p, "persistentVolumeReclaimPolicy");

	if (inline_spec)
		check_inline(e, p, spec);
	check_modes(e, p, spec);
	if (!inline_spec)
		check_capacity(e, p, spec);
	check_reclaim(e, p, spec, inline_spec);
	check_affinity(e, p, spec);
	check_sources(e, p, spec);
	if (is_root(tree_str(spec, "hostPath.path")) &&
		str_eq_text(tree_str(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
		field_forbidden(e, &reclaim, "may not be 'recycle' for a hostPath mount of '/'");
	check_classes(e, p, spec, inline_spec);
}

/* ---- the sources as a type ---- */

void volume_source_type(struct volume_source_type *type)
{
	static const char *const names[VOLUME_SOURCES] = {"gcePersistentDisk",
		"awsElasticBlockStore", "hostPath", "glusterfs", "nfs", "rbd", "quobyte", "iscsi",
		"flexVolume", "cinder", "cephfs", "fc", "flocker", "azureFile", "vsphereVolume",
		"azureDisk", "photonPersistentDisk", "portworxVolume", "scaleIO", "local",
		"storageos", "csi"};

	for (size_t i = 0; i < VOLUME_SOURCES; i++)
		type->fields[i] =
			*schema_field(SCHEMA(core_v1, PersistentVolumeSpec), str_from(names[i]));
	type->schema = (struct schema){.name = STR_INIT("PersistentVolumeSource"),
		.fields = type->fields,
		.field_count = VOLUME_SOURCES};
}

struct cJSON *volume_source_of(struct arena *a, const struct cJSON *spec)
{
	struct cJSON *source = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < VOLUME_SOURCES; i++) {
		const struct cJSON *member = json_get(spec, str_from(order[i].name));

		if (member)
			json_add(a, source, str_from(order[i].name), json_copy(a, member));
	}
	return source;
}

/* ---- warnings ---- */

void warn_volume(struct change *c)
{
	static const char *const annotations[][2] = {
		{"volume.beta.kubernetes.io/storage-class", "v1.8; use \"storageClassName\""},
		{"volume.beta.kubernetes.io/mount-options", "v1.31; use \"mountOptions\""},
	};
	static const char *const gone[][3] = {
		{"cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"},
		{"photonPersistentDisk", "photonPersistentDisk",
			"deprecated in v1.11, non-functional in v1.16+"},
		{"rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"},
		{"scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
		{"storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"},
		{"flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"},
		{"quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"},
		{"glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
	};
	const struct cJSON *given = json_path(c->object, "metadata.annotations");
	const struct cJSON *spec = json_get(c->object, STR("spec"));

	for (size_t i = 0; i < ARRAY_LEN(annotations); i++)
		if (json_get(given, str_from(annotations[i][0])))
			change_warn(c,
				"metadata.annotations[%s]: deprecated since %s attribute instead",
				annotations[i][0], annotations[i][1]);
	if (str_eq_text(tree_str(spec, "persistentVolumeReclaimPolicy"), "Recycle"))
		change_warn(c, "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is "
			       "deprecated. Instead, the recommended approach is to use dynamic "
			       "provisioning.");
	for (size_t i = 0; i < ARRAY_LEN(gone); i++)
		if (tree_has(spec, gone[i][0]))
			change_warn(c, "spec.%s: %s", gone[i][1], gone[i][2]);
}
