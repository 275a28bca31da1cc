/* Containers, of all three lists a pod has. */
#include "pod_parts.h"

/* ---- ports ---- */

static void check_port(struct pod_check *c, const struct path *p, const struct rule_index *names,
	size_t index, const struct cJSON *port)
{
	static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
	struct path name_at = PATH(p, "name"), container_at = PATH(p, "containerPort");
	struct path host_at = PATH(p, "hostPort");
	struct str name = tree_str(port, "name");
	int64_t number = tree_int(port, "containerPort", 0), host = tree_int(port, "hostPort", 0);
	struct name_faults f = {0};

	if (name.len) {
		name_check_port_name(name, &f);
		field_check_name(c->e, &name_at, name, name_check_port_name);
		if (!f.count && rule_index_before(names, index, name))
			field_duplicate_str(c->e, &name_at, name);
	}
	if (!number)
		field_required(c->e, &container_at, "%s", "");
	else
		rule_port_number(c->e, &container_at, number);
	if (host)
		rule_port_number(c->e, &host_at, host);
	rule_choice_required(c->e, p, port, "protocol", protocols);
}

static void check_ports(struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	struct path list_at = PATH(p, "ports");
	const struct cJSON *list = json_get(container, STR("ports"));
	_cleanup_(rule_index_done) struct rule_index names;
	size_t i = 0;

	rule_index_init(&names, list, "name");
	json_each (port, list) {
		struct path at = PATH_INDEX(&list_at, i);

		check_port(c, &at, &names, i++, port);
	}
}

/* Across the containers of one list: one port of the host for each. */
static void check_host_ports(struct pod_check *c, const struct path *list_at, const char *list)
{
	_cleanup_(map_done) struct map taken = {0};
	size_t i = 0;

	json_each (container, json_get(c->spec, str_from(list))) {
		struct path item = PATH_INDEX(list_at, i++), ports = PATH(&item, "ports");
		size_t j = 0;

		json_each (port, json_get(container, STR("ports"))) {
			struct path port_at = PATH_INDEX(&ports, j++);
			struct path at = PATH(&port_at, "hostPort");
			int64_t host = tree_int(port, "hostPort", 0);
			struct str key = arena_print(c->e->arena, "%.*s/%.*s/%lld",
				STRF(tree_str(port, "protocol")), STRF(tree_str(port, "hostIP")),
				(long long)host);

			if (host && map_has(&taken, key))
				field_duplicate_str(c->e, &at, key);
			else if (host)
				map_set(&taken, key, NULL);
		}
	}
}

/* ---- mounts ---- */

static bool is_propagated(const struct cJSON *mount)
{
	struct str how = tree_str(mount, "mountPropagation");

	return how.len && !str_eq_text(how, "None");
}

static void check_read_only(
	struct field_errors *e, const struct path *list, const struct cJSON *mount)
{
	static const char *const modes[] = {"Disabled", "Enabled", "IfPossible", NULL};
	struct path at = PATH(list, "recursiveReadOnly");
	struct str mode = tree_str(mount, "recursiveReadOnly");

	if (!tree_has(mount, "recursiveReadOnly") || str_eq_text(mode, "Disabled"))
		return;
	if (!rule_is_one_of(mode, modes)) {
		field_not_supported_str(e, &at, mode, modes);
		return;
	}
	if (!tree_true(mount, "readOnly"))
		field_forbidden(e, &at, "may only be specified when readOnly is true");
	if (is_propagated(mount))
		field_forbidden(e, &at,
			"may only be specified when mountPropagation is None or not specified");
}

/* Upstream names the list, not the mount, for what follows. */
static void check_mount_ways(struct field_errors *e, const struct path *list, const struct path *at,
	const struct cJSON *container, const struct cJSON *mount)
{
	static const char *const ways[] = {"Bidirectional", "HostToContainer", "None", NULL};
	struct path sub = PATH(list, "subPath"), sub_expr = PATH(list, "subPathExpr");
	struct path expr_at = PATH(at, "subPathExpr"), way_at = PATH(list, "mountPropagation");
	struct str path = tree_str(mount, "subPath"), expr = tree_str(mount, "subPathExpr");

	if (path.len)
		rule_relative_path(e, &sub, path);
	if (expr.len) {
		if (path.len)
			field_invalid_str(e, &expr_at, expr,
				"subPathExpr and subPath are mutually exclusive");
		rule_relative_path(e, &sub_expr, expr);
	}
	rule_choice(e, list, mount, "mountPropagation", ways);
	if (str_eq_text(tree_str(mount, "mountPropagation"), "Bidirectional") &&
		!tree_true(container, "securityContext.privileged"))
		field_forbidden(e, &way_at,
			"Bidirectional mount propagation is available only to privileged "
			"containers");
	check_read_only(e, list, mount);
}

static void check_mounts(struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	struct path list_at = PATH(p, "volumeMounts");
	const struct cJSON *list = json_get(container, STR("volumeMounts"));
	const struct cJSON *devices = json_get(container, STR("volumeDevices"));
	_cleanup_(rule_index_done) struct rule_index paths, device_names, device_paths;
	size_t i = 0;

	rule_index_init(&paths, list, "mountPath");
	rule_index_init(&device_names, devices, "name");
	rule_index_init(&device_paths, devices, "devicePath");
	json_each (mount, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct path path_at = PATH(&at, "mountPath");
		struct str name = tree_str(mount, "name"), path = tree_str(mount, "mountPath");

		rule_text(c->e, &at, mount, "name");
		if (!pod_has_volume(c, name))
			field_not_found_str(c->e, &name_at, name);
		if (rule_text(c->e, &at, mount, "mountPath") && rule_index_before(&paths, i, path))
			field_invalid_str(c->e, &path_at, path, "must be unique");
		if (name.len && rule_index_before(&device_names, SIZE_MAX, name))
			field_invalid_str(
				c->e, &name_at, name, "must not already exist in volumeDevices");
		if (path.len && rule_index_before(&device_paths, SIZE_MAX, path))
			field_invalid_str(c->e, &path_at, path,
				"must not already exist as a path in volumeDevices");
		check_mount_ways(c->e, &list_at, &at, container, mount);
		i++;
	}
}

static void check_device_path(struct pod_check *c, const struct path *at, const struct cJSON *list,
	size_t index, const struct cJSON *device)
{
	struct path path_at = PATH(at, "devicePath");
	struct str path = tree_str(device, "devicePath"), rest = path, part;
	bool back = false;

	if (!rule_text(c->e, at, device, "devicePath"))
		return;
	if (rule_came_before(list, index, "devicePath", path))
		field_invalid_str(c->e, &path_at, path, "must be unique");
	while (str_next(&rest, '/', &part))
		back |= str_eq_text(part, "..");
	if (back)
		field_invalid_str(c->e, &path_at, path, "can not contain backsteps ('..')");
}

static void check_devices(struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	struct path list_at = PATH(p, "volumeDevices");
	const struct cJSON *list = json_get(container, STR("volumeDevices"));
	const struct cJSON *mounts = json_get(container, STR("volumeMounts"));
	size_t i = 0;

	json_each (device, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct path path_at = PATH(&at, "devicePath");
		struct str name = tree_str(device, "name"), path = tree_str(device, "devicePath");
		bool known = pod_has_volume(c, name);

		if (rule_text(c->e, &at, device, "name") && rule_came_before(list, i, "name", name))
			field_invalid_str(c->e, &name_at, name, "must be unique");
		if (known && !pod_volume_is_claim(c->spec, name))
			field_invalid_str(c->e, &name_at, name,
				"can only use volume source type of PersistentVolumeClaim or "
				"Ephemeral for block mode");
		if (!known)
			field_not_found_str(c->e, &name_at, name);
		check_device_path(c, &at, list, i++, device);
		if (name.len && rule_came_before(mounts, SIZE_MAX, "name", name))
			field_invalid_str(
				c->e, &name_at, name, "must not already exist in volumeMounts");
		if (path.len && rule_came_before(mounts, SIZE_MAX, "mountPath", path))
			field_invalid_str(c->e, &path_at, path,
				"must not already exist as a path in volumeMounts");
	}
}

/* ---- what all containers obey ---- */

static void check_common(struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	static const char *const pulls[] = {"Always", "IfNotPresent", "Never", NULL};
	static const char *const messages[] = {"File", "FallbackToLogsOnError", NULL};
	struct path resources = PATH(p, "resources"), security = PATH(p, "securityContext");

	if (rule_text(c->e, p, container, "name"))
		rule_name(c->e, p, container, "name", name_check_dns_label);
	rule_text(c->e, p, container, "image");
	rule_choice_required(c->e, p, container, "terminationMessagePolicy", messages);
	check_ports(c, p, container);
	pod_check_env(c, p, container);
	check_mounts(c, p, container);
	check_devices(c, p, container);
	rule_choice_required(c->e, p, container, "imagePullPolicy", pulls);
	pod_check_resources(c, &resources, json_get(container, STR("resources")));
	pod_check_resize_policy(c, p, container);
	pod_check_container_security(c, &security, json_get(container, STR("securityContext")));
}

static void check_main(struct pod_check *c, const struct path *p)
{
	struct path list_at = PATH(p, "containers");
	const struct cJSON *list = json_get(c->spec, STR("containers"));
	_cleanup_(rule_index_done) struct rule_index names;
	size_t i = 0;

	rule_index_init(&names, list, "name");
	rule_some(c->e, p, c->spec, "containers");
	json_each (container, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct str name = tree_str(container, "name");

		check_common(c, &at, container);
		if (name.len && rule_index_before(&names, i, name))
			field_duplicate_str(c->e, &name_at, name);
		pod_check_lifecycle(c, &at, container);
		pod_check_probes(c, &at, container);
		pod_check_restart(c, &at, container);
		i++;
	}
	check_host_ports(c, &list_at, "containers");
}

/* ---- before the others, and beside them ---- */

static void forbid_for_init(
	struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	static const char *const names[] = {
		"lifecycle", "livenessProbe", "readinessProbe", "startupProbe", NULL};

	for (size_t i = 0; names[i]; i++) {
		struct path at = PATH(p, names[i]);

		if (json_get(container, str_from(names[i])))
			field_forbidden(c->e, &at,
				"may not be set for init containers without restartPolicy=Always");
	}
}

static void check_init(struct pod_check *c, const struct path *p)
{
	struct path list_at = PATH(p, "initContainers");
	const struct cJSON *list = json_get(c->spec, STR("initContainers"));
	const struct cJSON *main = json_get(c->spec, STR("containers"));
	_cleanup_(rule_index_done) struct rule_index own, others;
	size_t i = 0;

	rule_index_init(&own, list, "name");
	rule_index_init(&others, main, "name");
	json_each (container, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct str name = tree_str(container, "name");

		check_common(c, &at, container);
		pod_check_restart(c, &at, container);
		if (name.len && (rule_index_before(&own, i, name) ||
					rule_index_before(&others, SIZE_MAX, name)))
			field_duplicate_str(c->e, &name_at, name);
		if (str_eq_text(tree_str(container, "restartPolicy"), "Always")) {
			pod_check_lifecycle(c, &at, container);
			pod_check_probes(c, &at, container);
		} else {
			forbid_for_init(c, &at, container);
		}
		i++;
	}
	check_host_ports(c, &list_at, "initContainers");
}

/* ---- added to look around ---- */

static void forbid_for_ephemeral(
	struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	static const char *const names[] = {"ports", "resources", "livenessProbe", "readinessProbe",
		"startupProbe", "lifecycle", "resizePolicy", "restartPolicy", "restartPolicyRules",
		NULL};
	static const char *const ways[] = {"subPath", "subPathExpr", NULL};
	struct path mounts = PATH(p, "volumeMounts");
	size_t n = 0;

	for (size_t i = 0; names[i]; i++) {
		struct path at = PATH(p, names[i]);

		const struct cJSON *value = json_get(container, str_from(names[i]));
		bool may_be_empty =
			str_eq_text(str_from(names[i]), "resources") || json_is(value, JSON_ARRAY);

		if (value && (!may_be_empty || json_count(value)))
			field_forbidden(c->e, &at, "cannot be set for an Ephemeral Container");
	}
	json_each (mount, json_get(container, STR("volumeMounts"))) {
		struct path item = PATH_INDEX(&mounts, n++);

		for (size_t i = 0; ways[i]; i++) {
			struct path at = PATH(&item, ways[i]);

			if (tree_str(mount, ways[i]).len)
				field_forbidden(
					c->e, &at, "cannot be set for an Ephemeral Container");
		}
	}
}

static void check_ephemeral(struct pod_check *c, const struct path *p)
{
	struct path list_at = PATH(p, "ephemeralContainers");
	const struct cJSON *list = json_get(c->spec, STR("ephemeralContainers"));
	const struct cJSON *main = json_get(c->spec, STR("containers"));
	const struct cJSON *init = json_get(c->spec, STR("initContainers"));
	size_t i = 0;

	json_each (container, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct path target_at = PATH(&at, "targetContainerName");
		struct str name = tree_str(container, "name");
		struct str target = tree_str(container, "targetContainerName");

		check_common(c, &at, container);
		if (name.len && (rule_came_before(list, i, "name", name) ||
					rule_came_before(main, SIZE_MAX, "name", name) ||
					rule_came_before(init, SIZE_MAX, "name", name)))
			field_duplicate_str(c->e, &name_at, name);
		if (target.len && !rule_came_before(main, SIZE_MAX, "name", target) &&
			!rule_came_before(init, SIZE_MAX, "name", target))
			field_not_found_str(c->e, &target_at, target);
		forbid_for_ephemeral(c, &at, container);
		i++;
	}
}

void pod_check_containers(struct pod_check *c, const struct path *p)
{
	check_main(c, p);
	check_init(c, p);
	check_ephemeral(c, p);
}
