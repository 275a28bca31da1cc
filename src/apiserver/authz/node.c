#include "node.h"
#include "pod_references.h"
#include "rbac.h"

#include <kube/log.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/names.h>

#define LEASES "kube-node-lease"

struct node_pods {
	struct map keys; /* of pods bound to the node */
};

struct node_access {
	struct api_server *server;
	struct arena arena; /* of the rules */
	struct cJSON *rules;
	struct watch watch;
	bool watching;
	struct map nodes; /* name → struct node_pods * */
};

bool node_identity(const struct api_user *user, struct str *name)
{
	static const struct str prefix = STR_INIT("system:node:");

	if (!str_starts(user->name, prefix) || !user_in_group(user, STR("system:nodes")))
		return false;
	*name = str_skip(user->name, prefix.len);
	return true;
}

/* ---- which pods are bound to which node ---- */

static void forget(struct node_access *n)
{
	map_each (it, &n->nodes) {
		struct node_pods *pods = it.value;

		map_done(&pods->keys);
		mem_free(pods);
	}
	map_done(&n->nodes);
	map_init(&n->nodes);
}

static void bind(struct node_access *n, struct str node, struct str key)
{
	struct node_pods *pods = map_get(&n->nodes, node);

	if (!node.len)
		return;
	if (!pods) {
		pods = mem_new(sizeof(*pods));
		map_init(&pods->keys);
		map_set(&n->nodes, node, pods);
	}
	map_set(&pods->keys, key, NULL);
}

static void unbind(struct node_access *n, struct str node, struct str key)
{
	struct node_pods *pods = node.len ? map_get(&n->nodes, node) : NULL;

	if (!pods)
		return;
	map_remove(&pods->keys, key);
	if (pods->keys.count)
		return;
	map_remove(&n->nodes, node);
	map_done(&pods->keys);
	mem_free(pods);
}

static struct str node_of(const struct object *pod)
{
	return pod ? object_scan(pod, "spec.nodeName") : (struct str){0};
}

static struct bucket *bucket_of(struct node_access *n, const char *group, const char *plural)
{
	return server_bucket(
		n->server, resource_find(str_from(group), STR("v1"), str_from(plural)));
}

/* Nobody waits for changes: they are read when a node asks. */
static void woken(struct watch *w)
{
	(void)w;
}

static void read_all(struct node_access *n)
{
	struct bucket *pods = bucket_of(n, "", "pods");
	struct store_iter it = store_seek(pods, STR(""), STR(""));

	forget(n);
	while (store_next(&it))
		bind(n, node_of(it.object), it.key);
	if (n->watching)
		watch_done(&n->watch);
	n->watching = !watch_init(&n->watch, pods, store_revision(n->server->store), woken, NULL);
}

static void catch_up(struct node_access *n)
{
	struct store_change change;
	int more = ERR_EXPIRED;

	while (n->watching && (more = watch_next(&n->watch, &change, NULL)) == 1) {
		struct str was = node_of(change.old), is = node_of(change.object);

		if (change.type == CHANGE_DELETED) {
			unbind(n, is, change.key);
		} else if (!str_eq(was, is) || change.type == CHANGE_ADDED) {
			unbind(n, was, change.key);
			bind(n, is, change.key);
		}
	}
	if (more)
		read_all(n);
}

struct node_access *node_access_new(struct api_server *s)
{
	struct node_access *n = mem_new(sizeof(*n));

	n->server = s;
	arena_init(&n->arena);
	map_init(&n->nodes);
	n->rules = authz_bootstrap_rules(&n->arena, "system:node");
	return n;
}

void node_access_free(struct node_access *n)
{
	if (!n)
		return;
	if (n->watching)
		watch_done(&n->watch);
	forget(n);
	map_done(&n->nodes);
	arena_done(&n->arena);
	mem_free(n);
}

/* ---- what its pods need ---- */

struct asking {
	struct node_access *access;
	struct arena *arena;
	const struct access_query *query;
	struct str node;
	struct str *reason;
};

typedef bool names_fn(const struct cJSON *pod, struct str name);

static bool names_account(const struct cJSON *pod, struct str name)
{
	struct str account = tree_str(pod, "spec.serviceAccountName");

	return account.len && str_eq(account, name);
}

/* Mirror pods stand for what is on the node's disk: they name nothing of the API. */
static bool is_mirror(const struct cJSON *pod)
{
	return json_get(json_path(pod, "metadata.annotations"), STR("kubernetes.io/config.mirror"));
}

static bool some_pod_names(struct asking *a, struct str namespace, names_fn *names, struct str name)
{
	struct node_pods *pods;

	catch_up(a->access);
	pods = map_get(&a->access->nodes, a->node);
	if (!pods)
		return false;
	map_each (it, &pods->keys) {
		struct str space, rest;
		const struct object *o;

		str_cut(it.key, '/', &space, &rest);
		if (!str_eq(space, namespace))
			continue;
		o = store_get(bucket_of(a->access, "", "pods"), it.key);
		/* the name may be put together of two, as of ephemeral volumes */
		if (!o || (names != pod_names_claim && str_find(object_text(o), name) < 0))
			continue;
		const struct cJSON *pod = object_tree(a->arena, o);
		if (!is_mirror(pod) && names(pod, name))
			return true;
	}
	return false;
}

static bool pod_is_bound(struct asking *a)
{
	const struct object *o = store_get(bucket_of(a->access, "", "pods"),
		arena_print(
			a->arena, "%.*s/%.*s", STRF(a->query->namespace), STRF(a->query->name)));

	return o && str_eq(node_of(o), a->node);
}

static bool volume_is_used(struct asking *a, const struct cJSON *volume)
{
	struct str claim = tree_str(volume, "spec.claimRef.name");

	return claim.len && some_pod_names(a, tree_str(volume, "spec.claimRef.namespace"),
				    pod_names_claim, claim);
}

static bool volume_names_secret(const struct cJSON *volume, struct str namespace, struct str name)
{
	static const char *const refs[] = {"spec.cephfs.secretRef", "spec.cinder.secretRef",
		"spec.flexVolume.secretRef", "spec.rbd.secretRef", "spec.scaleIO.secretRef",
		"spec.iscsi.secretRef", "spec.storageos.secretRef",
		"spec.csi.controllerPublishSecretRef", "spec.csi.nodePublishSecretRef",
		"spec.csi.nodeStageSecretRef", "spec.csi.controllerExpandSecretRef",
		"spec.csi.nodeExpandSecretRef", NULL};
	struct str file = tree_str(volume, "spec.azureFile.secretName");
	struct str space = tree_str(volume, "spec.azureFile.secretNamespace");

	for (size_t i = 0; refs[i]; i++) {
		const struct cJSON *ref = json_path(volume, refs[i]);
		struct str own = tree_str(ref, "namespace");

		if (!own.len)
			own = tree_str(volume, "spec.claimRef.namespace");
		if (ref && str_eq(tree_str(ref, "name"), name) && str_eq(own, namespace))
			return true;
	}
	if (!space.len)
		space = tree_str(volume, "spec.claimRef.namespace");
	return file.len && str_eq(file, name) && str_eq(space, namespace);
}

static bool some_volume_names_secret(struct asking *a)
{
	struct store_iter it =
		store_seek(bucket_of(a->access, "", "persistentvolumes"), STR(""), STR(""));

	while (store_next(&it)) {
		if (str_find(object_text(it.object), a->query->name) < 0)
			continue;
		const struct cJSON *volume = object_tree(a->arena, it.object);
		if (volume_names_secret(volume, a->query->namespace, a->query->name) &&
			volume_is_used(a, volume))
			return true;
	}
	return false;
}

static bool is_related(struct asking *a)
{
	const struct access_query *q = a->query;
	struct api_server *s = a->access->server;
	struct str none = {0};

	if (str_eq_text(q->resource, "secrets"))
		return some_pod_names(a, q->namespace, pod_names_secret, q->name) ||
		       some_volume_names_secret(a);
	if (str_eq_text(q->resource, "configmaps"))
		return some_pod_names(a, q->namespace, pod_names_config_map, q->name);
	if (str_eq_text(q->resource, "persistentvolumeclaims"))
		return some_pod_names(a, q->namespace, pod_names_claim, q->name);
	if (str_eq_text(q->resource, "resourceclaims"))
		return some_pod_names(a, q->namespace, pod_names_resource_claim, q->name);
	if (str_eq_text(q->resource, "serviceaccounts"))
		return some_pod_names(a, q->namespace, names_account, q->name);
	if (str_eq_text(q->resource, "pods"))
		return pod_is_bound(a);
	if (str_eq_text(q->resource, "persistentvolumes"))
		return volume_is_used(
			a, server_read(s, a->arena, "", "persistentvolumes", none, q->name));
	if (str_eq_text(q->resource, "volumeattachments"))
		return str_eq(tree_str(server_read(s, a->arena, "storage.k8s.io",
					       "volumeattachments", none, q->name),
				      "spec.nodeName"),
			a->node);
	if (str_eq_text(q->resource, "resourceslices"))
		return str_eq(tree_str(server_read(s, a->arena, "resource.k8s.io", "resourceslices",
					       none, q->name),
				      "spec.nodeName"),
			a->node);
	return false;
}

/* ---- the answers ---- */

static bool no(struct asking *a, const char *why)
{
	*a->reason = str_from(why);
	return false;
}

static bool related(struct asking *a)
{
	if (!a->query->name.len)
		return no(a, "No Object name found");
	if (is_related(a))
		return true;
	*a->reason = arena_print(a->arena,
		"no relationship found between node '%.*s' and this object", STRF(a->node));
	return false;
}

static bool is_verb(const struct asking *a, const char *verbs)
{
	struct str rest = str_from(verbs), verb;

	while (str_next(&rest, ' ', &verb))
		if (str_eq(verb, a->query->verb))
			return true;
	return false;
}

static bool ask_get(struct asking *a)
{
	if (!is_verb(a, "get"))
		return no(a, "can only get individual resources of this type");
	if (a->query->subresource.len)
		return no(a, "cannot get subresource");
	return related(a);
}

static bool ask_read(struct asking *a)
{
	if (!is_verb(a, "get list watch"))
		return no(a, "can only read resources of this type");
	if (a->query->subresource.len)
		return no(a, "cannot read subresource");
	if (!a->query->namespace.len)
		return no(a, "can only read namespaced object of this type");
	return related(a);
}

static bool ask_claim(struct asking *a)
{
	if (!str_eq_text(a->query->subresource, "status"))
		return ask_get(a);
	return is_verb(a, "update patch") ? related(a)
					  : no(a, "can only get/update/patch this type");
}

static bool ask_account(struct asking *a)
{
	if (!a->query->subresource.len && is_verb(a, "get"))
		return related(a);
	if (!is_verb(a, "create") || !a->query->name.len)
		return no(a, "can only create tokens for individual service accounts");
	if (!str_eq_text(a->query->subresource, "token"))
		return no(a, "can only create token subresource of serviceaccount");
	return related(a);
}

static bool ask_lease(struct asking *a)
{
	if (!is_verb(a, "get create update patch delete"))
		return no(a, "can only get, create, update, patch, or delete a node lease");
	if (!str_eq_text(a->query->namespace, LEASES))
		return no(a, "can only access leases in the \"" LEASES "\" system namespace");
	if (!is_verb(a, "create") && !str_eq(a->query->name, a->node))
		return no(a, "can only access node lease with the same name as the requesting "
			     "node");
	return true;
}

static bool ask_csi_node(struct asking *a)
{
	if (!is_verb(a, "get create update patch delete"))
		return no(a, "can only get, create, update, patch, or delete a CSINode");
	if (a->query->subresource.len)
		return no(a, "cannot authorize CSINode subresources");
	if (!is_verb(a, "create") && !str_eq(a->query->name, a->node))
		return no(a, "can only access CSINode with the same name as the requesting node");
	return true;
}

static bool selects_own(struct asking *a, const char *field)
{
	struct selector s = {0};
	struct str value;

	return !field_selector_parse(a->arena, a->query->field_selector, &s, NULL) &&
	       field_selector_requires(&s, str_from(field), &value) && str_eq(value, a->node);
}

static bool ask_slice(struct asking *a)
{
	if (a->query->subresource.len)
		return no(a, "cannot authorize ResourceSlice subresources");
	if (is_verb(a, "create"))
		return true;
	if (is_verb(a, "get update patch delete"))
		return related(a);
	if (!is_verb(a, "watch list deletecollection"))
		return no(a, "only the following verbs are allowed for a ResourceSlice: get, "
			     "watch, list, create, update, patch, delete, deletecollection");
	return selects_own(a, "spec.nodeName") || selects_own(a, "nodeName") ||
	       no(a, "can only list/watch/deletecollection resourceslices with nodeName field "
		     "selector");
}

static bool ask_node(struct asking *a)
{
	struct str name = a->query->name;

	if (str_eq_text(a->query->subresource, "status"))
		return is_verb(a, "update patch");
	if (a->query->subresource.len)
		return false;
	if (is_verb(a, "create update patch"))
		return true;
	if (!is_verb(a, "get list watch"))
		return false;
	if (str_eq(name, a->node))
		return true;
	*a->reason = name.len ? arena_print(a->arena,
					"node '%.*s' cannot read '%.*s', only its own Node object",
					STRF(a->node), STRF(name))
			      : arena_print(a->arena,
					"node '%.*s' cannot read all nodes, only its own Node "
					"object",
					STRF(a->node));
	return false;
}

static bool ask_pod(struct asking *a)
{
	struct str sub = a->query->subresource;

	if (str_eq_text(sub, "status"))
		return is_verb(a, "update patch");
	if (str_eq_text(sub, "eviction"))
		return is_verb(a, "create");
	if (sub.len)
		return false;
	if (is_verb(a, "get"))
		return ask_get(a);
	if (is_verb(a, "create delete"))
		return true;
	if (!is_verb(a, "list watch"))
		return false;
	if (selects_own(a, "spec.nodeName"))
		return true;
	return a->query->name.len
		       ? related(a)
		       : no(a, "can only list/watch pods with spec.nodeName field selector");
}

/* What has rules of its own; everything else goes by the role system:node. */
static const struct {
	const char *group, *plural;
	bool (*ask)(struct asking *a);
} kinds[] = {
	{"", "secrets", ask_read},
	{"", "configmaps", ask_read},
	{"", "persistentvolumeclaims", ask_claim},
	{"", "persistentvolumes", ask_get},
	{"resource.k8s.io", "resourceclaims", ask_get},
	{"storage.k8s.io", "volumeattachments", ask_get},
	{"", "serviceaccounts", ask_account},
	{"coordination.k8s.io", "leases", ask_lease},
	{"storage.k8s.io", "csinodes", ask_csi_node},
	{"resource.k8s.io", "resourceslices", ask_slice},
	{"", "nodes", ask_node},
	{"", "pods", ask_pod},
};

bool node_allows(struct node_access *n, struct arena *arena, const struct access_query *q,
	struct str *reason)
{
	struct asking a = {.access = n, .arena = arena, .query = q, .reason = reason};

	if (!node_identity(q->user, &a.node))
		return false;
	if (!a.node.len) {
		*reason = arena_print(arena, "unknown node for user %.*s",
			STRF(field_quote(arena, q->user->name)));
		return false;
	}
	for (size_t i = 0; q->is_resource && i < ARRAY_LEN(kinds); i++)
		if (str_eq_text(q->group, kinds[i].group) &&
			str_eq_text(q->resource, kinds[i].plural))
			return kinds[i].ask(&a);
	json_each (rule, n->rules)
		if (rbac_rule_covers(rule, q))
			return true;
	return false;
}
