#include "static_pods.h"

#include <kube/api_codec.h>
#include <kube/hash.h>
#include <kube/names.h>
#include <kube/pods.h>
#include <kube/strategy.h>
#include <kube/time.h>

#define HASH   "kubernetes.io/config.hash"
#define MIRROR "kubernetes.io/config.mirror"

static void annotate(struct arena *a, struct cJSON *pod, const char *key, struct str value)
{
	if (!json_is(json_path(pod, "metadata.annotations"), JSON_OBJECT))
		tree_set(a, pod, "metadata.annotations", json_new(a, JSON_OBJECT));
	json_set(a, json_path(pod, "metadata.annotations"), str_from(key), json_new_str(a, value));
}

struct str static_pod_hash(const struct cJSON *pod)
{
	return json_str(json_get(json_path(pod, "metadata.annotations"), STR(HASH)));
}

bool pod_is_mirror(const struct cJSON *pod)
{
	return json_get(json_path(pod, "metadata.annotations"), STR(MIRROR)) != NULL;
}

/* Of the node, the file and all that stands in it. */
static struct str hash_of(
	struct arena *a, struct str node, struct str file, const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB), hex = BUF_INIT(64);
	unsigned char digest[32];

	json_print(&text, tree, JSON_SORTED);
	buf_print(&text, "\nhost:%.*s\nfile:%.*s", STRF(node), STRF(file));
	sha256_of(buf_str(&text), digest);
	for (size_t i = 0; i < 16; i++)
		buf_print(&hex, "%02x", digest[i]);
	return arena_str(a, buf_str(&hex));
}

/* Nothing drives it away from its node. */
static void add_toleration(struct arena *a, struct cJSON *pod)
{
	struct cJSON *entry = json_new(a, JSON_OBJECT);

	if (!json_is(json_path(pod, "spec.tolerations"), JSON_ARRAY))
		tree_set(a, pod, "spec.tolerations", json_new(a, JSON_ARRAY));
	tree_set_str(a, entry, "operator", STR("Exists"));
	tree_set_str(a, entry, "effect", STR("NoExecute"));
	json_append(json_path(pod, "spec.tolerations"), entry);
}

static int check(const struct cJSON *tree, struct err *err)
{
	struct name_faults faults = {0};

	if (!str_eq(tree_str(tree, "kind"), STR("Pod")) ||
		!str_eq(tree_str(tree, "apiVersion"), STR("v1")))
		return err_set(err, ERR_INVALID, "it is no Pod of v1");
	name_check_dns_subdomain(tree_str(tree, "metadata.name"), &faults);
	if (faults.count)
		return err_set(err, ERR_INVALID, "metadata.name is no name of a pod");
	if (!json_count(json_path(tree, "spec.containers")))
		return err_set(err, ERR_INVALID, "it has no containers");
	json_each (container, json_path(tree, "spec.containers"))
		if (!tree_str(container, "name").len || !tree_str(container, "image").len)
			return err_set(err, ERR_INVALID, "a container lacks its name or image");
	return 0;
}

int static_pod_make(struct arena *a, struct str node, struct str file, struct cJSON *tree,
	int64_t now, struct err *err)
{
	_cleanup_(buf_done) struct buf seen = BUF_INIT(64);
	int code = check(tree, err);

	if (code)
		return code;
	struct str hash = hash_of(a, node, file, tree);
	struct str name = tree_str(tree, "metadata.name");
	if (!tree_str(tree, "metadata.namespace").len)
		tree_set_str(a, tree, "metadata.namespace", STR("default"));
	tree_set_str(a, tree, "metadata.name", arena_print(a, "%.*s-%.*s", STRF(name), STRF(node)));
	if (!tree_str(tree, "metadata.uid").len)
		tree_set_str(a, tree, "metadata.uid", hash);
	time_print_micro(&seen, now);
	annotate(a, tree, HASH, hash);
	annotate(a, tree, "kubernetes.io/config.seen", buf_str(&seen));
	annotate(a, tree, "kubernetes.io/config.source", STR("file"));
	tree_set_str(a, tree, "spec.nodeName", node);
	add_toleration(a, tree);
	struct change c = {.arena = a,
		.resource = resource_find(STR(""), STR("v1"), STR("pods")),
		.namespace = tree_str(tree, "metadata.namespace"),
		.name = tree_str(tree, "metadata.name"),
		.object = tree,
		.now = now};
	strategy_set_defaults(&c);
	tree_set_str(a, tree, "status.phase", STR("Pending"));
	tree_set_str(a, tree, "status.qosClass", str_from(pod_qos(json_get(tree, STR("spec")))));
	return 0;
}

struct cJSON *mirror_make(struct arena *a, const struct cJSON *pod, const struct cJSON *node)
{
	struct cJSON *mirror = json_copy(a, pod), *owners = json_new(a, JSON_ARRAY);
	struct cJSON *owner = json_new(a, JSON_OBJECT);

	tree_drop(mirror, "metadata.uid");
	annotate(a, mirror, MIRROR, static_pod_hash(pod));
	tree_set_str(a, owner, "apiVersion", STR("v1"));
	tree_set_str(a, owner, "kind", STR("Node"));
	tree_set_str(a, owner, "name", tree_str(node, "metadata.name"));
	tree_set_str(a, owner, "uid", tree_str(node, "metadata.uid"));
	tree_set(a, owner, "controller", json_new_bool(a, true));
	json_append(owners, owner);
	tree_set(a, mirror, "metadata.ownerReferences", owners);
	return mirror;
}
