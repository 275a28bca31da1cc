#include "volume_sources.h"

#define CSI_NAME_MAX 63

void check_host_path(struct field_errors *e, const struct path *p, const struct cJSON *source)
{
	static const char *const types[] = {"", "BlockDevice", "CharDevice", "Directory",
		"DirectoryOrCreate", "File", "FileOrCreate", "Socket", NULL};
	struct path at = PATH(p, "path");

	if (rule_text(e, p, source, "path"))
		rule_no_backsteps(e, &at, tree_str(source, "path"));
	rule_choice(e, p, source, "type", types);
}

static void check_partition(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path at = PATH(p, "partition");
	int64_t partition = tree_int(o, "partition", 0);

	if (partition < 0 || partition > 255)
		field_invalid_int(e, &at, partition, "must be between 1 and 255, inclusive");
}

static void check_gce(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "pdName");
	check_partition(e, p, o);
}

static void check_aws(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "volumeID");
	check_partition(e, p, o);
}

static void check_nfs(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path at = PATH(p, "path");
	struct str path = tree_str(o, "path");

	rule_text(e, p, o, "server");
	if (rule_text(e, p, o, "path") && path.at[0] != '/')
		field_invalid_str(e, &at, path, "must be an absolute path");
}

static void check_iqn(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path at = PATH(p, "iqn");
	struct str iqn = tree_str(o, "iqn");

	if (!rule_text(e, p, o, "iqn"))
		return;
	if (!str_starts(iqn, STR("iqn")) && !str_starts(iqn, STR("eui")) &&
		!str_starts(iqn, STR("naa")))
		field_invalid_str(
			e, &at, iqn, "must be valid format starting with iqn, eui, or naa");
	else if (iqn.len < 5 || iqn.at[3] != '.')
		field_invalid_str(e, &at, iqn, "must be valid format");
}

static void check_iscsi(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path secret = PATH(p, "secretRef");
	bool chap = tree_true(o, "chapAuthDiscovery") || tree_true(o, "chapAuthSession");

	rule_text(e, p, o, "targetPortal");
	check_iqn(e, p, o);
	rule_between(e, p, o, "lun", 0, 255);
	if (chap && !tree_has(o, "secretRef"))
		field_required(e, &secret, "%s", "");
}

static void check_glusterfs(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "endpoints");
	rule_text(e, p, o, "path");
}

static void check_flocker(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path at = PATH(p, "datasetName");
	struct str name = tree_str(o, "datasetName"), uuid = tree_str(o, "datasetUUID");

	if (!name.len && !uuid.len)
		field_required(e, p, "one of datasetName and datasetUUID is required");
	if (name.len && uuid.len)
		field_invalid_str(e, p, STR("resource"),
			"datasetName and datasetUUID can not be specified simultaneously");
	if (str_find_char(name, '/') >= 0)
		field_invalid_str(e, &at, name, "must not contain '/'");
}

static void check_rbd(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_some(e, p, o, "monitors");
	rule_text(e, p, o, "image");
}

static void check_cinder(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path secret = PATH(p, "secretRef");

	rule_text(e, p, o, "volumeID");
	if (tree_has(o, "secretRef"))
		rule_text(e, &secret, json_get(o, STR("secretRef")), "name");
}

static void check_cephfs(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_some(e, p, o, "monitors");
}

static void check_quobyte(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path registry = PATH(p, "registry"), tenant = PATH(p, "tenant");
	struct str rest = tree_str(o, "registry"), one;

	if (!rest.len)
		field_required(e, &registry,
			"must be a host:port pair or multiple pairs separated by commas");
	while (str_next(&rest, ',', &one))
		if (str_find_char(one, ':') < 1)
			field_invalid_str(e, &registry, one,
				"must be a host:port pair or multiple pairs separated by commas");
	if (tree_str(o, "tenant").len >= 65)
		field_required(e, &tenant,
			"must be a UUID and may not exceed a length of 64 "
			"characters");
	rule_text(e, p, o, "volume");
}

static void check_fc(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path names = PATH(p, "targetWWNs"), lun = PATH(p, "lun");
	size_t targets = json_count(json_get(o, STR("targetWWNs")));
	size_t ids = json_count(json_get(o, STR("wwids")));

	if (!targets && !ids)
		field_required(e, &names, "must specify either targetWWNs or wwids, but not both");
	if (targets && ids)
		field_invalid(e, &names, json_get(o, STR("targetWWNs")),
			"targetWWNs and wwids can not be specified simultaneously");
	if (targets && !tree_has(o, "lun"))
		field_required(e, &lun, "lun is required if targetWWNs is specified");
	else if (targets)
		rule_between(e, p, o, "lun", 0, 255);
}

static void check_flex(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path options = PATH(p, "options");

	rule_text(e, p, o, "driver");
	json_each (option, json_get(o, STR("options"))) {
		struct path at = PATH_KEY(&options, json_key(option));
		ssize_t slash = str_find_char(json_key(option), '/');
		struct str space = str_sub(json_key(option), 0, slash < 0 ? 0 : (size_t)slash);

		if (str_eq_text(space, "kubernetes.io") || str_ends(space, STR(".kubernetes.io")) ||
			str_eq_text(space, "k8s.io") || str_ends(space, STR(".k8s.io")))
			field_invalid_str(e, &at, json_key(option),
				"kubernetes.io and k8s.io namespaces are reserved");
	}
}

static void check_vsphere(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "volumePath");
}

static void check_photon(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "pdID");
}

static void check_portworx(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "volumeID");
}

static void check_azure_disk(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	static const char *const caching[] = {"None", "ReadOnly", "ReadWrite", NULL};
	static const char *const kinds[] = {"Dedicated", "Managed", "Shared", NULL};
	struct path uri_at = PATH(p, "diskURI");
	struct str uri = tree_str(o, "diskURI"), kind = tree_str(o, "kind");

	rule_text(e, p, o, "diskName");
	rule_text(e, p, o, "diskURI");
	rule_choice(e, p, o, "cachingMode", caching);
	rule_choice(e, p, o, "kind", kinds);
	if (str_eq_text(kind, "Managed") && !str_starts(uri, STR("/subscriptions/")))
		field_not_supported_str(e, &uri_at, uri,
			(const char *const[]){
				"/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/"
				"microsoft.compute/disks/{disk-id}",
				NULL});
}

static void check_storageos(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "volumeName");
	rule_name(e, p, o, "volumeName", name_check_dns_label);
	rule_name(e, p, o, "volumeNamespace", name_check_dns_label);
}

static void check_scaleio(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "gateway");
	rule_text(e, p, o, "system");
	rule_text(e, p, o, "volumeName");
}

static struct str lower(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.len + 1);

	for (size_t i = 0; i < s.len; i++)
		out[i] = (char)(s.at[i] >= 'A' && s.at[i] <= 'Z' ? s.at[i] | 0x20 : s.at[i]);
	out[s.len] = 0;
	return str_make(out, s.len);
}

void check_csi_driver_name(struct field_errors *e, const struct path *p, struct str name)
{
	struct name_faults f = {0};

	if (!name.len) {
		field_required(e, p, "%s", "");
		return;
	}
	if (name.len > CSI_NAME_MAX)
		field_too_long(e, p, CSI_NAME_MAX);
	name_check_dns_subdomain(lower(e->arena, name), &f);
	for (size_t i = 0; i < f.count; i++)
		field_invalid_str(e, p, name, "%s", f.items[i]);
}

const struct volume_source volume_sources[] = {
	{"hostPath", NULL, check_host_path},
	{"gcePersistentDisk", "persistentDisk", check_gce},
	{"awsElasticBlockStore", NULL, check_aws},
	{"nfs", NULL, check_nfs},
	{"iscsi", NULL, check_iscsi},
	{"glusterfs", NULL, check_glusterfs},
	{"flocker", NULL, check_flocker},
	{"rbd", NULL, check_rbd},
	{"cinder", NULL, check_cinder},
	{"cephfs", NULL, check_cephfs},
	{"quobyte", NULL, check_quobyte},
	{"fc", NULL, check_fc},
	{"flexVolume", NULL, check_flex},
	{"vsphereVolume", NULL, check_vsphere},
	{"photonPersistentDisk", NULL, check_photon},
	{"portworxVolume", NULL, check_portworx},
	{"azureDisk", NULL, check_azure_disk},
	{"storageos", NULL, check_storageos},
	{"scaleIO", NULL, check_scaleio},
	{NULL, NULL, NULL},
};
