/* Plugins that wait while a pod is made: an image policy over real TLS, a namespace made first. */
#include "api_rig.h"
#include "webhook_rig.h"

#include "apiserver/admission/image_policy.h"
#include "apiserver/admission/settings.h"

static struct {
	struct api_rig api;
	struct webhook_rig hook;
	struct arena arena;
	char dir[64];
	bool breaks;
} rig;

static void answer(struct webhook_asked *a, void *ctx)
{
	(void)ctx;
	a->breaks = rig.breaks;
	a->answer = STR("{\"kind\":\"ImageReview\",\"apiVersion\":\"imagepolicy.k8s.io/v1alpha1\","
			"\"status\":{\"allowed\":true}}");
}

static void write_file(const char *name, const char *format, ...) KUBE_PRINTF(2, 3);
static void write_file(const char *name, const char *format, ...)
{
	char path[128];
	FILE *f;
	va_list args;

	snprintf(path, sizeof(path), "%s/%s", rig.dir, name);
	f = fopen(path, "we");
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	fclose(f);
}

static void write_kubeconfig(const char *url)
{
	write_file("hook",
		"clusters: [{name: c, cluster: {server: '%s', certificate-authority: ca.crt}}]\n"
		"users: [{name: u, user: {token: t}}]\n"
		"contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n",
		url);
}

/* The webhook is there only once the server's loop is: it takes the place of one that never was. */
static void ask_the_hook(void)
{
	struct admission_settings *settings =
		(struct admission_settings *)(uintptr_t)admission_settings(
			rig.api.server->admission);
	struct cJSON *config = NULL;
	_cleanup_(err_done) struct err err = {0};

	webhook_rig_open(&rig.hook, rig.api.t.env, rig.api.t.root, NULL, answer, NULL);
	write_file("ca.crt", "%.*s", STRF(buf_str(&rig.hook.ca)));
	write_kubeconfig(rig.hook.url);
	json_parse(&rig.arena,
		arena_print(&rig.arena,
			"{\"imagePolicy\":{\"kubeConfigFile\":\"%s/hook\",\"retryBackoff\":1,"
			"\"allowTTL\":-1,\"denyTTL\":-1}}",
			rig.dir),
		NULL, &config, NULL);
	image_policy_free(TAKE(settings->image_policy));
	EXPECT_OK(image_policy_new(&settings->image_policy, rig.api.server, config, &err), &err);
}

static bool rig_open(void)
{
	char flags[256];

	memset(&rig, 0, sizeof(rig));
	arena_init(&rig.arena);
	strcpy(rig.dir, "/tmp/kube-images-XXXXXX");
	EXPECT(mkdtemp(rig.dir) != NULL);
	write_file("ca.crt", "%s", "");
	write_kubeconfig("http://127.0.0.1:1");
	write_file("admission", "imagePolicy: {kubeConfigFile: %s/hook}\n", rig.dir);
	snprintf(flags, sizeof(flags),
		"--enable-admission-plugins=ImagePolicyWebhook,NamespaceAutoProvision "
		"--disable-admission-plugins=ServiceAccount "
		"--admission-control-config-file=%s/admission",
		rig.dir);
	if (!api_rig_open_with(&rig.api, API_RIG_LOCAL, flags))
		return false;
	ask_the_hook();
	return true;
}

static void rig_close(void)
{
	struct told told = {0};
	char command[128];

	webhook_rig_stop(&rig.hook, &told);
	loop_test_run_until(&rig.api.t, &told.done);
	told_done(&told);
	webhook_rig_close(&rig.hook);
	api_rig_close(&rig.api);
	arena_done(&rig.arena);
	snprintf(command, sizeof(command), "rm -r %s", rig.dir);
	EXPECT_INT(system(command), 0);
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

TEST(waiting_for_them_may_fail_anywhere)
{
	const int codes[] = {ERR_IO, ERR_CANCELLED};

	if (!rig_open())
		return;
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		bool hit = true;

		for (uint64_t k = 1; hit && !test_failed() && k < 500; k++) {
			char namespace[32];

			test_context("await %llu", (unsigned long long)k);
			snprintf(namespace, sizeof(namespace), "n-%zu-%llu", i,
				(unsigned long long)k);
			loop_torture(rig.api.t.loop, k, codes[i]);
			create_pod(namespace, "p");
			hit = loop_torture_hit(rig.api.t.loop);
			loop_torture(rig.api.t.loop, 0, 0);
			EXPECT_INT(create_pod(namespace, "q"), 0);
		}
		EXPECT(!hit);
	}
	test_context_end();
	rig_close();
}
