#include "configuration_lists.h"
#include "sysctl_rules.h"

#include <kube/api_codec.h>
#include <kube/quantity.h>
#include <kube/time.h>

#include <stdlib.h>

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

/* ---- the machine's end ---- */

#define CRITICAL 2000000000

static int read_grace(
	struct arena *a, struct cJSON *tree, const char *name, int64_t *grace, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	struct str key = str_from(name);
	const struct cJSON *value = json_get(tree, key);

	*grace = 0;
	if (value && duration_parse(json_str(value), grace, err))
		return err_wrap(err, ERR_SYNTAX, "%s", name);
	duration_print(&text, *grace);
	tree_set_str(a, tree, name, buf_str(&text));
	if (*grace && *grace < SEC)
		return err_set(err, ERR_INVALID,
			"invalid configuration: %s {%s} must be either zero or otherwise >= 1 sec",
			name, buf_text(&text));
	return 0;
}

static int by_priority(const void *x, const void *y)
{
	const struct shutdown_group *one = x, *other = y;

	return (one->priority > other->priority) - (one->priority < other->priority);
}

static void read_groups(struct arena *a, const struct cJSON *list, struct kubelet_configuration *c)
{
	struct shutdown_group *groups = arena_alloc(a, (json_count(list) + 1) * sizeof(*groups));

	json_each (item, list)
		groups[c->shutdown_group_count++] =
			(struct shutdown_group){tree_int(item, "priority", 0),
				tree_int(item, "shutdownGracePeriodSeconds", 0) * SEC};
	qsort(groups, c->shutdown_group_count, sizeof(*groups), by_priority);
	c->shutdown_groups = groups;
}

/* Said by two numbers: the critical pods' is part of the whole. */
static void make_groups(
	struct arena *a, int64_t whole, int64_t critical, struct kubelet_configuration *c)
{
	struct shutdown_group *groups = arena_alloc(a, 2 * sizeof(*groups));

	groups[0] = (struct shutdown_group){0, (whole - critical) / SEC * SEC};
	groups[1] = (struct shutdown_group){CRITICAL, critical / SEC * SEC};
	c->shutdown_groups = groups;
	c->shutdown_group_count = 2;
}

static int read_shutdown(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	const struct cJSON *list = json_get(tree, STR("shutdownGracePeriodByPodPriority"));
	_cleanup_(buf_done) struct buf text = BUF_INIT(256);
	int64_t whole, critical;
	int code = read_grace(a, tree, "shutdownGracePeriod", &whole, err);

	if (!code)
		code = read_grace(a, tree, "shutdownGracePeriodCriticalPods", &critical, err);
	if (code)
		return code;
	if (critical > whole) {
		buf_add_text(&text, "invalid configuration: shutdownGracePeriodCriticalPods {");
		duration_print(&text, critical);
		buf_add_text(&text, "} must be <= shutdownGracePeriod {");
		duration_print(&text, whole);
		return err_set(err, ERR_INVALID, "%s}", buf_text(&text));
	}
	if (json_count(list) && whole)
		return err_set(err, ERR_INVALID,
			"invalid configuration: Cannot specify both "
			"shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same "
			"time");
	if (json_count(list))
		read_groups(a, list, c);
	else if (whole)
		make_groups(a, whole, critical, c);
	return 0;
}

int configuration_read_lists(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	int code = read_texts(a, tree, "clusterDNS", &c->cluster_dns, &c->cluster_dns_count, err);

	if (!code)
		code = read_texts(
			a, tree, "tlsCipherSuites", &c->tls_suites, &c->tls_suite_count, err);
	c->system_reserved = json_get(tree, STR("systemReserved"));
	c->kube_reserved = json_get(tree, STR("kubeReserved"));
	if (!code)
		code = read_sysctls(a, tree, c, err);
	if (!code)
		code = read_taints(a, tree, c, err);
	if (!code)
		code = read_shutdown(a, tree, c, err);
	if (!code)
		code = check_reserved(c->system_reserved, "systemReserved", err);
	return code ? code : check_reserved(c->kube_reserved, "kubeReserved", err);
}
