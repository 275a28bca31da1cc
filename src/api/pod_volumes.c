/* Volumes of pods: names, and for each exactly one source. */
#include "claim_rules.h"
#include "pod_parts.h"
#include "volume_sources.h"

#define TOKEN_SHORTEST (10 * 60)
#define TOKEN_LONGEST  (1LL << 32)

bool pod_has_volume(const struct pod_check *c, struct str name)
{
	return rule_index_before(&c->volumes, SIZE_MAX, name);
}

bool pod_volume_is_claim(const struct cJSON *spec, struct str name)
{
	json_each (volume, json_get(spec, STR("volumes")))
		if (str_eq(tree_str(volume, "name"), name))
			return tree_has(volume, "persistentVolumeClaim") ||
			       tree_has(volume, "ephemeral");
	return false;
}

/* ---- files from objects ---- */

static void check_mode(
	struct field_errors *e, const struct path *p, const struct cJSON *o, const char *name)
{
	struct path at = PATH(p, name);
	int64_t mode = tree_int(o, name, 0);

	if (mode < 0 || mode > 0777)
		field_invalid_int(e, &at, mode,
			"must be a number between 0 and 0777 (octal), both inclusive");
}

static void check_item(struct field_errors *e, const struct path *p, const struct cJSON *item)
{
	struct path at = PATH(p, "path");

	rule_text(e, p, item, "key");
	if (rule_text(e, p, item, "path"))
		rule_free_path(e, &at, tree_str(item, "path"));
	check_mode(e, p, item, "mode");
}

static void check_items(struct field_errors *e, const struct path *p, const struct cJSON *source)
{
	struct path list_at = PATH(p, "items");
	size_t i = 0;

	json_each (item, json_get(source, STR("items"))) {
		struct path at = PATH_INDEX(&list_at, i++);

		check_item(e, &at, item);
	}
}

static void check_secret(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "secretName");
	check_mode(e, p, o, "defaultMode");
	check_items(e, p, o);
}

static void check_config_map(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "name");
	check_mode(e, p, o, "defaultMode");
	check_items(e, p, o);
}

/* Upstream names the volume, not the item. */
static void check_downward_item(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	static const char *const fields[] = {"metadata.annotations", "metadata.labels",
		"metadata.name", "metadata.namespace", "metadata.uid", NULL};
	struct path path_at = PATH(p, "path"), field_at = PATH(p, "fieldRef");
	struct path resource_at = PATH(p, "resourceFieldRef");
	const struct cJSON *field = json_get(o, STR("fieldRef"));
	const struct cJSON *resource = json_get(o, STR("resourceFieldRef"));

	if (rule_text(e, p, o, "path"))
		rule_free_path(e, &path_at, tree_str(o, "path"));
	if (field) {
		pod_check_field_ref(e, &field_at, field, fields);
		if (resource)
			field_invalid_str(e, p, STR("resource"),
				"fieldRef and resourceFieldRef can not be specified "
				"simultaneously");
	} else if (resource) {
		pod_check_resource_ref(e, &resource_at, resource, true);
	} else {
		field_required(e, p, "one of fieldRef and resourceFieldRef is required");
	}
	check_mode(e, p, o, "mode");
}

static void check_downward(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	check_mode(e, p, o, "defaultMode");
	json_each (item, json_get(o, STR("items")))
		check_downward_item(e, p, item);
}

/* ---- projections ---- */

struct projecting {
	struct field_errors *e;
	const struct path *volume; /* the projected volume */
	struct cJSON *paths;       /* members for what is taken */
};

static void take_path(struct projecting *c, struct str path, struct str owner)
{
	if (!path.len)
		return;
	if (json_get(c->paths, path))
		field_invalid_str(c->e, c->volume, owner, "conflicting duplicate paths");
	else
		json_add(c->e->arena, c->paths, path, json_new_bool(c->e->arena, true));
}

static void check_projected_items(
	struct projecting *c, const struct path *p, const struct cJSON *source)
{
	rule_text(c->e, p, source, "name");
	check_items(c->e, p, source);
	json_each (item, json_get(source, STR("items")))
		take_path(c, tree_str(item, "path"), tree_str(source, "name"));
}

static void check_token(struct projecting *c, const struct path *p, const struct cJSON *source)
{
	struct path at = PATH(p, "expirationSeconds"), path_at = PATH(c->volume, "path");
	int64_t seconds = tree_int(source, "expirationSeconds", TOKEN_SHORTEST);

	if (seconds < TOKEN_SHORTEST)
		field_invalid_int(
			c->e, &at, seconds, "may not specify a duration less than 10 minutes");
	if (seconds > TOKEN_LONGEST)
		field_invalid_int(
			c->e, &at, seconds, "may not specify a duration larger than 2^32 seconds");
	if (rule_text(c->e, c->volume, source, "path"))
		rule_free_path(c->e, &path_at, tree_str(source, "path"));
	take_path(c, tree_str(source, "path"), tree_str(source, "path"));
}

static void check_projection(
	struct projecting *c, const struct path *at, const struct cJSON *source)
{
	struct path secret = PATH(at, "secret"), map = PATH(at, "configMap");
	struct path downward = PATH(at, "downwardAPI"), token = PATH(at, "serviceAccountToken");
	const struct cJSON *one;

	if ((one = json_get(source, STR("secret"))))
		check_projected_items(c, &secret, one);
	if ((one = json_get(source, STR("configMap"))))
		check_projected_items(c, &map, one);
	if ((one = json_get(source, STR("downwardAPI"))))
		json_each (item, json_get(one, STR("items"))) {
			check_downward_item(c->e, &downward, item);
			take_path(c, tree_str(item, "path"), tree_str(item, "path"));
		}
	if ((one = json_get(source, STR("serviceAccountToken"))))
		check_token(c, &token, one);
	if (json_count(source) > 1)
		field_forbidden(c->e, at, "may not specify more than 1 volume type per source");
}

static void check_projected(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path list_at = PATH(p, "sources");
	struct projecting c = {.e = e, .volume = p, .paths = json_new(e->arena, JSON_OBJECT)};
	size_t i = 0;

	check_mode(e, p, o, "defaultMode");
	json_each (source, json_get(o, STR("sources"))) {
		struct path at = PATH_INDEX(&list_at, i++);

		check_projection(&c, &at, source);
	}
}

/* ---- the rest that only pods have ---- */

static void check_empty_dir(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path at = PATH(p, "sizeLimit");
	struct quantity q;

	if (tree_has(o, "sizeLimit") && !quantity_parse(tree_str(o, "sizeLimit"), &q, NULL) &&
		quantity_sign(q) < 0)
		field_forbidden(e, &at, "SizeLimit field must be a valid resource quantity");
}

static void check_git(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path at = PATH(p, "directory");

	rule_text(e, p, o, "repository");
	rule_relative_path(e, &at, tree_str(o, "directory"));
}

static void check_claim(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "claimName");
}

static void check_azure_file(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	rule_text(e, p, o, "secretName");
	rule_text(e, p, o, "shareName");
}

static void check_csi(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path at = PATH(p, "driver"), secret = PATH(p, "nodePublishSecretRef");

	check_csi_driver_name(e, &at, tree_str(o, "driver"));
	if (tree_has(o, "nodePublishSecretRef"))
		rule_text(e, &secret, json_get(o, STR("nodePublishSecretRef")), "name");
}

static void check_ephemeral(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	struct path at = PATH(p, "volumeClaimTemplate");
	const struct cJSON *tmpl = json_get(o, STR("volumeClaimTemplate"));

	if (tmpl)
		check_claim_template(e, &at, tmpl);
	else
		field_required(e, &at, "%s", "");
}

static void check_image(struct field_errors *e, const struct path *p, const struct cJSON *o)
{
	static const char *const pulls[] = {"Always", "IfNotPresent", "Never", NULL};

	rule_text(e, p, o, "reference");
	rule_choice(e, p, o, "pullPolicy", pulls);
}

static const struct volume_source own_sources[] = {
	{"emptyDir", NULL, check_empty_dir},
	{"gitRepo", NULL, check_git},
	{"secret", NULL, check_secret},
	{"persistentVolumeClaim", NULL, check_claim},
	{"downwardAPI", NULL, check_downward},
	{"configMap", NULL, check_config_map},
	{"azureFile", NULL, check_azure_file},
	{"projected", NULL, check_projected},
	{"csi", NULL, check_csi},
	{"ephemeral", NULL, check_ephemeral},
	{"image", NULL, check_image},
	{NULL, NULL, NULL},
};

/* ---- one of them ---- */

static const char *const order[] = {"emptyDir", "hostPath", "gitRepo", "gcePersistentDisk",
	"awsElasticBlockStore", "secret", "nfs", "iscsi", "glusterfs", "flocker",
	"persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc",
	"flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk",
	"portworxVolume", "azureDisk", "storageos", "projected", "scaleIO", "csi", "ephemeral",
	"image", NULL};

static const struct volume_source *find_source(const struct volume_source *list, const char *name)
{
	for (; list->name; list++)
		if (!strcmp(list->name, name))
			return list;
	return NULL;
}

static void check_source(struct field_errors *e, const struct path *p, const struct cJSON *volume)
{
	size_t count = 0;

	for (size_t i = 0; order[i]; i++) {
		const struct volume_source *s = find_source(own_sources, order[i]);
		const struct cJSON *source = json_get(volume, str_from(order[i]));
		struct path plain = PATH(p, order[i]);

		if (!source)
			continue;
		if (!s)
			s = find_source(volume_sources, order[i]);
		struct path at = PATH(p, s->path ? s->path : s->name);
		if (count++)
			field_forbidden(e, &plain, "may not specify more than 1 volume type");
		else
			s->check(e, &at, source);
	}
	if (!count)
		field_required(e, p, "must specify a volume type");
}

void pod_check_volumes(struct pod_check *c, const struct path *p)
{
	struct path list_at = PATH(p, "volumes");
	const struct cJSON *list = json_get(c->spec, STR("volumes"));
	size_t i = 0;

	json_each (volume, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct str name = tree_str(volume, "name");

		check_source(c->e, &at, volume);
		if (rule_text(c->e, &at, volume, "name")) {
			rule_name(c->e, &at, volume, "name", name_check_dns_label);
			if (rule_index_before(&c->volumes, i, name))
				field_duplicate_str(c->e, &name_at, name);
		}
		i++;
	}
}
