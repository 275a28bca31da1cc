/*
 * ServiceAccount: every pod runs as one; its token comes as a projected volume unless the account
 * or the pod says no.
 */
#include "plugins.h"

#include "pod_references.h"

#include <kube/random.h>

#define MOUNT_PATH "/var/run/secrets/kubernetes.io/serviceaccount"
#define MIRROR     "kubernetes.io/config.mirror"

/* ---- the token's volume ---- */

static bool wants_token(const struct cJSON *pod, const struct cJSON *account)
{
	if (tree_has(pod, "spec.automountServiceAccountToken"))
		return tree_true(pod, "spec.automountServiceAccountToken");
	if (tree_has(account, "automountServiceAccountToken"))
		return tree_true(account, "automountServiceAccountToken");
	return true;
}

static bool mounts_it(const struct cJSON *container)
{
	json_each (mount, json_get(container, STR("volumeMounts")))
		if (str_eq_text(tree_str(mount, "mountPath"), MOUNT_PATH))
			return true;
	return false;
}

static void add_to(struct arena *a, struct cJSON *object, const char *member, struct cJSON *item)
{
	struct cJSON *list = json_get(object, str_from(member));

	if (!json_is(list, JSON_ARRAY)) {
		json_set(a, object, str_from(member), json_new(a, JSON_ARRAY));
		list = json_get(object, str_from(member));
	}
	json_append(list, item);
}

static bool add_mounts(struct arena *a, struct cJSON *pod, const char *containers, struct str name)
{
	bool added = false;

	json_each (container, json_path(pod, containers)) {
		struct cJSON *mount = json_new(a, JSON_OBJECT);

		if (mounts_it(container))
			continue;
		json_add_borrowed(mount, STR("name"), json_new_str(a, name));
		json_add_borrowed(mount, STR("readOnly"), json_new_bool(a, true));
		json_add_borrowed(mount, STR("mountPath"), json_new_str(a, STR(MOUNT_PATH)));
		add_to(a, container, "volumeMounts", mount);
		added = true;
	}
	return added;
}

static struct cJSON *token_volume(struct arena *a, struct str name)
{
	static const char text[] =
		"{\"projected\":{\"sources\":["
		"{\"serviceAccountToken\":{\"expirationSeconds\":3607,\"path\":\"token\"}},"
		"{\"configMap\":{\"name\":\"kube-root-ca.crt\",\"items\":[{\"key\":\"ca.crt\","
		"\"path\":\"ca.crt\"}]}},"
		"{\"downwardAPI\":{\"items\":[{\"path\":\"namespace\",\"fieldRef\":{"
		"\"apiVersion\":\"v1\",\"fieldPath\":\"metadata.namespace\"}}]}}],"
		"\"defaultMode\":420}}";
	struct cJSON *volume = NULL;

	if (json_parse(a, str_from(text), NULL, &volume, NULL))
		assert(!"the text is JSON");
	json_set(a, volume, STR("name"), json_new_str(a, name));
	return volume;
}

static void random_of_env(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

static void add_token(struct admission_review *r, struct cJSON *pod)
{
	char suffix[6];

	random_name_suffix(suffix, 5, random_of_env, r->server->env);
	struct str name = arena_print(r->arena, "kube-api-access-%s", suffix);
	bool init = add_mounts(r->arena, pod, "spec.initContainers", name);
	bool main_ = add_mounts(r->arena, pod, "spec.containers", name);
	if (init || main_)
		add_to(r->arena, json_get(pod, STR("spec")), "volumes",
			token_volume(r->arena, name));
}

/* ---- the plugin ---- */

static bool is_new_pod(const struct admission_review *r)
{
	return resource_is(r->resource, "pods") && !r->subresource.len &&
	       r->operation == ADMIT_CREATE;
}

static bool is_mirror(const struct cJSON *pod)
{
	return json_get(json_path(pod, "metadata.annotations"), STR(MIRROR)) != NULL;
}

static void inherit_pull_secrets(
	struct admission_review *r, struct cJSON *pod, const struct cJSON *account)
{
	const struct cJSON *secrets = json_get(account, STR("imagePullSecrets"));

	if (!json_count(json_path(pod, "spec.imagePullSecrets")) && json_count(secrets))
		tree_set(r->arena, pod, "spec.imagePullSecrets", json_copy(r->arena, secrets));
}

static struct status *missing_account(struct admission_review *r, struct str name)
{
	return admission_forbidden(r,
		"error looking up service account %.*s/%.*s: serviceaccount \"%.*s\" not found",
		STRF(r->namespace), STRF(name), STRF(name));
}

/* ---- mirror pods: they exist without the API, so they may not count on it ---- */

static struct status *check_mirror(struct admission_review *r, const struct cJSON *pod)
{
	if (tree_str(pod, "spec.serviceAccountName").len)
		return admission_forbidden(r, "a mirror pod may not reference service accounts");
	if (pod_names_any_secret(pod))
		return admission_forbidden(r, "a mirror pod may not reference secrets");
	json_each (volume, json_path(pod, "spec.volumes"))
		json_each (source, json_path(volume, "projected.sources"))
			if (tree_has(source, "serviceAccountToken"))
				return admission_forbidden(r,
					"a mirror pod may not use ServiceAccountToken volume "
					"projections");
	return NULL;
}

/* ---- accounts that name the secrets their pods may use ---- */

static bool restricts_secrets(const struct cJSON *account)
{
	struct str value = json_str(json_get(json_path(account, "metadata.annotations"),
		STR("kubernetes.io/enforce-mountable-secrets")));
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True", NULL};

	for (size_t i = 0; yes[i]; i++)
		if (str_eq_text(value, yes[i]))
			return true;
	return false;
}

static bool names(const struct cJSON *list, struct str name)
{
	json_each (ref, list)
		if (str_eq(tree_str(ref, "name"), name))
			return true;
	return false;
}

static struct status *check_container(struct admission_review *r, const struct cJSON *container,
	const char *what, const struct cJSON *account)
{
	const struct cJSON *allowed = json_get(account, STR("secrets"));
	struct str own = tree_str(container, "name"), of = tree_str(account, "metadata.name");

	json_each (env, json_get(container, STR("env"))) {
		struct str secret = tree_str(env, "valueFrom.secretKeyRef.name");

		if (tree_has(env, "valueFrom.secretKeyRef") && !names(allowed, secret))
			return admission_forbidden(r,
				"%s %.*s with envVar %.*s referencing secret.secretName=\"%.*s\" "
				"is "
				"not allowed because service account %.*s does not reference that "
				"secret",
				what, STRF(own), STRF(tree_str(env, "name")), STRF(secret),
				STRF(of));
	}
	json_each (env, json_get(container, STR("envFrom"))) {
		struct str secret = tree_str(env, "secretRef.name");

		if (tree_has(env, "secretRef") && !names(allowed, secret))
			return admission_forbidden(r,
				"%s %.*s with envFrom referencing secret.secretName=\"%.*s\" is "
				"not "
				"allowed because service account %.*s does not reference that "
				"secret",
				what, STRF(own), STRF(secret), STRF(of));
	}
	return NULL;
}

static struct status *check_volumes(
	struct admission_review *r, const struct cJSON *pod, const struct cJSON *account)
{
	json_each (volume, json_path(pod, "spec.volumes")) {
		struct str secret = tree_str(volume, "secret.secretName");

		if (tree_has(volume, "secret") && !names(json_get(account, STR("secrets")), secret))
			return admission_forbidden(r,
				"volume with secret.secretName=\"%.*s\" is not allowed because "
				"service account %.*s does not reference that secret",
				STRF(secret), STRF(tree_str(account, "metadata.name")));
	}
	return NULL;
}

static struct status *check_secrets(
	struct admission_review *r, const struct cJSON *pod, const struct cJSON *account)
{
	static const struct {
		const char *path, *what;
	} lists[] = {{"spec.initContainers", "init container"}, {"spec.containers", "container"},
		{"spec.ephemeralContainers", "ephemeral container"}};
	struct status *s = check_volumes(r, pod, account);
	size_t i = 0;

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		json_each (container, json_path(pod, lists[k].path))
			if (!s)
				s = check_container(r, container, lists[k].what, account);
	if (s)
		return s;
	json_each (secret, json_path(pod, "spec.imagePullSecrets")) {
		struct str name = tree_str(secret, "name");

		if (!names(json_get(account, STR("imagePullSecrets")), name))
			return admission_forbidden(r,
				"imagePullSecrets[%zu].name=\"%.*s\" is not allowed because "
				"service "
				"account %.*s does not reference that imagePullSecret",
				i, STRF(name), STRF(tree_str(account, "metadata.name")));
		i++;
	}
	return NULL;
}

/* ---- the plugin's two halves ---- */

struct status *mutate_service_account(struct admission_review *r)
{
	struct cJSON *pod = r->object;

	if (!is_new_pod(r))
		return NULL;
	if (is_mirror(pod))
		return check_mirror(r, pod);
	if (!tree_str(pod, "spec.serviceAccountName").len)
		tree_set_str(r->arena, pod, "spec.serviceAccountName", STR("default"));
	struct str name = tree_str(pod, "spec.serviceAccountName");
	tree_set_str(r->arena, pod, "spec.serviceAccount", name);
	struct cJSON *account =
		server_read(r->server, r->arena, "", "serviceaccounts", r->namespace, name);
	if (!account)
		return missing_account(r, name);
	if (wants_token(pod, account))
		add_token(r, pod);
	inherit_pull_secrets(r, pod, account);
	return NULL;
}

struct status *validate_service_account(struct admission_review *r)
{
	const struct cJSON *pod = r->object, *account;
	struct str name;

	if (!resource_is(r->resource, "pods") ||
		(r->subresource.len && !str_eq_text(r->subresource, "ephemeralcontainers")))
		return NULL;
	if (r->operation == ADMIT_UPDATE && !r->subresource.len)
		return NULL;
	if (is_mirror(pod))
		return r->operation == ADMIT_CREATE ? check_mirror(r, pod) : NULL;
	name = tree_str(pod, "spec.serviceAccountName");
	account = server_read(r->server, r->arena, "", "serviceaccounts", r->namespace, name);
	if (!account)
		return missing_account(r, name);
	return restricts_secrets(account) ? check_secrets(r, pod, account) : NULL;
}
