/* Which endpoints and hints the slices of a service have. */
#include "plan_rig.h"

#include "controllers/slices.h"

static bool in_a_zone(void *ctx, struct str name, struct str *zone)
{
	(void)ctx;
	(void)name;
	*zone = STR("west");
	return true;
}

/* Two pods, the second not ready; the endpoints of the one slice as text. */
static const char *endpoints(struct plan_rig *r, const char *metadata, const char *spec)
{
	static const char pod[] =
		"{'metadata':{'name':'p%d','namespace':'n','uid':'u%d'},'spec':{'nodeName':'here'},"
		"'status':{'phase':'Running','podIP':'10.42.0.%d','podIPs':[{'ip':'10.42.0.%d'}],"
		"'conditions':[{'type':'Ready','status':'%s'}]}}";
	struct trees pods = {0}, existing = {0};
	struct slices_change change;

	for (int i = 1; i <= 2; i++)
		trees_add(&r->arena, &pods,
			plan_rig_tree(r,
				arena_print(&r->arena, pod, i, i, i, i, i == 1 ? "True" : "False")
					.at));
	slices_of_service(&r->arena,
		&(struct slices_in){.service = plan_rig_tree(r,
					    arena_print(&r->arena,
						    "{'metadata':{'name':'s','namespace':'n','uid':"
						    "'v'%s},'spec':{'clusterIP':'10.43.0.9',"
						    "'ipFamilies':['IPv4'],'ports':[{'port':80,"
						    "'targetPort':8080,'protocol':'TCP'}]%s}}",
						    metadata, spec)
						    .at),
			.pods = &pods,
			.existing = &existing,
			.node = in_a_zone},
		&change);
	if (!EXPECT_INT(change.create.count, 1))
		return "";
	buf_clear(&r->text);
	json_each (e, json_get(change.create.items[0], STR("endpoints"))) {
		buf_print(&r->text, "%.*s ", STRF(tree_str(e, "addresses.0")));
		if (tree_has(e, "hints"))
			plan_rig_json(r, json_get(e, STR("hints")));
		buf_add_text(&r->text, "; ");
	}
	return buf_text(&r->text);
}

/* Whoever is not ready is nobody's choice. */
TEST(hints_are_for_who_is_ready)
{
	struct plan_rig r;

	plan_rig_start(&r);
	EXPECT_STR(str_from(endpoints(&r, "", ",'trafficDistribution':'PreferSameZone'")),
		"10.42.0.1 {'forZones':[{'name':'west'}]}; 10.42.0.2 ; ");
	EXPECT_STR(str_from(endpoints(&r, "", ",'trafficDistribution':'PreferSameNode'")),
		"10.42.0.1 {'forZones':[{'name':'west'}],'forNodes':[{'name':'here'}]}; "
		"10.42.0.2 ; ");
	EXPECT_STR(str_from(endpoints(&r, "",
			   ",'trafficDistribution':'PreferClose',"
			   "'publishNotReadyAddresses':true")),
		"10.42.0.1 {'forZones':[{'name':'west'}]}; "
		"10.42.0.2 {'forZones':[{'name':'west'}]}; ");
	plan_rig_stop(&r);
}

/* Those of old come before the field; what they ask for is nothing that is done here. */
TEST(annotations_turn_the_field_off)
{
	static const char *const off[] = {
		",'annotations':{'service.kubernetes.io/topology-mode':'Auto'}",
		",'annotations':{'service.kubernetes.io/topology-aware-hints':'auto'}"};
	static const char *const on[] = {
		",'annotations':{'service.kubernetes.io/topology-mode':'disabled'}",
		",'annotations':{'service.kubernetes.io/topology-aware-hints':'disabled',"
		"'service.kubernetes.io/topology-mode':'Auto'}"};
	struct plan_rig r;

	plan_rig_start(&r);
	for (size_t i = 0; i < 2; i++) {
		EXPECT_STR(
			str_from(endpoints(&r, off[i], ",'trafficDistribution':'PreferSameZone'")),
			"10.42.0.1 ; 10.42.0.2 ; ");
		EXPECT_STR(
			str_from(endpoints(&r, on[i], ",'trafficDistribution':'PreferSameZone'")),
			"10.42.0.1 {'forZones':[{'name':'west'}]}; 10.42.0.2 ; ");
	}
	plan_rig_stop(&r);
}
