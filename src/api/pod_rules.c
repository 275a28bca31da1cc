/* The rules of pod specs and templates: names, images, ports, environment, mounts, selectors. */
#include "pod_spec.h"

/* ---- numbers ---- */

void check_not_negative(struct field_errors *e, const struct path *parent, const char *name,
	const struct cJSON *object)
{
	struct path at = PATH(parent, name);
	int64_t value = tree_int(object, name, 0);

	if (value < 0)
		field_invalid_int(e, &at, value, "must be greater than or equal to 0");
}

/* ---- containers ---- */

static void check_port(struct field_errors *e, const struct path *p, const struct cJSON *port)
{
	static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
	struct path name_at = PATH(p, "name"), container_at = PATH(p, "containerPort");
	struct path host_at = PATH(p, "hostPort"), protocol_at = PATH(p, "protocol");
	struct str name = tree_str(port, "name"), protocol = tree_str(port, "protocol");
	int64_t number = tree_int(port, "containerPort", 0), host = tree_int(port, "hostPort", 0);

	if (name.len)
		field_check_name(e, &name_at, name, name_check_port_name);
	if (!number)
		field_required(e, &container_at, "%s", "");
	else if (number < 0 || number > 65535)
		field_invalid_int(
			e, &container_at, number, "must be between 1 and 65535, inclusive");
	if (host < 0 || host > 65535)
		field_invalid_int(e, &host_at, host, "must be between 1 and 65535, inclusive");
	if (!protocol.len)
		field_required(e, &protocol_at, "%s", "");
	else if (!str_eq_text(protocol, "TCP") && !str_eq_text(protocol, "UDP") &&
		 !str_eq_text(protocol, "SCTP"))
		field_not_supported_str(e, &protocol_at, protocol, protocols);
}

static bool volume_known(const struct cJSON *spec, struct str name)
{
	json_each (volume, json_get(spec, STR("volumes")))
		if (str_eq(tree_str(volume, "name"), name))
			return true;
	return false;
}

static void check_mounts(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const struct cJSON *container)
{
	struct path list_at = PATH(p, "volumeMounts");
	const struct cJSON *list = json_get(container, STR("volumeMounts"));
	size_t i = 0;

	json_each (mount, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct path path_at = PATH(&at, "mountPath");
		struct str name = tree_str(mount, "name"), path = tree_str(mount, "mountPath");

		if (!name.len)
			field_required(e, &name_at, "%s", "");
		else if (!volume_known(spec, name))
			field_not_found_str(e, &name_at, name);
		if (!path.len)
			field_required(e, &path_at, "%s", "");
		for (size_t j = 0; path.len && j < i; j++)
			if (str_eq(tree_str(json_at(list, j), "mountPath"), path)) {
				field_invalid_str(e, &path_at, path, "must be unique");
				break;
			}
		i++;
	}
}

static void check_env(struct field_errors *e, const struct path *p, const struct cJSON *container)
{
	struct path list_at = PATH(p, "env");
	size_t i = 0;

	json_each (env, json_get(container, STR("env"))) {
		struct path at = PATH_INDEX(&list_at, i++), name_at = PATH(&at, "name");

		if (!tree_str(env, "name").len)
			field_required(e, &name_at, "%s", "");
		else
			field_check_name(e, &name_at, tree_str(env, "name"), name_check_env_var);
	}
}

static void check_policies(
	struct field_errors *e, const struct path *p, const struct cJSON *container)
{
	static const char *const pulls[] = {"Always", "IfNotPresent", "Never", NULL};
	static const char *const messages[] = {"FallbackToLogsOnError", "File", NULL};
	struct path pull_at = PATH(p, "imagePullPolicy");
	struct path message_at = PATH(p, "terminationMessagePolicy");
	struct str pull = tree_str(container, "imagePullPolicy");
	struct str message = tree_str(container, "terminationMessagePolicy");

	if (!pull.len)
		field_required(e, &pull_at, "%s", "");
	else if (!str_eq_text(pull, "Always") && !str_eq_text(pull, "IfNotPresent") &&
		 !str_eq_text(pull, "Never"))
		field_not_supported_str(e, &pull_at, pull, pulls);
	if (!message.len)
		field_required(e, &message_at, "%s", "");
	else if (!str_eq_text(message, "File") && !str_eq_text(message, "FallbackToLogsOnError"))
		field_not_supported_str(e, &message_at, message, messages);
}

static void check_container(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const struct cJSON *container)
{
	struct path name_at = PATH(p, "name"), image_at = PATH(p, "image"),
		    ports = PATH(p, "ports");
	struct str name = tree_str(container, "name"), image = tree_str(container, "image");
	size_t i = 0;

	if (!name.len)
		field_required(e, &name_at, "%s", "");
	else
		field_check_name(e, &name_at, name, name_check_dns_label);
	if (!image.len)
		field_required(e, &image_at, "%s", "");
	else if (str_trim(image).len != image.len)
		field_invalid_str(
			e, &image_at, image, "must not have leading or trailing whitespace");
	check_policies(e, p, container);
	json_each (port, json_get(container, STR("ports"))) {
		struct path at = PATH_INDEX(&ports, i++);

		check_port(e, &at, port);
	}
	check_env(e, p, container);
	check_mounts(e, p, spec, container);
}

/* ---- the spec ---- */

static void check_containers(
	struct field_errors *e, const struct path *p, const struct cJSON *spec, const char *name)
{
	struct path list_at = PATH(p, name);
	const struct cJSON *list = json_get(spec, str_from(name));
	size_t i = 0;

	json_each (container, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct str own = tree_str(container, "name");

		check_container(e, &at, spec, container);
		for (size_t j = 0; own.len && j < i; j++)
			if (str_eq(tree_str(json_at(list, j), "name"), own)) {
				field_duplicate_str(e, &name_at, own);
				break;
			}
		i++;
	}
}

static void check_volumes(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	struct path list_at = PATH(p, "volumes");
	const struct cJSON *list = json_get(spec, STR("volumes"));
	size_t i = 0;

	json_each (volume, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct str name = tree_str(volume, "name");

		if (!name.len)
			field_required(e, &name_at, "%s", "");
		else
			field_check_name(e, &name_at, name, name_check_dns_label);
		for (size_t j = 0; name.len && j < i; j++)
			if (str_eq(tree_str(json_at(list, j), "name"), name)) {
				field_duplicate_str(e, &name_at, name);
				break;
			}
		i++;
	}
}

static void check_choice(struct field_errors *e, const struct path *p, const struct cJSON *spec,
	const char *name, const char *const *choices)
{
	struct path at = PATH(p, name);
	struct str value = tree_str(spec, name);

	if (!value.len) {
		field_required(e, &at, "%s", "");
		return;
	}
	for (size_t i = 0; choices[i]; i++)
		if (str_eq_text(value, choices[i]))
			return;
	field_not_supported_str(e, &at, value, choices);
}

void check_pod_spec(struct field_errors *e, const struct path *p, const struct cJSON *spec)
{
	static const char *const restarts[] = {"Always", "OnFailure", "Never", NULL};
	static const char *const dns[] = {
		"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None", NULL};
	struct path containers = PATH(p, "containers"), account = PATH(p, "serviceAccountName");
	struct path node = PATH(p, "nodeName");

	check_volumes(e, p, spec);
	if (!json_count(json_get(spec, STR("containers"))))
		field_required(e, &containers, "%s", "");
	check_containers(e, p, spec, "containers");
	check_containers(e, p, spec, "initContainers");
	check_choice(e, p, spec, "restartPolicy", restarts);
	check_choice(e, p, spec, "dnsPolicy", dns);
	if (tree_str(spec, "serviceAccountName").len)
		field_check_name(e, &account, tree_str(spec, "serviceAccountName"),
			name_check_dns_subdomain);
	if (tree_str(spec, "nodeName").len)
		field_check_name(e, &node, tree_str(spec, "nodeName"), name_check_dns_subdomain);
}

/* ---- templates ---- */

void check_template(struct field_errors *e, const struct path *p, const struct cJSON *tmpl)
{
	struct path meta = PATH(p, "metadata"), labels = PATH(&meta, "labels");
	struct path annotations = PATH(&meta, "annotations"), spec = PATH(p, "spec");

	check_labels(e, &labels, json_path(tmpl, "metadata.labels"));
	check_annotations(e, &annotations, json_path(tmpl, "metadata.annotations"));
	check_pod_spec(e, &spec, json_get(tmpl, STR("spec")));
}

void check_workload_selector(
	struct field_errors *e, const struct cJSON *object, const char *kind_word)
{
	struct path spec = PATH(NULL, "spec"), at = PATH(&spec, "selector");
	struct path tmpl = PATH(&spec, "template"), meta = PATH(&tmpl, "metadata");
	struct path labels = PATH(&meta, "labels");
	const struct cJSON *selector = json_path(object, "spec.selector");
	struct label_selector_rules rules = {0};
	struct selector parsed;

	if (json_type(selector) == JSON_NULL) {
		field_required(e, &at, "%s", "");
		return;
	}
	check_label_selector(e, &at, selector, rules);
	if (!json_count(json_get(selector, STR("matchLabels"))) &&
		!json_count(json_get(selector, STR("matchExpressions")))) {
		field_invalid(e, &at, selector, "empty selector is invalid for %s", kind_word);
		return;
	}
	if (!label_selector_from(e->arena, selector, &parsed, NULL) &&
		!label_selector_matches(
			&parsed, json_path(object, "spec.template.metadata.labels")))
		field_invalid(e, &labels, json_path(object, "spec.template.metadata.labels"),
			"`selector` does not match template `labels`");
}
