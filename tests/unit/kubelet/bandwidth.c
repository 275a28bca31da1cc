/* What annotations allow a pod to receive and send. */
#include "kubelet/container_config.h"

#include "pod_view_rig.h"

#define POD(spec, notes) "{'metadata':{'annotations':{" notes "}},'spec':{" spec "}}"
#define IN(rate)         "'kubernetes.io/ingress-bandwidth':'" rate "'"
#define OUT(rate)        "'kubernetes.io/egress-bandwidth':'" rate "'"

static void expect(const char *text, int64_t ingress, int64_t egress, const char *fault)
{
	_cleanup_(arena_done) struct arena a;
	_cleanup_(err_done) struct err err = {0};
	struct runtime_bandwidth b;

	arena_init(&a);
	test_context("%s", text);
	EXPECT_INT(pod_bandwidth(rig_json(&a, text), &b, &err) != 0, fault != NULL);
	if (fault)
		EXPECT(str_find(str_from(err_text(&err)), str_from(fault)) >= 0);
	else
		EXPECT(b.ingress == ingress && b.egress == egress);
	test_context_end();
}

TEST(rates_are_quantities_of_bits)
{
	expect("{}", 0, 0, NULL);
	expect(POD("", IN("1M")), 1000000, 0, NULL);
	expect(POD("", OUT("10Mi")), 0, 10485760, NULL);
	expect(POD("", IN("1k") "," OUT("1P")), 1000, 1000000000000000, NULL);
}

TEST(what_makes_no_sense_makes_no_sandbox)
{
	expect(POD("", IN("fast")), 0, 0, "failed to get bandwidth info from annotations: ");
	expect(POD("", IN("999")), 0, 0, "resource is unreasonably small (< 1kbit)");
	expect(POD("", OUT("2P")), 0, 0, "resource is unreasonably large (> 1Pbit)");
}

TEST(the_nodes_network_is_not_limited)
{
	expect(POD("'hostNetwork':true", IN("fast")), 0, 0, NULL);
}
