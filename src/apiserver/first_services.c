/* Upstream's APIServices: one for each group and version that is served here. */
#include "first_objects.h"

/* The order of groups in discovery, and of versions in their group. */
static const struct {
	const char *group;
	int rank;
} groups[] = {
	{"", 18000},
	{"apps", 17800},
	{"events.k8s.io", 17750},
	{"authentication.k8s.io", 17700},
	{"authorization.k8s.io", 17600},
	{"autoscaling", 17500},
	{"batch", 17400},
	{"certificates.k8s.io", 17300},
	{"networking.k8s.io", 17200},
	{"policy", 17100},
	{"rbac.authorization.k8s.io", 17000},
	{"storage.k8s.io", 16800},
	{"apiextensions.k8s.io", 16700},
	{"admissionregistration.k8s.io", 16700},
	{"scheduling.k8s.io", 16600},
	{"coordination.k8s.io", 16500},
	{"node.k8s.io", 16300},
	{"discovery.k8s.io", 16200},
	{"resource.k8s.io", 16200},
	{"flowcontrol.apiserver.k8s.io", 16100},
	{"internal.apiserver.k8s.io", 16000},
	{"storagemigration.k8s.io", 15800},
};

/* Versions that do not follow the rule: 15 for v1, 9 for betas, 1 for alphas. */
static const struct {
	const char *api_version;
	int rank;
} versions[] = {
	{"v1", 1},
	{"autoscaling/v2", 30},
	{"admissionregistration.k8s.io/v1beta1", 12},
	{"admissionregistration.k8s.io/v1alpha1", 9},
	{"resource.k8s.io/v1", 20},
	{"resource.k8s.io/v1beta2", 15},
	{"flowcontrol.apiserver.k8s.io/v1", 21},
	{"internal.apiserver.k8s.io/v1alpha1", 9},
};

static int group_rank(struct str group)
{
	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (str_eq_text(group, groups[i].group))
			return groups[i].rank;
	return 0;
}

static int version_rank(const struct resource *r)
{
	for (size_t i = 0; i < ARRAY_LEN(versions); i++)
		if (str_eq_text(r->api_version, versions[i].api_version))
			return versions[i].rank;
	if (str_find(r->version, STR("alpha")) >= 0)
		return 1;
	return str_find(r->version, STR("beta")) >= 0 ? 9 : 15;
}

/* Does an earlier one speak for the group and version already? They stand together. */
static bool came_before(struct api_server *s, const struct resource *r)
{
	const struct resource *other;

	for (size_t i = 0; (other = resource_at(i)) && other != r; i++)
		if (str_eq(other->api_version, r->api_version) && other->level != LEVEL_REMOVED &&
			server_resource(s, other->group, other->version, other->plural))
			return true;
	return false;
}

/* The next from *index on. The aggregator's own group has none. */
struct str first_api_service(struct api_server *s, struct arena *a, size_t *index, struct str now)
{
	const struct resource *r;

	while ((r = resource_at((*index)++))) {
		struct str group = r->group.len
					   ? arena_print(a, "\"group\":\"%.*s\",", STRF(r->group))
					   : STR("");

		if (r->level == LEVEL_REMOVED || !group_rank(r->group) ||
			!server_resource(s, r->group, r->version, r->plural) || came_before(s, r))
			continue;
		return arena_print(a,
			"{\"metadata\":{\"name\":\"%.*s.%.*s\",\"labels\":{"
			"\"kube-aggregator.kubernetes.io/automanaged\":\"onstart\"}},\"spec\":{"
			"%.*s\"version\":\"%.*s\",\"groupPriorityMinimum\":%d,"
			"\"versionPriority\":%d},\"status\":{\"conditions\":[{\"type\":"
			"\"Available\",\"status\":\"True\",\"lastTransitionTime\":\"%.*s\","
			"\"reason\":\"Local\",\"message\":\"Local APIServices are always "
			"available\"}]}}",
			STRF(r->version), STRF(r->group), STRF(group), STRF(r->version),
			group_rank(r->group), version_rank(r), STRF(now));
	}
	return STR("");
}
