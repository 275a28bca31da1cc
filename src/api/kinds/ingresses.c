/* Ingress */
#include "ip_rules.h"
#include "kinds.h"
#include "types.h"

#define CLASS_ANNOTATION "kubernetes.io/ingress.class"

/* ---- backends ---- */

static void check_segment(struct field_errors *e, const struct path *p, struct str value)
{
	if (!value.len)
		field_required(e, p, "%s", "");
	else
		field_check_name(e, p, value, name_check_path_segment);
}

static void check_resource(
	struct field_errors *e, const struct path *p, const struct cJSON *resource)
{
	struct path group = PATH(p, "apiGroup"), kind = PATH(p, "kind"), name = PATH(p, "name");

	if (tree_has(resource, "apiGroup"))
		field_check_name(
			e, &group, tree_str(resource, "apiGroup"), name_check_dns_subdomain);
	check_segment(e, &kind, tree_str(resource, "kind"));
	check_segment(e, &name, tree_str(resource, "name"));
}

static void check_service(struct field_errors *e, const struct path *backend, const struct path *p,
	const struct cJSON *service)
{
	struct path name = PATH(p, "name"), port = PATH(p, "port");
	struct path port_name = PATH(&port, "name"), port_number = PATH(&port, "number");
	struct str named = tree_str(service, "port.name");
	int64_t number = tree_int(service, "port.number", 0);

	if (!tree_str(service, "name").len)
		field_required(e, &name, "%s", "");
	else
		field_check_name(e, &name, tree_str(service, "name"), name_check_dns_label);
	if (named.len && number) {
		field_invalid_str(e, backend, STR(""), "cannot set both port name & port number");
	} else if (named.len) {
		field_check_name(e, &port_name, named, name_check_port_name);
	} else if (number) {
		struct name_faults f = {0};

		name_check_port(number, &f);
		for (size_t i = 0; i < f.count; i++)
			field_invalid_int(e, &port_number, number, "%s", f.items[i]);
	} else {
		field_required(e, backend, "port name or number is required");
	}
}

static void check_backend(struct field_errors *e, const struct path *p, const struct cJSON *backend)
{
	struct path resource = PATH(p, "resource"), service = PATH(p, "service");
	const struct cJSON *r = json_get(backend, STR("resource"));
	const struct cJSON *s = json_get(backend, STR("service"));

	if (r && s)
		field_invalid_str(e, p, STR(""), "cannot set both resource and service backends");
	else if (r)
		check_resource(e, &resource, r);
	else if (s)
		check_service(e, p, &service, s);
	else
		field_invalid_str(e, p, STR(""), "resource or service backend is required");
}

/* ---- rules ---- */

static void check_host(struct field_errors *e, const struct path *p, struct str host)
{
	struct ip ip;

	if (ip_parse(host, &ip))
		field_invalid_str(e, p, host, "must be a DNS name, not an IP address");
	if (str_find_char(host, '*') >= 0)
		field_check_name(e, p, host, name_check_wildcard_subdomain);
	else
		field_check_name(e, p, host, name_check_dns_subdomain);
}

static void check_exact_path(struct field_errors *e, const struct path *p, struct str path)
{
	static const char *const bad[] = {"//", "/./", "/../", "%2f", "%2F", NULL};
	static const char *const bad_ends[] = {"/..", "/.", NULL};

	if (!str_starts(path, STR("/")))
		field_invalid_str(e, p, path, "must be an absolute path");
	if (!path.len)
		return;
	for (size_t i = 0; bad[i]; i++)
		if (str_find(path, str_from(bad[i])) >= 0)
			field_invalid_str(e, p, path, "must not contain '%s'", bad[i]);
	for (size_t i = 0; bad_ends[i]; i++)
		if (str_ends(path, str_from(bad_ends[i])))
			field_invalid_str(e, p, path, "cannot end with '%s'", bad_ends[i]);
}

static void check_http_path(struct field_errors *e, const struct path *p, const struct cJSON *item)
{
	static const char *const types[] = {"Exact", "ImplementationSpecific", "Prefix", NULL};
	struct path type_at = PATH(p, "pathType"), at = PATH(p, "path"),
		    backend = PATH(p, "backend");
	struct str type = tree_str(item, "pathType"), path = tree_str(item, "path");

	if (!tree_has(item, "pathType")) {
		field_required(e, &type_at, "pathType must be specified");
		return;
	}
	if (str_eq_text(type, "Exact") || str_eq_text(type, "Prefix"))
		check_exact_path(e, &at, path);
	else if (!str_eq_text(type, "ImplementationSpecific"))
		field_not_supported_str(e, &type_at, type, types);
	else if (path.len && path.at[0] != '/')
		field_invalid_str(e, &at, path, "must be an absolute path");
	check_backend(e, &backend, json_get(item, STR("backend")));
}

static void check_rule(struct field_errors *e, const struct path *p, const struct cJSON *rule)
{
	struct path host = PATH(p, "host"), http = PATH(p, "http"), paths = PATH(&http, "paths");
	const struct cJSON *list = json_path(rule, "http.paths");
	size_t i = 0;

	if (tree_str(rule, "host").len)
		check_host(e, &host, tree_str(rule, "host"));
	if (!tree_has(rule, "http"))
		return;
	if (!json_count(list))
		field_required(e, &paths, "%s", "");
	json_each (item, list) {
		struct path at = PATH_INDEX(&paths, i++);

		check_http_path(e, &at, item);
	}
}

static void check_tls(struct field_errors *e, const struct path *p, const struct cJSON *tls)
{
	struct path hosts = PATH(p, "hosts"), secret = PATH(p, "secretName");
	size_t i = 0;

	json_each (host, json_get(tls, STR("hosts"))) {
		struct path at = PATH_INDEX(&hosts, i++);
		bool wildcard = str_find_char(json_str(host), '*') >= 0;

		field_check_name(e, &at, json_str(host),
			wildcard ? name_check_wildcard_subdomain : name_check_dns_subdomain);
	}
	if (tree_str(tls, "secretName").len)
		field_check_name(e, &secret, tree_str(tls, "secretName"), name_check_dns_subdomain);
}

static void check_spec(struct field_errors *e, const struct cJSON *spec)
{
	struct path root = PATH(NULL, "spec"), backend = PATH(&root, "defaultBackend");
	struct path rules = PATH(&root, "rules"), tls = PATH(&root, "tls");
	struct path class = PATH(&root, "ingressClassName");
	size_t i = 0;

	if (!json_count(json_get(spec, STR("rules"))) && !tree_has(spec, "defaultBackend"))
		field_invalid(
			e, &root, NULL, "either `defaultBackend` or `rules` must be specified");
	if (tree_has(spec, "defaultBackend"))
		check_backend(e, &backend, json_get(spec, STR("defaultBackend")));
	json_each (rule, json_get(spec, STR("rules"))) {
		struct path at = PATH_INDEX(&rules, i++);

		check_rule(e, &at, rule);
	}
	i = 0;
	json_each (item, json_get(spec, STR("tls"))) {
		struct path at = PATH_INDEX(&tls, i++);

		check_tls(e, &at, item);
	}
	if (tree_has(spec, "ingressClassName"))
		field_check_name(
			e, &class, tree_str(spec, "ingressClassName"), name_check_dns_subdomain);
}

/* ---- the strategy ---- */

/* Only new objects: what was stored with both may stay. */
static void validate(struct change *c, struct field_errors *e)
{
	struct path annotations = PATH(NULL, "annotations");
	struct path at = PATH(&annotations, CLASS_ANNOTATION);
	const struct cJSON *annotation =
		json_get(json_path(c->object, "metadata.annotations"), STR(CLASS_ANNOTATION));

	check_spec(e, json_get(c->object, STR("spec")));
	if (annotation && tree_has(c->object, "spec.ingressClassName") &&
		!str_eq(json_str(annotation), tree_str(c->object, "spec.ingressClassName")))
		field_invalid_str(e, &at, json_str(annotation),
			"must match `ingressClassName` when both are specified");
}

static void validate_update(struct change *c, struct field_errors *e)
{
	check_spec(e, json_get(c->object, STR("spec")));
}

static void validate_status(struct change *c, struct field_errors *e)
{
	struct path status = PATH(NULL, "status"), balancer = PATH(&status, "loadBalancer");
	struct path list = PATH(&balancer, "ingress");
	size_t i = 0;

	json_each (item, json_path(c->object, "status.loadBalancer.ingress")) {
		struct path at = PATH_INDEX(&list, i++);
		struct path ip_at = PATH(&at, "ip"), host_at = PATH(&at, "hostname");
		struct str host = tree_str(item, "hostname");
		struct ip ip;

		if (tree_str(item, "ip").len)
			check_ip(e, &ip_at, tree_str(item, "ip"), &ip);
		if (!host.len)
			continue;
		field_check_name(e, &host_at, host, name_check_dns_subdomain);
		if (ip_parse(host, &ip))
			field_invalid_str(
				e, &host_at, host, "must be a DNS name, not an IP address");
	}
}

static void warn(struct change *c)
{
	if (!c->old &&
		json_get(json_path(c->object, "metadata.annotations"), STR(CLASS_ANNOTATION)))
		change_warn(c,
			"annotation \"%s\" is deprecated, please use "
			"'spec.ingressClassName' instead",
			CLASS_ANNOTATION);
}

const struct strategy strategy_ingresses = {
	.name_rule = name_check_dns_subdomain,
	.unconditional = true,
	.generation = GENERATION_SPEC,
	.drops_status = true,
	.validate = validate,
	.validate_update = validate_update,
	.validate_status = validate_status,
	.warn = warn,
};
