/*
 * A pod's whole life with each call of the runtime failing once, each request to the API failing
 * once, and the kubelet ending at every moment of it: it runs all the same, and leaves nothing.
 */
#include "kubelet_rig.h"

static const struct fake_program programs[] = {
	{.name = "app", .ends = 100 * MSEC, .pull = 5 * MSEC},
	{.name = "once", .here = true, .runs = 20 * MSEC},
};
static struct fake_program fresh[ARRAY_LEN(programs)];

static void open_rig(struct kubelet_rig *r)
{
	memcpy(fresh, programs, sizeof(fresh));
	kubelet_rig_open(r, fresh, ARRAY_LEN(fresh));
	EXPECT_INT(rig_ask(r, CLIENT_CREATE, "configmaps", NULL, NULL,
			   "{'metadata':{'name':'cm'},'data':{'k':'v'}}", NULL),
		0);
}

static void make_pod(struct kubelet_rig *r)
{
	rig_pod(r, "p",
		"'terminationGracePeriodSeconds':1,'volumes':[{'name':'v','configMap':{'name':"
		"'cm'}}],'initContainers':[{'name':'i','image':'once'}],'containers':[{'name':"
		"'app','image':'app','env':[{'name':'X','valueFrom':{'configMapKeyRef':{'name':"
		"'cm','key':'k'}}}],'volumeMounts':[{'name':'v','mountPath':'/v'}],"
		"'lifecycle':{'postStart':{'exec':{'command':['a']}},'preStop':{'exec':{"
		"'command':['b']}}},'readinessProbe':{'exec':{'command':['c']},'periodSeconds':1}"
		"}]");
}

static void expect_running(struct kubelet_rig *r)
{
	EXPECT_STR(rig_status(r, "p", "phase"), "Running");
	EXPECT(rig_condition(r, "p", "Ready"));
	EXPECT_INT(fake_runtime_running(&r->runtime), 1);
}

static void expect_nothing(struct kubelet_rig *r)
{
	char command[160];

	EXPECT_STR(rig_status(r, "p", "phase"), "(gone)");
	EXPECT_INT(r->runtime.container_count, 0);
	EXPECT_INT(r->runtime.sandbox_count, 0);
	snprintf(command, sizeof(command), "[ -z \"$(find %s -type f)\" ]", r->root);
	EXPECT_INT(system(command), 0);
}

TEST(each_call_of_the_runtime_may_fail_once)
{
	bool hit = true;
	int k;

	for (k = 1; hit && k < 100 && !test_failed(); k++) {
		struct kubelet_rig r;

		test_context("call %d", k);
		open_rig(&r);
		r.runtime.fail_at = k;
		r.runtime.fail_code = ERR_IO;
		make_pod(&r);
		/* No longer than needed: every probe is a call, too. */
		for (int s = 0; s < 60 && !rig_condition(&r, "p", "Ready"); s++)
			rig_pass(&r, SEC);
		expect_running(&r);
		rig_delete(&r, "p", -1);
		rig_pass(&r, MINUTE);
		expect_nothing(&r);
		hit = r.runtime.fail_at == 0;
		r.runtime.fail_at = 0;
		kubelet_rig_close(&r);
	}
	EXPECT(k > 10 && k < 100);
	test_context_end();
}

TEST(each_request_to_the_api_may_fail_once)
{
	bool hit = true;
	int k;

	for (k = 1; hit && k < 200 && !test_failed(); k++) {
		struct kubelet_rig r;

		test_context("request %d", k);
		open_rig(&r);
		kubelet_rig_stop(&r);
		r.refuse_at = k;
		kubelet_rig_start(&r);
		make_pod(&r);
		rig_pass(&r, 20 * SEC);
		expect_running(&r);
		rig_delete(&r, "p", -1);
		rig_pass(&r, 20 * SEC);
		expect_nothing(&r);
		hit = r.refuse_at == 0;
		r.refuse_at = 0;
		kubelet_rig_close(&r);
	}
	EXPECT(k > 10 && k < 200);
	test_context_end();
}

TEST(the_kubelet_may_end_at_every_moment)
{
	for (int ms = 0; ms < 60 && !test_failed(); ms++) {
		struct kubelet_rig r;

		test_context("after %d ms", ms);
		open_rig(&r);
		make_pod(&r);
		rig_pass(&r, ms * MSEC);
		kubelet_rig_stop(&r);
		rig_pass(&r, 100 * MSEC);
		kubelet_rig_start(&r);
		rig_pass(&r, 20 * SEC);
		expect_running(&r);
		rig_delete(&r, "p", -1);
		rig_pass(&r, ms * 5 * MSEC);
		kubelet_rig_stop(&r);
		kubelet_rig_start(&r);
		rig_pass(&r, 20 * SEC);
		expect_nothing(&r);
		kubelet_rig_close(&r);
	}
	test_context_end();
}
