/* Plugins that wait while a pod is made: an image policy over real TLS, a namespace made first. */
#include "api_rig.h"
#include "loop_torture.h"
#include "webhook_rig.h"

#include <kube/api_codec.h>

static struct {
	struct api_rig api;
	struct webhook_rig hook;
	bool breaks;
} rig;

static void answer(struct webhook_asked *a, void *ctx)
{
	(void)ctx;
	a->breaks = rig.breaks;
	a->answer = STR("{\"kind\":\"ImageReview\",\"apiVersion\":\"imagepolicy.k8s.io/v1alpha1\","
			"\"status\":{\"allowed\":true}}");
}

static bool rig_open(void)
{
	char path[128], flags[256];
	FILE *f;

	memset(&rig, 0, sizeof(rig));
	if (!api_rig_prepare(&rig.api))
		return false;
	webhook_rig_open(&rig.hook, rig.api.t.env, rig.api.t.root, NULL, answer, NULL);
	webhook_rig_write(&rig.hook, rig.api.dir, "/images");
	snprintf(path, sizeof(path), "%s/admission", rig.api.dir);
	f = fopen(path, "we");
	fprintf(f,
		"imagePolicy: {kubeConfigFile: %s/hook.kubeconfig, retryBackoff: 1, allowTTL: -1, "
		"denyTTL: -1}\n",
		rig.api.dir);
	fclose(f);
	snprintf(flags, sizeof(flags),
		"--enable-admission-plugins=ImagePolicyWebhook,NamespaceAutoProvision "
		"--disable-admission-plugins=ServiceAccount "
		"--admission-control-config-file=%s",
		path);
	return api_rig_start(&rig.api, API_RIG_LOCAL, flags);
}

static void rig_close(void)
{
	webhook_rig_end(&rig.hook, &rig.api.t);
	api_rig_close(&rig.api);
}

static int create_pod(const char *namespace, const char *name)
{
	struct client_request q;
	int code;

	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("pods")),
		str_from(namespace), STR(""));
	q.body = api_rig_json(&q.arena,
		arena_print(&q.arena,
			"{\"metadata\":{\"name\":\"%s\"},\"spec\":{\"containers\":[{\"name\":\"c\","
			"\"image\":\"i\"}]}}",
			name)
			.at);
	code = api_rig_send(&rig.api, &q);
	client_request_done(&q);
	return code;
}

TEST(a_pod_waits_for_its_namespace_and_its_image)
{
	if (!rig_open())
		return;
	EXPECT_INT(create_pod("new", "p"), 0);
	EXPECT_INT(rig.hook.asked, 1);
	rig.breaks = true;
	EXPECT_INT(create_pod("new", "q"), ERR_FORBIDDEN);
	rig_close();
}

static void create_policy(const char *plural, const char *json)
{
	struct client_request q;

	client_request_init(&q, CLIENT_CREATE,
		resource_find(STR("admissionregistration.k8s.io"), STR("v1"), str_from(plural)),
		STR(""), STR(""));
	q.body = api_rig_json(&q.arena, json);
	EXPECT_INT(api_rig_send(&rig.api, &q), 0);
	client_request_done(&q);
}

TEST(a_namespace_that_is_made_first_is_seen_by_policies)
{
	struct client_request q;

	if (!rig_open())
		return;
	create_policy("validatingadmissionpolicies",
		"{\"metadata\":{\"name\":\"names\"},\"spec\":{\"matchConstraints\":{"
		"\"resourceRules\":[{"
		"\"apiGroups\":[\"\"],\"apiVersions\":[\"v1\"],\"operations\":[\"CREATE\"],"
		"\"resources\":[\"namespaces\"]}]},\"validations\":[{\"expression\":"
		"\"object.metadata.name != 'bad'\",\"messageExpression\":\"'not as ' + "
		"request.userInfo.username\"}]}}");
	create_policy("validatingadmissionpolicybindings",
		"{\"metadata\":{\"name\":\"names\"},\"spec\":{\"policyName\":\"names\","
		"\"validationActions\":[\"Deny\"]}}");
	EXPECT_INT(create_pod("good", "p"), 0);
	EXPECT_INT(create_pod("bad", "p"), ERR_FORBIDDEN);
	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("pods")),
		STR("bad"), STR(""));
	q.body = api_rig_json(&q.arena, "{\"metadata\":{\"name\":\"p\"},\"spec\":{\"containers\":[{"
					"\"name\":\"c\",\"image\":"
					"\"i\"}]}}");
	api_rig_send(&rig.api, &q);
	EXPECT_STR(q.status ? q.status->message : STR(""),
		"pods \"p\" is forbidden: namespaces \"bad\" is forbidden: "
		"ValidatingAdmissionPolicy 'names' with binding 'names' denied request: not as "
		"system:apiserver");
	client_request_done(&q);
	rig_close();
}

static const char *namespace_of(const int *number)
{
	static char name[32];

	snprintf(name, sizeof(name), "n-%d", *number);
	return name;
}

static void make_one(void *ctx)
{
	int *number = ctx;

	++*number;
	create_pod(namespace_of(number), "p");
}

static void another_is_made(void *ctx)
{
	EXPECT_INT(create_pod(namespace_of(ctx), "q"), 0);
}

TEST(waiting_for_them_may_fail_anywhere)
{
	int number = 0;

	if (!rig_open())
		return;
	loop_torture_on(rig.api.t.loop, make_one, another_is_made, &number);
	rig_close();
}
