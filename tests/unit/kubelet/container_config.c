/* What a container is told to be, as the node's configuration has it. */
#include "kubelet/container_config.h"

#include "pod_view_rig.h"

struct made {
	struct arena a;
	struct kubelet_configuration c;
	struct container_config config;
};

static void make(struct made *m, const char *configuration, const char *container)
{
	struct err err = {0};

	arena_init(&m->a);
	EXPECT_OK(kubelet_configuration_read(&m->a,
			  arena_print(&m->a,
				  "apiVersion: kubelet.config.k8s.io/v1beta1\n"
				  "kind: KubeletConfiguration\n%s",
				  configuration),
			  &m->c, &err),
		&err);
	struct cJSON *pod = rig_json(&m->a, "{'metadata':{'name':'p','namespace':'n','uid':'u'}}");
	tree_set(&m->a, pod, "spec.containers",
		rig_json(&m->a, arena_print(&m->a, "[%s]", container).at));
	const struct image image = {.id = STR("sha256:1")};
	const struct node_facts node = {0};
	struct environment env = {.arena = &m->a};
	const struct container_input in = {.pod = pod,
		.container = json_first(json_path(pod, "spec.containers")),
		.image = &image,
		.env = &env,
		.node = &node,
		.configuration = &m->c};
	EXPECT_OK(container_config_make(&m->a, &in, &m->config, &err), &err);
}

TEST(who_says_nothing_of_seccomp_has_what_the_node_says)
{
	static const struct {
		const char *configuration, *said;
		int kind;
	} rows[] = {
		{"", "", SECCOMP_DEFAULT},
		{"seccompDefault: true", "", SECCOMP_DEFAULT},
		{"seccompDefault: false", "", SECCOMP_UNCONFINED},
		{"seccompDefault: false", "'seccompProfile':{'type':'RuntimeDefault'}",
			SECCOMP_DEFAULT},
		{"seccompDefault: true", "'seccompProfile':{'type':'Unconfined'}",
			SECCOMP_UNCONFINED},
		{"seccompDefault: true", "'privileged':true", SECCOMP_UNCONFINED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char container[160];
		struct made m;

		test_context("%s, %s", rows[i].configuration, rows[i].said);
		snprintf(container, sizeof(container), "{'name':'c','securityContext':{%s}}",
			rows[i].said);
		make(&m, rows[i].configuration, container);
		EXPECT_INT(m.config.security.seccomp.kind, rows[i].kind);
		arena_done(&m.a);
	}
	test_context_end();
}

TEST(limits_of_processors_have_the_nodes_period_or_are_not_kept)
{
	static const struct {
		const char *configuration;
		int64_t period, quota, whole;
	} rows[] = {
		{"", 100000, 50000, 50000},
		{"cpuCFSQuotaPeriod: 10ms", 10000, 5000, 5000},
		{"cpuCFSQuotaPeriod: 1ms", 1000, 1000, 1000}, /* the kernel's least */
		{"cpuCFSQuota: false", 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct container_limits whole;
		struct made m;

		test_context("%s", rows[i].configuration);
		make(&m, rows[i].configuration,
			"{'name':'c','resources':{'requests':{'cpu':'250m'},"
			"'limits':{'cpu':'500m'}}}");
		EXPECT_INT(m.config.limits.cpu_period, rows[i].period);
		EXPECT_INT(m.config.limits.cpu_quota, rows[i].quota);
		EXPECT_INT(m.config.limits.cpu_shares, 256);
		pod_limits(&m.c,
			rig_json(&m.a, "{'spec':{'containers':[{'name':'c','resources':{'limits':"
				       "{'cpu':'500m'}}}]}}"),
			&whole);
		EXPECT_INT(whole.cpu_quota, rows[i].whole);
		arena_done(&m.a);
	}
	test_context_end();
}

TEST(what_a_pod_is_limited_to_as_a_whole_holds_for_its_group)
{
	struct container_limits whole;
	struct made m;

	make(&m, "", "{'name':'c'}");
	pod_limits(&m.c,
		rig_json(&m.a, "{'spec':{'resources':{'requests':{'cpu':'500m'},'limits':{"
			       "'cpu':'1','memory':'64Mi'}},'containers':[{'name':'c'}]}}"),
		&whole);
	EXPECT_INT(whole.cpu_quota, 100000);
	EXPECT_INT(whole.cpu_shares, 512);
	EXPECT_INT(whole.memory, 64 * MIB);
	arena_done(&m.a);
}
