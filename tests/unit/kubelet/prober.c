#include "pod_view_rig.h"

#include "kubelet/container_files.h"
#include "kubelet/environment.h"
#include "kubelet/probe.h"
#include "kubelet/prober.h"

TEST(a_verdict_takes_as_many_answers_as_the_probe_says)
{
	struct prober_count count = {0};
	struct arena a;

	arena_init(&a);
	const struct cJSON *spec = rig_json(&a, "{'failureThreshold':2,'successThreshold':3}");
	EXPECT_INT(prober_take(&count, spec, false), VERDICT_NONE);
	EXPECT_INT(prober_take(&count, spec, true), VERDICT_NONE);
	EXPECT_INT(prober_take(&count, spec, false), VERDICT_NONE);
	EXPECT_INT(prober_take(&count, spec, false), VERDICT_FAILURE);
	EXPECT_INT(prober_take(&count, spec, true), VERDICT_NONE);
	EXPECT_INT(prober_take(&count, spec, true), VERDICT_NONE);
	EXPECT_INT(prober_take(&count, spec, true), VERDICT_SUCCESS);
	arena_done(&a);
}

TEST(probes_keep_their_rhythm)
{
	struct arena a;

	arena_init(&a);
	const struct cJSON *spec = rig_json(&a, "{'initialDelaySeconds':5,'periodSeconds':3}");
	EXPECT_INT(prober_due(spec, 100 * SEC, 0, 101 * SEC), 105 * SEC);
	EXPECT_INT(prober_due(spec, 100 * SEC, 0, 200 * SEC), 200 * SEC);
	EXPECT_INT(prober_due(spec, 100 * SEC, 105 * SEC, 106 * SEC), 108 * SEC);
	/* One that took longer than the period is followed at once. */
	EXPECT_INT(prober_due(spec, 100 * SEC, 105 * SEC, 110 * SEC), 110 * SEC);
	arena_done(&a);
}

TEST(ports_are_numbers_or_names)
{
	struct arena a;
	uint16_t port = 0;
	_cleanup_(err_done) struct err err = {0};

	arena_init(&a);
	const struct cJSON *container =
		rig_json(&a, "{'ports':[{'name':'web','containerPort':8080}]}");
	EXPECT_INT(probe_port(json_new_str(&a, STR("web")), container, &port, &err), 0);
	EXPECT_INT(port, 8080);
	EXPECT_INT(probe_port(json_new_int(&a, 9), container, &port, &err), 0);
	EXPECT_INT(port, 9);
	EXPECT_INT(probe_port(json_new_str(&a, STR("81")), container, &port, &err), 0);
	EXPECT_INT(port, 81);
	EXPECT_INT(probe_port(json_new_int(&a, 70000), container, &port, &err), ERR_INVALID);
	EXPECT_INT(probe_port(json_new_str(&a, STR("no")), container, &port, &err), ERR_INVALID);
	EXPECT_STR(probe_place(&a, STR("fd00::1"), 80), "[fd00::1]:80");
	arena_done(&a);
}

TEST(names_in_parentheses_become_values)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {{"$(A)-$(B)", "one-$(B)"}, {"$$(A)", "$(A)"}, {"$A", "$A"}, {"$(A", "$(A"},
		{"a$", "a$"}, {"$$$(A)", "$one"}, {"", ""}};
	struct arena a;

	arena_init(&a);
	struct environment env = {.arena = &a};
	environment_set(&env, STR("A"), STR("one"));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		EXPECT_STR(expand(&a, str_from(rows[i].text), &env), rows[i].wanted);
	struct str out;
	EXPECT_INT(expand_strictly(&a, STR("$(B)"), &env, &out, NULL), ERR_INVALID);
	arena_done(&a);
}

TEST(a_hosts_file_names_the_pod_unless_the_network_is_the_nodes)
{
	struct arena a;

	arena_init(&a);
	const struct cJSON *pod = rig_json(
		&a, "{'spec':{},'status':{'podIPs':[{'ip':'10.0.0.2'},{'ip':'fd00::2'}]}}");
	EXPECT(str_ends(hosts_text(&a, pod, STR("web"), STR("")),
		STR("fe00::2\tip6-allrouters\n10.0.0.2\tweb\nfd00::2\tweb\n")));
	EXPECT(str_ends(hosts_text(&a, pod, STR("web"), STR("s.n")),
		STR("\n10.0.0.2\tweb.s.n\tweb\nfd00::2\tweb.s.n\tweb\n")));
	pod = rig_json(&a,
		"{'spec':{'hostNetwork':true,'hostAliases':[{'ip':'1.1.1.1','hostnames':['x']}]}}");
	EXPECT_STR(hosts_text(&a, pod, STR("node"), STR("")),
		"\n# Entries added by HostAliases.\n1.1.1.1\tx\n");
	arena_done(&a);
}
