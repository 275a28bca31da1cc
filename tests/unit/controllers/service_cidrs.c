/* Ranges of service addresses: when they are ready, when they may go. */
#include "plan_rig.h"

#include "controllers/service_cidrs.h"

#include <kube/time.h>

#define NOW      (1767225700 * SEC)
#define NOW_TEXT "2026-01-01T00:01:40Z"
#define META(more)                                                                                 \
	"'metadata':{'name':'a','finalizers':['mine','networking.k8s.io/"                          \
	"service-cidr-finalizer']" more "}"
#define GOING(at) META(",'deletionTimestamp':'2026-01-01T00:" at "Z'")
#define READY                                                                                      \
	"'status':{'conditions':[{'type':'Ready','status':'True','message':"                       \
	"'Kubernetes Service CIDR is ready'}]}"
#define APPLIED(rest)                                                                              \
	"apply status servicecidrs a {'conditions':[{'type':'Ready',"                              \
	"'status':" rest "}]}\n"
#define BECOMES_READY                                                                              \
	APPLIED("'True','lastTransitionTime':'" NOW_TEXT                                           \
		"','reason':'','message':'Kubernetes Service CIDR is ready'")
#define IS_HELD                                                                                    \
	APPLIED("'False','lastTransitionTime':'" NOW_TEXT                                          \
		"','reason':'Terminating','message':'There are still IPAddresses referencing the " \
		"ServiceCIDR, please remove them or create a new ServiceCIDR'")
#define FREED                                                                                      \
	"patch servicecidrs a {'metadata':{'$deleteFromPrimitiveList/finalizers':["                \
	"'networking.k8s.io/service-cidr-finalizer']}}\n"
#define IP(name, by)                                                                               \
	"{'metadata':{'name':'" name "','labels':{'ipaddress.kubernetes.io/managed-by':'" by "'}}" \
	"}"
#define OURS               "ipallocator.k8s.io"
#define OTHER(name, cidrs) "{'metadata':{'name':'" name "'},'spec':{'cidrs':[" cidrs "]}}"

static const struct row {
	const char *cidrs, *rest; /* of the one looked at */
	const char *others[3], *addresses[3];
	const char *plan;
} table[] = {
	/* New: held by a finalizer, then ready. */
	{"'10.0.0.0/24'", "'metadata':{'name':'a'}", {NULL}, {NULL},
		"patch servicecidrs a {'metadata':{'finalizers':["
		"'networking.k8s.io/service-cidr-finalizer']}}\n" BECOMES_READY},
	{"'10.0.0.0/24'", META("") "," READY, {NULL}, {NULL}, ""},
	/* What another has said is said anew. */
	{"'10.0.0.0/24'",
		META("") ",'status':{'conditions':[{'type':'Ready','status':'True','reason':'',"
			 "'message':'Kubernetes default Service CIDR is ready'}]}",
		{NULL}, {NULL}, BECOMES_READY},
	/* An address that has no other home holds it. */
	{"'10.0.0.0/24'", GOING("00:00"), {NULL}, {IP("10.0.0.7", OURS)}, IS_HELD},
	{"'10.0.0.0/24'",
		GOING("00:00") ",'status':{'conditions':[{'type':'Ready','status':'False',"
			       "'reason':'Terminating','message':'There are still IPAddresses "
			       "referencing the ServiceCIDR, please remove them or create a new "
			       "ServiceCIDR'}]}",
		{NULL}, {IP("10.0.0.7", OURS)}, ""},
	/* One that people have made does not, nor one of elsewhere, nor the ends of the range. */
	{"'10.0.0.0/24'", GOING("00:00"), {NULL}, {IP("10.0.0.7", "me"), IP("10.0.1.7", OURS)},
		FREED},
	{"'10.0.0.0/24'", GOING("00:00"), {NULL},
		{IP("10.0.0.0", OURS), IP("10.0.0.255", OURS), IP("fd00::1", OURS)}, FREED},
	{"'fd00::/120'", GOING("00:00"), {NULL}, {IP("fd00::ff", OURS)}, IS_HELD},
	{"'fd00::/120'", GOING("00:00"), {NULL}, {IP("fd00::", OURS)}, FREED},
	/* Another range that has the address lets it go; so does one around the whole of it. */
	{"'10.0.0.0/24'", GOING("00:00"), {OTHER("b", "'10.0.0.0/28'")}, {IP("10.0.0.7", OURS)},
		FREED},
	{"'10.0.0.0/24'", GOING("00:00"), {OTHER("b", "'10.0.0.0/28'")}, {IP("10.0.0.77", OURS)},
		IS_HELD},
	{"'10.0.0.0/24'", GOING("00:00"), {OTHER("b", "'10.0.0.0/16'")}, {IP("10.0.0.7", OURS)},
		FREED},
	{"'10.0.0.0/24'", GOING("00:00"), {OTHER("b", "'10.0.0.0/24'")}, {IP("10.0.0.7", OURS)},
		FREED},
	/* Of two families each needs its own. */
	{"'10.0.0.0/24','fd00::/120'", GOING("00:00"), {OTHER("b", "'10.0.0.0/16'")},
		{IP("fd00::7", OURS)}, IS_HELD},
	{"'10.0.0.0/24','fd00::/120'", GOING("00:00"),
		{OTHER("b", "'10.0.0.0/16'"), OTHER("c", "'fd00::/64'")}, {IP("fd00::7", OURS)},
		FREED},
	/* Not at once: who gives addresses has to hear of it. */
	{"'10.0.0.0/24'", GOING("01:37"), {NULL}, {NULL}, "again in 7000 ms\n"},
	/* Held by somebody else alone. */
	{"'10.0.0.0/24'",
		"'metadata':{'name':'a','finalizers':['mine'],'deletionTimestamp':"
		"'2026-01-01T00:00:00Z'}",
		{NULL}, {NULL}, ""},
};

static void read_trees(struct plan_rig *r, struct trees *t, const char *const texts[3])
{
	for (size_t i = 0; i < 3 && texts[i]; i++)
		trees_add(&r->arena, t, plan_rig_tree(r, texts[i]));
}

TEST(ranges_are_ready_and_stay_while_addresses_need_them)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct row *row = &table[i];
		struct trees all = {0}, addresses = {0};
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		struct cJSON *cidr = plan_rig_tree(&r,
			arena_print(&r.arena, "{%s,'spec':{'cidrs':[%s]}}", row->rest, row->cidrs)
				.at);
		trees_add(&r.arena, &all, cidr);
		read_trees(&r, &all, row->others);
		read_trees(&r, &addresses, row->addresses);
		const struct service_cidr_view v = {
			.resource = resource_find(
				STR("networking.k8s.io"), STR("v1"), STR("servicecidrs")),
			.cidr = cidr,
			.all = &all,
			.addresses = &addresses,
			.now = NOW};
		service_cidr_plan(&v, &r.plan);
		EXPECT_STR(plan_rig_text(&r), row->plan);
		plan_rig_stop(&r);
	}
	test_context_end();
}

TEST(ranges_overlap_when_one_is_within_the_other)
{
	static const struct {
		const char *left, *right;
		bool overlap;
	} pairs[] = {
		{"'10.0.0.0/24'", "'10.0.0.0/16'", true},
		{"'10.0.0.0/16'", "'10.0.9.0/24'", true},
		{"'10.0.0.0/24'", "'10.0.1.0/24'", false},
		{"'10.0.0.0/24'", "'fd00::/64'", false},
		{"'10.0.0.0/24','fd00::/64'", "'10.1.0.0/24','fd00::/120'", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct plan_rig r;

		plan_rig_start(&r);
		EXPECT(service_cidrs_overlap(
			       plan_rig_tree(&r, arena_print(&r.arena, "{'spec':{'cidrs':[%s]}}",
							 pairs[i].left)
							 .at),
			       plan_rig_tree(&r, arena_print(&r.arena, "{'spec':{'cidrs':[%s]}}",
							 pairs[i].right)
							 .at)) == pairs[i].overlap);
		plan_rig_stop(&r);
	}
}
