#include "custom_kind.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/definition.h>
#include <kube/hash.h>
#include <kube/mem.h>
#include <kube/patch.h>

#define SUB_VERBS (VERB_GET | VERB_PATCH | VERB_UPDATE)

/* ---- what all custom kinds have in common ---- */

/* Anything but metadata counts. (status is the old one here, if it has an endpoint of its own.) */
static bool differs(const struct cJSON *object, const struct cJSON *old)
{
	json_each (member, object)
		if (!str_eq_text(json_key(member), "metadata") &&
			!json_equal(member, json_get(old, json_key(member))))
			return true;
	json_each (member, old)
		if (!str_eq_text(json_key(member), "metadata") &&
			!json_get(object, json_key(member)))
			return true;
	return false;
}

static const struct strategy common = {
	.name_rule = name_check_dns_subdomain,
	.generation = GENERATION_SPEC,
	.changed = differs,
	.status_keeps_metadata = true,
	.validate = custom_validate,
	.validate_update = custom_validate_update,
	.validate_status = custom_validate_status,
};

/* ---- one version ---- */

static struct str words(struct arena *a, const struct cJSON *list)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	json_each (word, list)
		buf_print(&out, "%s%.*s", out.len ? "," : "", STRF(json_str(word)));
	return arena_str(a, buf_str(&out));
}

/* ".spec.replicas" without its dot; NULL when it is not said. */
static const char *dotted(struct arena *a, const struct cJSON *scale, const char *member)
{
	struct str path = tree_str(scale, member);

	if (!path.len)
		return NULL;
	return arena_str(a, str_starts(path, STR(".")) ? str_skip(path, 1) : path).at;
}

static void add_subresources(
	struct custom_version *v, struct arena *a, const struct cJSON *subresources)
{
	struct subresource *subs = arena_new(a, 2 * sizeof(*subs));
	const struct cJSON *scale = json_get(subresources, STR("scale"));
	struct resource *r = &v->resource;
	size_t count = 0;

	if (json_get(subresources, STR("status"))) {
		v->strategy.drops_status = true;
		subs[count++] = (struct subresource){.name = STR("status"),
			.schema = r->schema,
			.group = r->group,
			.version = r->version,
			.api_version = r->api_version,
			.kind = r->kind,
			.verbs = SUB_VERBS};
	}
	if (scale) {
		v->scale.replicas = dotted(a, scale, "specReplicasPath");
		v->scale.status_replicas = dotted(a, scale, "statusReplicasPath");
		v->scale.selector = dotted(a, scale, "labelSelectorPath");
		v->strategy.scale = &v->scale;
		subs[count++] = (struct subresource){.name = STR("scale"),
			.schema = schema_find(STR("io.k8s.api.autoscaling.v1.Scale")),
			.group = STR("autoscaling"),
			.version = STR("v1"),
			.api_version = STR("autoscaling/v1"),
			.kind = STR("Scale"),
			.verbs = SUB_VERBS};
	}
	r->subresources = subs;
	r->subresource_count = count;
}

static void add_selectable(struct custom_version *v, struct arena *a, const struct cJSON *list)
{
	const char **labels = arena_new(a, (json_count(list) + 1) * sizeof(*labels));
	size_t count = 0;

	json_each (field, list) {
		const char *label = dotted(a, field, "jsonPath");

		if (label)
			labels[count++] = label;
	}
	v->strategy.field_labels = labels;
}

static void name_resource(struct custom_kind *k, struct resource *r, const struct cJSON *definition,
	const struct cJSON *version)
{
	const struct cJSON *names = json_path(definition, "status.acceptedNames");
	struct arena *a = &k->arena;

	r->group = arena_str(a, tree_str(definition, "spec.group"));
	r->version = arena_str(a, tree_str(version, "name"));
	r->api_version = arena_print(a, "%.*s/%.*s", STRF(r->group), STRF(r->version));
	r->kind = arena_str(a, tree_str(names, "kind"));
	r->list_kind = arena_str(a, tree_str(names, "listKind"));
	r->plural = arena_str(a, tree_str(names, "plural"));
	r->singular = arena_str(a, tree_str(names, "singular"));
	r->short_names = words(a, json_get(names, STR("shortNames")));
	r->categories = words(a, json_get(names, STR("categories")));
	r->namespaced = str_eq_text(tree_str(definition, "spec.scope"), "Namespaced");
	r->deprecation = definition_deprecation(a, definition, version);
	r->verbs = VERBS_ALL;
	r->custom = true;
}

static struct custom_version *add_version(struct custom_kind *k, const struct cJSON *definition,
	const struct cJSON *version, uint32_t *epoch, struct err *err)
{
	struct custom_version *v = arena_new(&k->arena, sizeof(*v));
	struct resource *r = &v->resource;

	v->type = custom_type_new(definition, tree_str(version, "name"), err);
	if (!v->type)
		return NULL;
	v->kind = k;
	map_init(&v->converted);
	v->epoch = ++*epoch ? *epoch : ++*epoch;
	v->served = tree_true(version, "served");
	v->strategy = common;
	name_resource(k, r, definition, version);
	r->schema = custom_type_schema(v->type);
	r->hub = r;
	r->strategy = &v->strategy;
	r->table = definition_columns(&k->arena, version);
	add_subresources(v, &k->arena, json_get(version, STR("subresources")));
	add_selectable(v, &k->arena, json_get(version, STR("selectableFields")));
	return v;
}

/* ---- the kind ---- */

/* Upstream's: the beginning of a digest of group, version and kind. */
static struct str storage_hash(struct arena *a, const struct resource *r)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(KIB);
	unsigned char digest[32];

	sha256_of(arena_print(a, "%.*s/%.*s/%.*s", STRF(r->group), STRF(r->version), STRF(r->kind)),
		digest);
	base64_encode(&text, str_make((const char *)digest, 8));
	return arena_str(a, buf_str(&text));
}

void custom_kind_digest(const struct cJSON *definition, unsigned char digest[32])
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);

	json_print(&text, json_path(definition, "spec"), JSON_SORTED);
	json_print(&text, json_path(definition, "status.acceptedNames"), JSON_SORTED);
	sha256_of(buf_str(&text), digest);
}

static int add_versions(
	struct custom_kind *k, const struct cJSON *definition, uint32_t *epoch, struct err *err)
{
	const struct cJSON *list = json_path(definition, "spec.versions");
	size_t count = json_count(list);

	k->versions = arena_new(&k->arena, count * sizeof(struct custom_version *));
	k->resources = arena_new(&k->arena, (count + 1) * sizeof(const struct resource *));
	json_each (version, list) {
		struct custom_version *v = add_version(k, definition, version, epoch, err);

		if (!v)
			return err->code;
		if (tree_true(version, "storage"))
			k->storage = v;
		k->resources[k->count] = &v->resource;
		k->versions[k->count++] = v;
	}
	if (!k->storage)
		return err_set(err, ERR_INVALID, "no version of it is stored");
	for (size_t i = 0; i < k->count; i++) {
		k->versions[i]->resource.versions = k->resources;
		if (k->storage->served)
			k->versions[i]->resource.storage_hash =
				storage_hash(&k->arena, &k->storage->resource);
	}
	return 0;
}

struct custom_kind *custom_kind_new(
	const struct cJSON *definition, uint32_t *epoch, struct err *err)
{
	struct custom_kind *k = mem_new(sizeof(*k));

	k->refs = 1;
	arena_init(&k->arena);
	list_init(&k->watchers);
	k->name = arena_str(&k->arena, tree_str(definition, "metadata.name"));
	k->uid = arena_str(&k->arena, tree_str(definition, "metadata.uid"));
	custom_kind_digest(definition, k->digest);
	if (str_eq_text(tree_str(definition, "spec.conversion.strategy"), "Webhook"))
		k->webhook = json_copy(&k->arena, json_path(definition, "spec.conversion.webhook"));
	if (add_versions(k, definition, epoch, err)) {
		custom_kind_unref(k);
		return NULL;
	}
	return k;
}

struct custom_kind *custom_kind_ref(struct custom_kind *k)
{
	k->refs++;
	return k;
}

void custom_kind_unref(struct custom_kind *k)
{
	if (!k || --k->refs)
		return;
	for (size_t i = 0; i < k->count; i++) {
		map_each (it, &k->versions[i]->converted)
			object_unref(it.value);
		map_done(&k->versions[i]->converted);
		custom_type_unref(k->versions[i]->type);
	}
	arena_done(&k->arena);
	mem_free(k);
}

struct custom_version *custom_version_of(const struct resource *r)
{
	return CONTAINER_OF((struct resource *)(uintptr_t)r, struct custom_version, resource);
}

void custom_kind_retire(struct custom_kind *k)
{
	if (k->retired)
		return;
	k->retired = true;
	list_each (link, &k->watchers) {
		struct custom_watcher *w = CONTAINER_OF(link, struct custom_watcher, in_kind);

		w->retired(w);
	}
}
