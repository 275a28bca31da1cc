#include "parts.h"

#include "types.h"

/* Every group version that upstream knows, served or not: all of them have these two kinds. */
static const char group_versions[] =
	"v1,admission.k8s.io/v1,admission.k8s.io/v1beta1,admissionregistration.k8s.io/v1,"
	"admissionregistration.k8s.io/v1alpha1,admissionregistration.k8s.io/v1beta1,"
	"apiextensions.k8s.io/v1,apiextensions.k8s.io/v1beta1,apiregistration.k8s.io/v1,"
	"apiregistration.k8s.io/v1beta1,apps/v1,apps/v1beta1,apps/v1beta2,"
	"authentication.k8s.io/v1,authentication.k8s.io/v1alpha1,authentication.k8s.io/v1beta1,"
	"authorization.k8s.io/v1,authorization.k8s.io/v1beta1,autoscaling/v1,autoscaling/v2,"
	"batch/v1,batch/v1beta1,certificates.k8s.io/v1,certificates.k8s.io/v1alpha1,"
	"certificates.k8s.io/v1beta1,coordination.k8s.io/v1,coordination.k8s.io/v1alpha2,"
	"coordination.k8s.io/v1beta1,discovery.k8s.io/v1,discovery.k8s.io/v1beta1,"
	"events.k8s.io/v1,events.k8s.io/v1beta1,extensions/v1beta1,"
	"flowcontrol.apiserver.k8s.io/v1,flowcontrol.apiserver.k8s.io/v1beta1,"
	"flowcontrol.apiserver.k8s.io/v1beta2,flowcontrol.apiserver.k8s.io/v1beta3,"
	"imagepolicy.k8s.io/v1alpha1,internal.apiserver.k8s.io/v1alpha1,networking.k8s.io/v1,"
	"networking.k8s.io/v1beta1,node.k8s.io/v1,node.k8s.io/v1alpha1,node.k8s.io/v1beta1,"
	"policy/v1,policy/v1beta1,rbac.authorization.k8s.io/v1,"
	"rbac.authorization.k8s.io/v1alpha1,rbac.authorization.k8s.io/v1beta1,"
	"resource.k8s.io/v1,resource.k8s.io/v1alpha3,resource.k8s.io/v1beta1,"
	"resource.k8s.io/v1beta2,scheduling.k8s.io/v1,scheduling.k8s.io/v1alpha2,"
	"scheduling.k8s.io/v1beta1,storage.k8s.io/v1,storage.k8s.io/v1alpha1,"
	"storage.k8s.io/v1beta1,storagemigration.k8s.io/v1beta1";

static void add(
	struct parts *p, struct cJSON *list, struct str group, struct str version, struct str kind)
{
	json_each (earlier, list)
		if (str_eq(json_str(json_get(earlier, STR("group"))), group) &&
			str_eq(json_str(json_get(earlier, STR("version"))), version) &&
			str_eq(json_str(json_get(earlier, STR("kind"))), kind))
			return;
	json_append(list, part_group_version_kind(p, group, version, kind));
}

static void add_of_all_groups(struct parts *p, struct cJSON *list, struct str kind)
{
	struct str rest = str_from(group_versions), each, group, version;

	if (p->v3) {
		add(p, list, STR(""), STR("v1"), kind);
		if (p->group.len)
			add(p, list, p->group, p->version, kind);
		return;
	}
	while (str_next(&rest, ',', &each)) {
		api_version_split(each, &group, &version);
		add(p, list, group, version, kind);
	}
}

static void add_of_resource(
	struct parts *p, struct cJSON *list, const struct schema *s, const struct resource *r)
{
	if ((str_eq(s->name, r->kind) || str_eq(s->name, r->list_kind)) &&
		str_eq(s->package, part_package(p, r)))
		add(p, list, r->group, r->version, s->name);
	for (size_t i = 0; i < r->subresource_count; i++) {
		const struct subresource *sub = &r->subresources[i];

		if (sub->schema == s && sub->schema != r->schema)
			add(p, list, sub->group, sub->version, sub->kind);
	}
}

struct cJSON *part_kinds(struct parts *p, const struct schema *s)
{
	struct cJSON *list = json_new(&p->scratch, JSON_ARRAY);

	if (s == SCHEMA(meta_v1, DeleteOptions) || s == SCHEMA(meta_v1, WatchEvent))
		add_of_all_groups(p, list, s->name);
	else if (!s->field_count || !(s->fields[0].flags & FIELD_TYPE_META))
		return NULL;
	else if (str_eq(s->package, SCHEMA(meta_v1, Status)->package))
		add(p, list, STR(""), STR("v1"), s->name);
	for (size_t i = 0; i < p->source->count; i++)
		add_of_resource(p, list, s, p->source->resources[i]);
	return json_first(list) ? list : NULL;
}
