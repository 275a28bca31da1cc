#include "pod_view_rig.h"

#include "kubelet/static_pods.h"

static struct cJSON *make(struct arena *a, const char *text, int code)
{
	struct cJSON *tree = rig_json(a, text);
	_cleanup_(err_done) struct err err = {0};

	EXPECT_INT(static_pod_make(a, STR("n1"), STR("/m/web.yaml"), tree, RIG_NOW, &err), code);
	return tree;
}

#define POD(image)                                                                                 \
	"{'apiVersion':'v1','kind':'Pod','metadata':{'name':'web'},'spec':{'containers':[{'name'"  \
	":'c','image':'" image "'}]}}"

TEST(a_manifest_becomes_a_pod_of_this_node)
{
	struct arena a;

	arena_init(&a);
	struct cJSON *pod = make(&a, POD("i"), 0);
	EXPECT_STR(tree_str(pod, "metadata.name"), "web-n1");
	EXPECT_STR(tree_str(pod, "metadata.namespace"), "default");
	EXPECT_STR(tree_str(pod, "spec.nodeName"), "n1");
	EXPECT_STR(tree_str(pod, "spec.restartPolicy"), "Always");
	EXPECT_STR(tree_str(pod, "spec.tolerations.0.effect"), "NoExecute");
	EXPECT_INT(tree_int(pod, "spec.terminationGracePeriodSeconds", 0), 30);
	EXPECT_STR(tree_str(pod, "status.qosClass"), "BestEffort");
	EXPECT(pod_is_static(pod) && !pod_is_mirror(pod));
	EXPECT_INT(static_pod_hash(pod).len, 32);
	EXPECT(str_eq(tree_str(pod, "metadata.uid"), static_pod_hash(pod)));
	/* The same again is the same; another image is another pod. */
	EXPECT(str_eq(static_pod_hash(make(&a, POD("i"), 0)), static_pod_hash(pod)));
	EXPECT(!str_eq(static_pod_hash(make(&a, POD("j"), 0)), static_pod_hash(pod)));
	arena_done(&a);
}

TEST(its_mirror_belongs_to_the_node)
{
	struct arena a;

	arena_init(&a);
	struct cJSON *pod = make(&a, POD("i"), 0);
	struct cJSON *mirror =
		mirror_make(&a, pod, rig_json(&a, "{'metadata':{'name':'n1','uid':'node-uid'}}"));
	EXPECT(pod_is_mirror(mirror));
	EXPECT(!tree_has(mirror, "metadata.uid"));
	EXPECT_STR(tree_str(mirror, "metadata.ownerReferences.0.uid"), "node-uid");
	EXPECT(str_eq(static_pod_hash(mirror), static_pod_hash(pod)));
	arena_done(&a);
}

TEST(what_is_no_pod_is_refused)
{
	static const char *const rows[] = {"{}", "{'apiVersion':'v1','kind':'Service'}", "[]",
		"{'apiVersion':'v1','kind':'Pod','metadata':{'name':'A/b'},'spec':{'containers':[{"
		"'name':'c','image':'i'}]}}",
		"{'apiVersion':'v1','kind':'Pod','metadata':{'name':'a'}}",
		"{'apiVersion':'v1','kind':'Pod','metadata':{'name':'a'},'spec':{'containers':[{}]}"
		"}"};
	struct arena a;

	arena_init(&a);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		make(&a, rows[i], ERR_INVALID);
	arena_done(&a);
}
