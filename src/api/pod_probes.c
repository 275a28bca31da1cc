/* Probes and lifecycle hooks: handlers, of which there must be exactly one. */
#include "pod_parts.h"

static void check_http(struct field_errors *e, const struct path *p, const struct cJSON *http)
{
	static const char *const schemes[] = {"HTTP", "HTTPS", NULL};
	struct path port = PATH(p, "port"), headers = PATH(p, "httpHeaders");

	rule_text(e, p, http, "path");
	rule_port(e, &port, json_get(http, STR("port")));
	rule_choice(e, p, http, "scheme", schemes);
	json_each (header, json_get(http, STR("httpHeaders")))
		field_check_name(e, &headers, tree_str(header, "name"), name_check_http_header);
}

static void check_sleep(struct pod_check *c, const struct path *p, const struct cJSON *sleep)
{
	int64_t seconds = tree_int(sleep, "seconds", 0);

	if (c->has_grace && (seconds < 0 || seconds > c->grace))
		field_invalid_int(c->e, p, seconds,
			"must be non-negative and less than terminationGracePeriodSeconds (%lld)",
			(long long)c->grace);
}

static void check_one(
	struct pod_check *c, const struct path *at, const char *name, const struct cJSON *handler)
{
	struct path port = PATH(at, "port");

	if (!strcmp(name, "exec"))
		rule_some(c->e, at, handler, "command");
	else if (!strcmp(name, "httpGet"))
		check_http(c->e, at, handler);
	else if (!strcmp(name, "tcpSocket"))
		rule_port(c->e, &port, json_get(handler, STR("port")));
	else if (!strcmp(name, "grpc"))
		rule_port_number(c->e, &port, tree_int(handler, "port", 0));
	else
		check_sleep(c, at, handler);
}

static void check_handler(struct pod_check *c, const struct path *p, const struct cJSON *hook)
{
	static const char *const names[] = {"exec", "httpGet", "tcpSocket", "grpc", "sleep", NULL};
	size_t count = 0;

	for (size_t i = 0; names[i]; i++) {
		struct path at = PATH(p, names[i]);
		const struct cJSON *handler = json_get(hook, str_from(names[i]));

		if (!handler)
			continue;
		if (count++)
			field_forbidden(c->e, &at, "may not specify more than 1 handler type");
		else
			check_one(c, &at, names[i], handler);
	}
	if (!count)
		field_required(c->e, p, "must specify a handler type");
}

/* ---- probes ---- */

static void check_probe(struct pod_check *c, const struct path *p, const struct cJSON *probe)
{
	static const char *const numbers[] = {"initialDelaySeconds", "timeoutSeconds",
		"periodSeconds", "successThreshold", "failureThreshold", NULL};

	check_handler(c, p, probe);
	for (size_t i = 0; numbers[i]; i++)
		check_not_negative(c->e, p, numbers[i], probe);
	rule_positive(c->e, p, probe, "terminationGracePeriodSeconds");
}

static void check_succeeds_once(
	struct field_errors *e, const struct path *p, const struct cJSON *probe)
{
	struct path at = PATH(p, "successThreshold");
	int64_t count = tree_int(probe, "successThreshold", 1);

	if (count != 1)
		field_invalid_int(e, &at, count, "must be 1");
}

void pod_check_probes(struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	static const char *const names[] = {
		"livenessProbe", "readinessProbe", "startupProbe", NULL};

	for (size_t i = 0; names[i]; i++) {
		struct path at = PATH(p, names[i]);
		struct path grace = PATH(&at, "terminationGracePeriodSeconds");
		const struct cJSON *probe = json_get(container, str_from(names[i]));

		if (!probe)
			continue;
		check_probe(c, &at, probe);
		if (i != 1)
			check_succeeds_once(c->e, &at, probe);
		else if (tree_has(probe, "terminationGracePeriodSeconds"))
			field_invalid_int(c->e, &grace,
				tree_int(probe, "terminationGracePeriodSeconds", 0),
				"must not be set for readinessProbes");
	}
}

void pod_check_lifecycle(struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	static const char *const names[] = {"postStart", "preStop", NULL};
	struct path lifecycle = PATH(p, "lifecycle");

	for (size_t i = 0; names[i]; i++) {
		struct path at = PATH(&lifecycle, names[i]);
		const struct cJSON *hook =
			json_get(json_get(container, STR("lifecycle")), str_from(names[i]));

		if (hook)
			check_handler(c, &at, hook);
	}
}
