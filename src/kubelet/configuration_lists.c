#include "configuration_lists.h"
#include "sysctl_rules.h"

#include <kube/api_codec.h>
#include <kube/quantity.h>
#include <kube/time.h>

static int read_texts(struct arena *a, const struct cJSON *tree, const char *name,
	const struct str **texts, size_t *count, struct err *err)
{
	const struct cJSON *list = json_get(tree, str_from(name));
	struct str *items = arena_alloc(a, (json_count(list) + 1) * sizeof(*items));

	json_each (item, list) {
		if (!json_is(item, JSON_STRING))
			return err_set(err, ERR_SYNTAX, "%s: a list of texts is wanted", name);
		items[(*count)++] = json_str(item);
	}
	*texts = items;
	return 0;
}

static int read_sysctls(
	struct arena *a, const struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	int code = read_texts(
		a, tree, "allowedUnsafeSysctls", &c->unsafe_sysctls, &c->unsafe_sysctl_count, err);
	struct sysctl_patterns patterns = {c->unsafe_sysctls, c->unsafe_sysctl_count};

	return code ? code : sysctl_patterns_check(patterns, err);
}

static int read_taints(
	struct arena *a, const struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	const struct cJSON *list = json_get(tree, STR("registerWithTaints"));
	struct str *items = arena_alloc(a, (json_count(list) + 1) * sizeof(*items));

	json_each (item, list) {
		struct str key = tree_str(item, "key"), effect = tree_str(item, "effect");
		struct str value = tree_str(item, "value");

		if (!key.len || !effect.len)
			return err_set(err, ERR_INVALID,
				"invalid configuration: a taint needs a key and an effect");
		items[c->taint_count++] = arena_print(a, "%.*s%s%.*s:%.*s", STRF(key),
			value.len ? "=" : "", STRF(value), STRF(effect));
	}
	c->taints = items;
	return 0;
}

static int check_reserved(const struct cJSON *list, const char *name, struct err *err)
{
	struct quantity q;

	json_each (item, list)
		if (!json_is(item, JSON_STRING) || quantity_parse(json_str(item), &q, NULL) ||
			quantity_sign(q) < 0)
			return err_set(err, ERR_INVALID,
				"invalid configuration: %s: \"%.*s\" is no amount", name,
				STRF(json_key(item)));
	return 0;
}

/*
 * Upstream holds the machine's end up through logind, by an inhibitor of D-Bus. Nothing here can:
 * whoever asks for a grace that nobody gives is told.
 */
static int refuse_shutdown(struct arena *a, struct cJSON *tree, struct err *err)
{
	static const char *const names[] = {
		"shutdownGracePeriod", "shutdownGracePeriodCriticalPods"};
	int64_t grace;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct cJSON *value = json_get(tree, str_from(names[i]));

		grace = 0;
		if (value && duration_parse(json_str(value), &grace, err))
			return err_wrap(err, ERR_SYNTAX, "%s", names[i]);
		if (grace)
			return err_set(err, ERR_UNSUPPORTED,
				"invalid configuration: %s: graceful shutdown of the node is not "
				"part of this version; it has to be 0s",
				names[i]);
		tree_set_str(a, tree, names[i], STR("0s"));
	}
	if (json_count(json_get(tree, STR("shutdownGracePeriodByPodPriority"))))
		return err_set(err, ERR_UNSUPPORTED,
			"invalid configuration: shutdownGracePeriodByPodPriority: graceful "
			"shutdown of the node is not part of this version; it has to be empty");
	return 0;
}

int configuration_read_lists(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	int code = read_texts(a, tree, "clusterDNS", &c->cluster_dns, &c->cluster_dns_count, err);

	c->system_reserved = json_get(tree, STR("systemReserved"));
	c->kube_reserved = json_get(tree, STR("kubeReserved"));
	if (!code)
		code = read_sysctls(a, tree, c, err);
	if (!code)
		code = read_taints(a, tree, c, err);
	if (!code)
		code = refuse_shutdown(a, tree, err);
	if (!code)
		code = check_reserved(c->system_reserved, "systemReserved", err);
	return code ? code : check_reserved(c->kube_reserved, "kubeReserved", err);
}
