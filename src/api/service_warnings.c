/* What a Service says in vain, or in a way that will not last. */
#include "ip_rules.h"
#include "service_rules.h"

static void warn_ip(struct change *c, const char *path, struct str text)
{
	_cleanup_(buf_done) struct buf canonical = BUF_INIT(64);
	struct ip ip;

	if (!ip_parse(text, &ip) || ip.len != 16)
		return;
	ip_print(&canonical, &ip);
	if (!str_eq(buf_str(&canonical), text))
		change_warn(c,
			"%s: IPv6 address \"%.*s\" should be in RFC 5952 canonical format "
			"(\"%.*s\")",
			path, STRF(text), STRF(buf_str(&canonical)));
}

static void warn_cidr(struct change *c, const char *path, struct str text)
{
	_cleanup_(buf_done) struct buf canonical = BUF_INIT(64);
	struct cidr cidr;

	if (!cidr_parse(text, &cidr) || cidr.ip.len != 16)
		return;
	cidr_print(&canonical, &cidr);
	if (!str_eq(buf_str(&canonical), text))
		change_warn(c,
			"%s: IPv6 CIDR value \"%.*s\" should be in RFC 5952 canonical format "
			"(\"%.*s\")",
			path, STRF(text), STRF(buf_str(&canonical)));
}

typedef void warn_fn(struct change *c, const char *path, struct str text);

static void warn_each(struct change *c, const char *list, warn_fn *warn)
{
	size_t i = 0;

	json_each (item, json_path(c->object, list))
		warn(c, arena_print(c->arena, "%s[%zu]", list, i++).at, json_str(item));
}

static void warn_headless(struct change *c)
{
	if (tree_str(c->object, "spec.loadBalancerIP").len)
		change_warn(c, "spec.loadBalancerIP is ignored for headless services");
	if (json_count(json_path(c->object, "spec.externalIPs")))
		change_warn(c, "spec.externalIPs is ignored for headless services");
	if (!str_eq_text(tree_str(c->object, "spec.sessionAffinity"), "None"))
		change_warn(c, "spec.SessionAffinity is ignored for headless services");
}

void warn_service(struct change *c)
{
	const struct cJSON *annotations = json_path(c->object, "metadata.annotations");
	bool named = service_is_type(c->object, "ExternalName");

	if (json_get(annotations, STR("service.kubernetes.io/topology-aware-hints")))
		change_warn(c,
			"annotation service.kubernetes.io/topology-aware-hints is "
			"deprecated, please use service.kubernetes.io/topology-mode instead");
	if (service_needs_cluster_ip(c->object))
		warn_each(c, "spec.clusterIPs", warn_ip);
	if (service_is_headless(c->object))
		warn_headless(c);
	warn_each(c, "spec.externalIPs", warn_ip);
	warn_ip(c, "spec.loadBalancerIP", tree_str(c->object, "spec.loadBalancerIP"));
	warn_each(c, "spec.loadBalancerSourceRanges", warn_cidr);
	if (named && json_count(json_path(c->object, "spec.externalIPs")))
		change_warn(c, "spec.externalIPs is ignored when spec.type is \"ExternalName\"");
	if (!named && tree_str(c->object, "spec.externalName").len)
		change_warn(
			c, "spec.externalName is ignored when spec.type is not \"ExternalName\"");
	if (json_count(json_path(c->object, "spec.externalIPs")))
		change_warn(c, "spec.externalIPs is deprecated and may no longer be implemented "
			       "in some clusters");
	if (str_eq_text(tree_str(c->object, "spec.trafficDistribution"), "PreferClose"))
		change_warn(c, "spec.trafficDistribution: \"PreferClose\" is deprecated; use "
			       "\"PreferSameZone\"");
}
