#include "health.h"
#include "api_options.h"
#include "metrics.h"
#include "pki.h"
#include "respond.h"

#include <kube/log.h>

#define TEXT "text/plain; charset=utf-8"

enum {
	HEALTHZ = 1,
	LIVEZ = 2,
	READYZ = 4,
	ALL = 7,
	RELOADING = 8, /* only where the encryption configuration is read again */
};

typedef bool check_fn(const struct api_server *s, struct err *err);

static bool check_always(const struct api_server *s, struct err *err)
{
	(void)s;
	(void)err;
	return true;
}

static bool check_store(const struct api_server *s, struct err *err)
{
	struct store_stats stats;

	store_stats(s->store, &stats);
	if (!stats.failing)
		return true;
	err_set(err, ERR_IO, "the last write to the store failed");
	return false;
}

static bool check_started(const struct api_server *s, struct err *err)
{
	if (s->ready)
		return true;
	err_set(err, ERR_UNAVAILABLE, "not finished");
	return false;
}

static bool check_certificate(const struct api_server *s, struct err *err)
{
	if (env_wall(s->env) < cert_info(s->pki->serving.items[0])->not_after)
		return true;
	err_set(err, ERR_CERTIFICATE, "the serving certificate has expired");
	return false;
}

static bool check_shutdown(const struct api_server *s, struct err *err)
{
	if (!s->draining)
		return true;
	err_set(err, ERR_UNAVAILABLE, "process is shutting down");
	return false;
}

#define STARTED(name)                                                                              \
	{                                                                                          \
		name, ALL, check_started                                                           \
	}

/*
 * Upstream's names and order, because probes and dashboards ask for single checks by name. `etcd`
 * is the store. The hooks that upstream runs when it starts are one start here: each of them is
 * well when that has come to its end.
 */
static const struct check {
	const char *name;
	unsigned where;
	check_fn *run;
} checks[] = {
	{"ping", ALL, check_always},
	{"log", ALL, check_always},
	{"loopback-serving-certificate", ALL, check_certificate},
	{"etcd", ALL, check_store},
	{"etcd-readiness", READYZ, check_store},
	{"kms-providers", HEALTHZ | READYZ | RELOADING, check_always},
	{"informer-sync", READYZ, check_started},
	STARTED("poststarthook/start-apiserver-admission-initializer"),
	STARTED("poststarthook/generic-apiserver-start-informers"),
	{"poststarthook/start-encryption-provider-config-automatic-reload", ALL | RELOADING,
		check_started},
	STARTED("poststarthook/priority-and-fairness-config-consumer"),
	STARTED("poststarthook/priority-and-fairness-filter"),
	STARTED("poststarthook/storage-object-count-tracker-hook"),
	STARTED("poststarthook/start-apiextensions-informers"),
	STARTED("poststarthook/start-apiextensions-controllers"),
	STARTED("poststarthook/crd-informer-synced"),
	STARTED("poststarthook/start-system-namespaces-controller"),
	STARTED("poststarthook/peer-endpoint-reconciler-controller"),
	STARTED("poststarthook/start-cluster-authentication-info-controller"),
	STARTED("poststarthook/start-kube-apiserver-identity-lease-controller"),
	STARTED("poststarthook/start-kube-apiserver-identity-lease-garbage-collector"),
	STARTED("poststarthook/storage-readiness"),
	STARTED("poststarthook/start-legacy-token-tracking-controller"),
	STARTED("poststarthook/start-service-ip-repair-controllers"),
	STARTED("poststarthook/rbac/bootstrap-roles"),
	STARTED("poststarthook/scheduling/bootstrap-system-priority-classes"),
	STARTED("poststarthook/priority-and-fairness-config-producer"),
	STARTED("poststarthook/bootstrap-controller"),
	STARTED("poststarthook/start-kubernetes-service-cidr-controller"),
	STARTED("poststarthook/aggregator-reload-proxy-client-cert"),
	STARTED("poststarthook/start-kube-aggregator-informers"),
	STARTED("poststarthook/apiservice-status-local-available-controller"),
	STARTED("poststarthook/apiservice-status-remote-available-controller"),
	STARTED("poststarthook/apiservice-registration-controller"),
	STARTED("poststarthook/apiservice-wait-for-first-sync"),
	STARTED("poststarthook/apiservice-discovery-controller"),
	STARTED("poststarthook/kube-apiserver-autoregistration"),
	STARTED("autoregister-completion"),
	STARTED("poststarthook/apiservice-openapi-controller"),
	STARTED("poststarthook/apiservice-openapiv3-controller"),
	{"shutdown", READYZ, check_shutdown},
};

static const struct {
	struct str path;
	unsigned where;
	const char *name;
} roots[] = {{STR_INIT("/healthz"), HEALTHZ, "healthz"}, {STR_INIT("/livez"), LIVEZ, "livez"},
	{STR_INIT("/readyz"), READYZ, "readyz"}};

static unsigned where_of(const struct api_server *s, const struct check *c)
{
	return !(c->where & RELOADING) || s->options->encryption_reload ? c->where : 0;
}

static const struct check *find_check(const struct api_server *s, unsigned where, struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if ((where_of(s, &checks[i]) & where) && str_eq_text(name, checks[i].name))
			return &checks[i];
	return NULL;
}

/* Which root, and what stands behind it: empty, or a check's name. */
static bool split(const struct api_server *s, struct str path, size_t *root, struct str *rest)
{
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		if (!str_starts(path, roots[i].path))
			continue;
		*root = i;
		*rest = str_skip(path, roots[i].path.len);
		if (!rest->len)
			return true;
		if (rest->at[0] != '/')
			continue;
		*rest = str_skip(*rest, 1);
		return find_check(s, roots[i].where, *rest) != NULL;
	}
	return false;
}

bool health_has(const struct api_server *s, struct str path)
{
	size_t root;
	struct str rest;

	return split(s, path, &root, &rest);
}

struct str health_path(const struct api_server *s, struct arena *a, size_t index)
{
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		if (!index--)
			return roots[i].path;
		for (size_t k = 0; k < ARRAY_LEN(checks); k++)
			if ((where_of(s, &checks[k]) & roots[i].where) && !index--)
				return arena_print(
					a, "%.*s/%s", STRF(roots[i].path), checks[k].name);
	}
	return STR("");
}

#define EXCLUDED_MAX 64

static bool take_excluded(struct str *excluded, bool *used, size_t count, const char *name)
{
	bool found = false;

	for (size_t i = 0; i < count; i++)
		if (str_eq_text(excluded[i], name))
			found = used[i] = true;
	return found;
}

static void print_unused(
	struct buf *out, const struct str *excluded, const bool *used, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count; i++) {
		if (used[i])
			continue;
		buf_add_text(out, any ? ","
				      : "warn: some health checks cannot be excluded: no "
					"matches for ");
		json_print_str(out, excluded[i]);
		any = true;
	}
	if (any)
		buf_add_char(out, '\n');
}

static bool run(struct api_request *r, const struct check *c, const char *type, struct err *err)
{
	bool well = c->run(r->server, err);

	++*metrics_number(r->server->metrics, METRIC_HEALTH_CHECKS,
		arena_print(r->arena, "name=\"%s\",status=\"%s\",type=\"%s\"", c->name,
			well ? "success" : "error", type));
	return well;
}

static void run_all(struct api_request *r, size_t root)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct str excluded[EXCLUDED_MAX], value;
	bool used[EXCLUDED_MAX] = {0}, failed = false;
	size_t count = request_query_all(r, "exclude", excluded, EXCLUDED_MAX);

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		_cleanup_(err_done) struct err err = {0};

		if (!(where_of(r->server, &checks[i]) & roots[root].where))
			continue;
		if (take_excluded(excluded, used, count, checks[i].name)) {
			buf_print(&out, "[+]%s excluded: ok\n", checks[i].name);
		} else if (run(r, &checks[i], roots[root].name, &err)) {
			buf_print(&out, "[+]%s ok\n", checks[i].name);
		} else {
			buf_print(&out, "[-]%s failed: reason withheld\n", checks[i].name);
			log_warning(&err, "health check failed", LOG_TEXT("check", checks[i].name));
			failed = true;
		}
	}
	print_unused(&out, excluded, used, count);
	if (failed) {
		buf_print(&out, "%s check failed\n", roots[root].name);
		answer_text(r, 500, TEXT, buf_str(&out));
		return;
	}
	if (!request_query(r, "verbose", &value)) {
		answer_text(r, 200, TEXT, STR("ok"));
		return;
	}
	buf_print(&out, "%s check passed\n", roots[root].name);
	answer_text(r, 200, TEXT, buf_str(&out));
}

void serve_health(struct api_request *r)
{
	_cleanup_(err_done) struct err err = {0};
	struct str rest;
	size_t root;

	if (!split(r->server, r->path, &root, &rest))
		return;
	if (!rest.len) {
		run_all(r, root);
		return;
	}
	if (run(r, find_check(r->server, roots[root].where, rest), roots[root].name, &err))
		answer_text(r, 200, TEXT, STR("ok"));
	else
		answer_text(r, 500, TEXT,
			arena_print(r->arena, "internal server error: %s\n", err_text(&err)));
}

void health_add_metrics(const struct api_server *s, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		_cleanup_(err_done) struct err err = {0};
		bool well = checks[i].run(s, &err);

		for (size_t k = 0; k < ARRAY_LEN(roots); k++)
			if (where_of(s, &checks[i]) & roots[k].where)
				buf_print(out,
					"kubernetes_healthcheck{name=\"%s\",type=\"%s\"} %d\n",
					checks[i].name, roots[k].name, well);
	}
}
