#include "test.h"

#include <kube/api_codec.h>
#include <kube/kubelet_configuration.h>
#include <kube/time.h>

#include <stdio.h>

#define HEAD "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"

struct rig {
	struct arena a;
	struct kubelet_configuration c;
	struct err err;
};

static int read(struct rig *r, const char *text)
{
	arena_init(&r->a);
	r->err = (struct err){0};
	return kubelet_configuration_read(&r->a, str_from(text), &r->c, &r->err);
}

static void done(struct rig *r)
{
	err_done(&r->err);
	arena_done(&r->a);
}

static void expect_fault(const char *text, const char *fault)
{
	struct rig r;

	EXPECT(read(&r, text) != 0);
	EXPECT_STR(str_from(err_text(&r.err)), fault);
	done(&r);
}

static const struct eviction_threshold *threshold(
	const struct kubelet_configuration *c, enum eviction_signal signal, bool soft)
{
	for (size_t i = 0; i < c->threshold_count; i++)
		if (c->thresholds[i].signal == signal && (c->thresholds[i].grace > 0) == soft)
			return &c->thresholds[i];
	return NULL;
}

TEST(nothing_said_is_upstreams_defaults)
{
	struct rig r;

	EXPECT_INT(read(&r, ""), 0);
	EXPECT_INT(r.c.max_pods, 110);
	EXPECT_INT(r.c.pod_pids_limit, -1);
	EXPECT_INT(r.c.log_max_size, 10 * (int64_t)MIB);
	EXPECT_INT(r.c.log_max_files, 5);
	EXPECT_INT(r.c.status_update, 10 * SEC);
	EXPECT_INT(r.c.pressure_transition, 5 * MINUTE);
	EXPECT_INT(r.c.image_high, 85);
	EXPECT(r.c.register_node);
	EXPECT_INT(r.c.threshold_count, 5);
	EXPECT_INT(threshold(&r.c, SIGNAL_MEMORY, false)->amount.quantity, 100 * (int64_t)MIB);
	EXPECT(threshold(&r.c, SIGNAL_NODEFS, false)->amount.share == 0.1);
	EXPECT(!threshold(&r.c, SIGNAL_PIDS, false));
	EXPECT_STR(tree_str(r.c.tree, "evictionPressureTransitionPeriod"), "5m0s");
	EXPECT_INT(tree_int(r.c.tree, "maxPods", 0), 110);
	done(&r);
}

TEST(what_a_file_says_counts)
{
	struct rig r;

	EXPECT_INT(read(&r, HEAD "maxPods: 30\n"
				 "clusterDNS: [10.1.0.10]\n"
				 "containerLogMaxSize: 1Mi\n"
				 "nodeStatusUpdateFrequency: 90s\n"
				 "registerWithTaints: [{key: a, value: b, effect: NoSchedule}]\n"
				 "cgroupDriver: systemd\n"),
		0);
	EXPECT_INT(r.c.max_pods, 30);
	EXPECT_INT(r.c.cluster_dns_count, 1);
	EXPECT_STR(r.c.cluster_dns[0], "10.1.0.10");
	EXPECT_INT(r.c.log_max_size, MIB);
	EXPECT_INT(r.c.status_update, 90 * SEC);
	EXPECT_STR(tree_str(r.c.tree, "nodeStatusUpdateFrequency"), "1m30s");
	EXPECT_STR(r.c.taints[0], "a=b:NoSchedule");
	EXPECT_INT(r.c.idle_count, 1);
	EXPECT_STR(r.c.idle[0], "cgroupDriver");
	done(&r);
}

TEST(what_is_said_in_vain_is_told_unless_it_changes_nothing)
{
	static const struct {
		const char *text, *told; /* "": nothing */
	} rows[] = {
		{"cgroupDriver: cgroupfs", ""},
		{"cgroupDriver: systemd", "cgroupDriver"},
		{"syncFrequency: 60s", ""},
		{"syncFrequency: 61s", "syncFrequency"},
		{"kubeAPIQPS: 50", ""},
		{"kubeAPIQPS: 51", "kubeAPIQPS"},
		{"staticPodURL: ''", ""},
		{"featureGates: {}", ""},
		{"featureGates: {A: true}", "featureGates"},
		{"enforceNodeAllocatable: [pods]", ""},
		{"enforceNodeAllocatable: [pods, system-reserved]", "enforceNodeAllocatable"},
		{"logging: {format: text}", ""},
		{"logging: {format: json}", "logging"},
		{"logging: {vmodule: [{}]}", "logging"},
		{"memoryManagerPolicy: null", ""},
		{"maxPods: 3", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[200];
		struct rig r;

		snprintf(text, sizeof(text), "%s%s\n", HEAD, rows[i].text);
		test_context("%s", rows[i].text);
		EXPECT_INT(read(&r, text), 0);
		EXPECT_INT(r.c.idle_count, rows[i].told[0] != 0);
		if (r.c.idle_count)
			EXPECT_STR(r.c.idle[0], rows[i].told);
		done(&r);
	}
	test_context_end();
}

TEST(what_fails_waits_no_longer_than_is_said)
{
	struct rig r;

	EXPECT_INT(read(&r, ""), 0);
	EXPECT_INT(r.c.restart_most, 300 * SEC);
	EXPECT_STR(json_str(json_path(r.c.tree, "crashLoopBackOff.maxContainerRestartPeriod")),
		"5m0s");
	done(&r);
	EXPECT_INT(read(&r, HEAD "crashLoopBackOff: {maxContainerRestartPeriod: 1s}\n"), 0);
	EXPECT_INT(r.c.restart_most, SEC);
	done(&r);
	expect_fault(HEAD "crashLoopBackOff: {maxContainerRestartPeriod: 900ms}\n",
		"invalid configuration: CrashLoopBackOff.MaxContainerRestartPeriod (got: 0.9 "
		"seconds) must be set between 1s and 300s");
	expect_fault(HEAD "crashLoopBackOff: {maxContainerRestartPeriod: 301s}\n",
		"invalid configuration: CrashLoopBackOff.MaxContainerRestartPeriod (got: 301 "
		"seconds) must be set between 1s and 300s");
}

TEST(images_are_looked_after_as_is_said)
{
	static const struct {
		const char *text;
		enum image_check check;
	} rows[] = {
		{"", IMAGES_PRELOADED_ARE},
		{"imagePullCredentialsVerificationPolicy: NeverVerify\n", IMAGES_ARE_EVERYBODYS},
		{"imagePullCredentialsVerificationPolicy: AlwaysVerify\n", IMAGES_ARE_ASKED_FOR},
		{"imagePullCredentialsVerificationPolicy: NeverVerifyAllowlistedImages\n"
		 "preloadedImagesVerificationAllowlist: [a.example/x]\n",
			IMAGES_LISTED_ARE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[300];
		struct rig r;

		snprintf(text, sizeof(text), "%s%s", HEAD, rows[i].text);
		EXPECT_INT(read(&r, text), 0);
		EXPECT_INT(r.c.image_check, rows[i].check);
		EXPECT_INT(r.c.trusted_image_count, rows[i].check == IMAGES_LISTED_ARE);
		done(&r);
	}
}

TEST(who_may_ask_the_node_is_said)
{
	struct rig r;

	EXPECT_INT(read(&r, ""), 0);
	EXPECT(!r.c.callers.may_all && !r.c.callers.anonymous && !r.c.callers.no_tokens);
	EXPECT_INT(r.c.callers.token_kept, 2 * MINUTE);
	EXPECT_INT(r.c.callers.allowed_kept, 5 * MINUTE);
	EXPECT_INT(r.c.callers.denied_kept, 30 * SEC);
	EXPECT_INT(r.c.health_port, 10248);
	EXPECT_INT(r.c.read_only_port, 0);
	EXPECT(ip_is_loopback(&r.c.health_address));
	EXPECT(tree_true(r.c.tree, "authentication.webhook.enabled"));
	done(&r);
	EXPECT_INT(read(&r, HEAD "authentication: {anonymous: {enabled: true}, "
				 "webhook: {enabled: false, cacheTTL: 0s}}\n"
				 "authorization: {webhook: {cacheUnauthorizedTTL: 1s}}\n"),
		0);
	EXPECT(r.c.callers.anonymous && r.c.callers.no_tokens);
	EXPECT_INT(r.c.callers.token_kept, 2 * MINUTE);
	EXPECT_INT(r.c.callers.denied_kept, SEC);
	done(&r);
	expect_fault(HEAD "healthzPort: 65536\n",
		"invalid configuration: healthzPort (--healthz-port) must be between 1 and 65535, "
		"inclusive");
	expect_fault(HEAD "healthzBindAddress: here\n",
		"invalid configuration: healthzBindAddress: \"here\" is no address");
}

TEST(what_would_be_less_safe_than_it_was_asked_for_is_refused)
{
	expect_fault(HEAD "memorySwap: {swapBehavior: LimitedSwap}\n",
		"invalid configuration: memorySwap.swapBehavior: \"LimitedSwap\" is not "
		"supported: only NoSwap is");
	expect_fault(HEAD "memorySwap: {swapBehavior: Some}\n",
		"invalid configuration: memorySwap.swapBehavior \"Some\" must be one of: \"\", "
		"\"LimitedSwap\" or \"NoSwap\"");
	expect_fault(HEAD "imagePullCredentialsVerificationPolicy: Sometimes\n",
		"invalid configuration: option \"Sometimes\" specified for "
		"imagePullCredentialsVerificationPolicy is not supported");
	expect_fault(HEAD "preloadedImagesVerificationAllowlist: [a]\n",
		"invalid configuration: can't set preloadedImagesVerificationAllowlist if "
		"imagePullCredentialsVerificationPolicy is not \"NeverVerifyAllowlistedImages\"");
	expect_fault(HEAD "authorization: {mode: None}\n", "unknown authorization mode None");
	expect_fault(
		HEAD "address: here\n", "invalid configuration: address: \"here\" is no address");
	expect_fault(HEAD "oomScoreAdj: 1001\n",
		"invalid configuration: oomScoreAdj (--oom-score-adj) must be between -1000 and "
		"1000, inclusive");
	expect_fault(HEAD "runOnce: true\n",
		"invalid configuration: runOnce (--runOnce) true, Runonce mode has been deprecated "
		"and should not be set");
	expect_fault(HEAD "cpuCFSQuotaPeriod: 2s\n",
		"invalid configuration: cpuCFSQuotaPeriod (--cpu-cfs-quota-period) must be between "
		"1ms and 1sec, inclusive");
	expect_fault(HEAD "podLogsDir: logs\n",
		"invalid configuration: podLogsDir \"logs\" must be an absolute path");
}

TEST(one_hard_threshold_replaces_them_all_unless_they_are_merged)
{
	struct rig r;

	EXPECT_INT(read(&r, HEAD "evictionHard: {memory.available: 5%}\n"), 0);
	EXPECT_INT(r.c.threshold_count, 1);
	EXPECT(threshold(&r.c, SIGNAL_MEMORY, false)->amount.share == 0.05);
	done(&r);
	EXPECT_INT(read(&r, HEAD "evictionHard: {memory.available: 5%, imagefs.available: 0%}\n"
				 "mergeDefaultEvictionSettings: true\n"),
		0);
	EXPECT_INT(r.c.threshold_count, 4);
	EXPECT(!threshold(&r.c, SIGNAL_IMAGEFS, false));
	done(&r);
}

TEST(soft_thresholds_have_a_grace_and_all_may_reclaim_more)
{
	struct rig r;

	EXPECT_INT(read(&r, HEAD "evictionSoft: {memory.available: 1Gi}\n"
				 "evictionSoftGracePeriod: {memory.available: 1m30s}\n"
				 "evictionMinimumReclaim: {memory.available: 500Mi}\n"),
		0);
	EXPECT_INT(threshold(&r.c, SIGNAL_MEMORY, true)->grace, 90 * SEC);
	EXPECT_INT(threshold(&r.c, SIGNAL_MEMORY, true)->amount.quantity, 1024 * (int64_t)MIB);
	EXPECT_INT(threshold(&r.c, SIGNAL_MEMORY, false)->reclaim.quantity, 500 * (int64_t)MIB);
	done(&r);
	expect_fault(HEAD "evictionSoft: {memory.available: 1Gi}\n",
		"grace period must be specified for the soft eviction threshold memory.available");
}

TEST(what_nobody_knows_is_refused)
{
	expect_fault(HEAD "maxPod: 3\nfoo: 1\n",
		"strict decoding error: unknown field \"maxPod\", unknown field \"foo\"");
	expect_fault(HEAD "maxPods: 3\nmaxPods: 4\n",
		"strict decoding error: duplicate field \"maxPods\"");
	expect_fault(HEAD "maxPods: many\n", "json: cannot unmarshal string into Go struct field "
					     "KubeletConfiguration.maxPods of type int32");
	expect_fault(HEAD "evictionHard: {disk: 1Gi}\n", "unsupported eviction signal disk");
	expect_fault("apiVersion: v1\nkind: Pod\n",
		"no kind \"Pod\" is registered for version \"v1\": wanted is KubeletConfiguration "
		"in kubelet.config.k8s.io/v1beta1");
}

TEST(what_makes_no_sense_is_refused)
{
	expect_fault(HEAD "maxPods: -1\n", "invalid configuration: maxPods (--max-pods) must not "
					   "be a negative number");
	expect_fault(HEAD "imageGCLowThresholdPercent: 90\n",
		"invalid configuration: imageGCLowThresholdPercent (--image-gc-low-threshold) must "
		"be less than imageGCHighThresholdPercent (--image-gc-high-threshold)");
	expect_fault(HEAD "systemReserved: {cpu: some}\n",
		"invalid configuration: systemReserved: \"cpu\" is no amount");
}

TEST(pulls_wait_for_one_another_unless_several_are_allowed)
{
	static const struct {
		const char *text;
		bool serial;
		int64_t most;
	} cases[] = {
		{"", true, 0},
		{HEAD "maxParallelImagePulls: 1\n", true, 1},
		{HEAD "maxParallelImagePulls: 3\n", false, 3},
		{HEAD "serializeImagePulls: false\n", false, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rig r;

		EXPECT_INT(read(&r, cases[i].text), 0);
		EXPECT(r.c.serialize_pulls == cases[i].serial);
		EXPECT_INT(r.c.parallel_pulls, cases[i].most);
		EXPECT(json_bool(json_get(r.c.tree, STR("serializeImagePulls"))) ==
			cases[i].serial);
		done(&r);
	}
	expect_fault(HEAD "maxParallelImagePulls: 0\n",
		"invalid configuration: maxParallelImagePulls must be a positive number");
	expect_fault(HEAD "maxParallelImagePulls: 2\nserializeImagePulls: true\n",
		"invalid configuration: maxParallelImagePulls cannot be larger than 1 unless "
		"SerializeImagePulls (--serialize-image-pulls) is set to false");
}

TEST(the_machines_end_leaves_time_to_pods)
{
	struct rig r;

	EXPECT_INT(read(&r, HEAD "shutdownGracePeriod: 0s\n"), 0);
	EXPECT_STR(tree_str(r.c.tree, "shutdownGracePeriodCriticalPods"), "0s");
	EXPECT_INT(r.c.shutdown_group_count, 0);
	done(&r);
	EXPECT_INT(read(&r, HEAD "shutdownGracePeriod: 30s\n"
				 "shutdownGracePeriodCriticalPods: 10s\n"),
		0);
	EXPECT_INT(r.c.shutdown_group_count, 2);
	EXPECT_INT(r.c.shutdown_groups[0].priority, 0);
	EXPECT_INT(r.c.shutdown_groups[0].grace, 20 * SEC);
	EXPECT_INT(r.c.shutdown_groups[1].priority, 2000000000);
	EXPECT_INT(r.c.shutdown_groups[1].grace, 10 * SEC);
	done(&r);
	EXPECT_INT(read(&r, HEAD "shutdownGracePeriodByPodPriority: [{priority: 100, "
				 "shutdownGracePeriodSeconds: 10}, {priority: -5, "
				 "shutdownGracePeriodSeconds: 20}]\n"),
		0);
	EXPECT_INT(r.c.shutdown_groups[0].priority, -5);
	EXPECT_INT(r.c.shutdown_groups[1].grace, 10 * SEC);
	done(&r);
	expect_fault(HEAD "shutdownGracePeriod: 500ms\n",
		"invalid configuration: shutdownGracePeriod {500ms} must be either zero or "
		"otherwise >= 1 sec");
	expect_fault(HEAD "shutdownGracePeriod: 10s\nshutdownGracePeriodCriticalPods: 20s\n",
		"invalid configuration: shutdownGracePeriodCriticalPods {20s} must be <= "
		"shutdownGracePeriod {10s}");
	expect_fault(HEAD "shutdownGracePeriod: 10s\nshutdownGracePeriodByPodPriority: "
			  "[{priority: 0, shutdownGracePeriodSeconds: 10}]\n",
		"invalid configuration: Cannot specify both shutdownGracePeriodByPodPriority and "
		"shutdownGracePeriod at the same time");
}

TEST(pods_get_as_many_users_as_are_said)
{
	struct rig r;

	EXPECT_INT(read(&r, HEAD), 0);
	EXPECT_INT(r.c.users_of_a_pod, 65536);
	done(&r);
	EXPECT_INT(read(&r, HEAD "userNamespaces: {idsPerPod: 131072}\n"), 0);
	EXPECT_INT(r.c.users_of_a_pod, 131072);
	done(&r);
	expect_fault(HEAD "userNamespaces: {idsPerPod: 65537}\n",
		"invalid configuration: userNamespaces.idsPerPod must be a multiple of 65536 and "
		"less than 4294967296");
	expect_fault(HEAD "userNamespaces: {idsPerPod: 4294967296}\n",
		"invalid configuration: userNamespaces.idsPerPod must be a multiple of 65536 and "
		"less than 4294967296");
}

TEST(a_certificate_of_the_cluster_is_asked_for_on_demand)
{
	struct rig r;

	EXPECT_INT(read(&r, HEAD "serverTLSBootstrap: false\n"), 0);
	EXPECT(!r.c.server_tls_bootstrap);
	done(&r);
	EXPECT_INT(read(&r, HEAD "serverTLSBootstrap: true\n"), 0);
	EXPECT(r.c.server_tls_bootstrap);
	done(&r);
}

TEST(unsafe_sysctls_are_named)
{
	struct rig r;

	EXPECT_INT(read(&r, HEAD "allowedUnsafeSysctls: [kernel.msg*, net.core.somaxconn]\n"), 0);
	EXPECT_INT(r.c.unsafe_sysctl_count, 2);
	EXPECT_STR(r.c.unsafe_sysctls[0], "kernel.msg*");
	done(&r);
	expect_fault(HEAD "allowedUnsafeSysctls: [vm.swappiness]\n",
		"the sysctl \"vm.swappiness\" are not known to be namespaced");
}

TEST(a_later_text_replaces_what_an_earlier_one_says)
{
	const struct str texts[] = {STR(HEAD "maxPods: 5\nevictionHard: {pid.available: 5%}\n"),
		STR(HEAD "maxPods: 6\n")};
	struct rig r = {0};

	arena_init(&r.a);
	EXPECT_INT(kubelet_configuration_read_all(&r.a, texts, 2, &r.c, &r.err), 0);
	EXPECT_INT(r.c.max_pods, 6);
	EXPECT_INT(r.c.threshold_count, 1);
	done(&r);
}
