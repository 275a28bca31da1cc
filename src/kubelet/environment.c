#include "environment.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/names.h>

const struct resource *resource_config_maps(void)
{
	return resource_find(STR(""), STR("v1"), STR("configmaps"));
}

const struct resource *resource_secrets(void)
{
	return resource_find(STR(""), STR("v1"), STR("secrets"));
}

/* ---- the list ---- */

static struct runtime_pair *find(const struct environment *e, struct str name)
{
	for (size_t i = 0; i < e->count; i++)
		if (str_eq(e->items[i].key, name))
			return &e->items[i];
	return NULL;
}

bool environment_get(const struct environment *e, struct str name, struct str *value)
{
	const struct runtime_pair *pair = find(e, name);

	if (pair)
		*value = pair->value;
	return pair != NULL;
}

void environment_set(struct environment *e, struct str name, struct str value)
{
	struct runtime_pair *pair = find(e, name);

	if (!pair) {
		ARENA_ROOM(e->arena, e->items, e->count, e->cap, 32);
		pair = &e->items[e->count++];
		pair->key = arena_str(e->arena, name);
	}
	pair->value = arena_str(e->arena, value);
}

/* ---- services ---- */

static struct str variable_name(struct arena *a, struct str name)
{
	struct str copy = arena_str(a, name);

	for (size_t i = 0; i < copy.len; i++) {
		char *c = (char *)&copy.at[i];

		if (*c == '-')
			*c = '_';
		else if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	}
	return copy;
}

static struct str lower(struct arena *a, struct str text)
{
	struct str copy = arena_str(a, text);

	for (size_t i = 0; i < copy.len; i++)
		if (copy.at[i] >= 'A' && copy.at[i] <= 'Z')
			((char *)copy.at)[i] = (char)(copy.at[i] - 'A' + 'a');
	return copy;
}

/* As Docker once told its linked containers. */
static void add_link(
	struct environment *e, struct str name, struct str ip, const struct cJSON *port, bool first)
{
	struct arena *a = e->arena;
	long long number = tree_int(port, "port", 0);
	struct str protocol = tree_str(port, "protocol");
	if (!protocol.len)
		protocol = STR("TCP");
	_cleanup_(buf_done) struct buf url = BUF_INIT(1024);

	if (str_find_char(ip, ':') >= 0)
		buf_print(&url, "%.*s://[%.*s]:%lld", STRF(lower(a, protocol)), STRF(ip), number);
	else
		buf_print(&url, "%.*s://%.*s:%lld", STRF(lower(a, protocol)), STRF(ip), number);
	if (first)
		environment_set(e, arena_print(a, "%.*s_PORT", STRF(name)), buf_str(&url));
	struct str prefix =
		arena_print(a, "%.*s_PORT_%lld_%.*s", STRF(name), number, STRF(protocol));
	environment_set(e, prefix, buf_str(&url));
	environment_set(e, arena_print(a, "%.*s_PROTO", STRF(prefix)), lower(a, protocol));
	environment_set(
		e, arena_print(a, "%.*s_PORT", STRF(prefix)), arena_print(a, "%lld", number));
	environment_set(e, arena_print(a, "%.*s_ADDR", STRF(prefix)), ip);
}

void environment_add_service(struct environment *e, const struct cJSON *service)
{
	struct arena *a = e->arena;
	struct str ip = tree_str(service, "spec.clusterIP");
	struct str name = variable_name(a, tree_str(service, "metadata.name"));
	const struct cJSON *ports = json_path(service, "spec.ports");

	if (!ip.len || str_eq(ip, STR("None")))
		return;
	environment_set(e, arena_print(a, "%.*s_SERVICE_HOST", STRF(name)), ip);
	environment_set(e, arena_print(a, "%.*s_SERVICE_PORT", STRF(name)),
		arena_print(a, "%lld", (long long)tree_int(json_at(ports, 0), "port", 0)));
	json_each (port, ports)
		if (tree_str(port, "name").len)
			environment_set(e,
				arena_print(a, "%.*s_SERVICE_PORT_%.*s", STRF(name),
					STRF(variable_name(a, tree_str(port, "name")))),
				arena_print(a, "%lld", (long long)tree_int(port, "port", 0)));
	json_each (port, ports)
		add_link(e, name, ip, port, port == json_first(ports));
}

/* The API's own service is told of always, others when the pod wants to know. */
static void add_services(struct environment *e, const struct environment_input *in)
{
	const struct cJSON *wanted = json_path(in->pod, "spec.enableServiceLinks");
	struct str namespace = tree_str(in->pod, "metadata.namespace");
	bool links = !wanted || json_bool(wanted);

	for (size_t i = 0; i < in->service_count; i++) {
		const struct cJSON *service = in->services[i];
		struct str home = tree_str(service, "metadata.namespace");
		bool api = str_eq(home, STR("default")) &&
			   str_eq(tree_str(service, "metadata.name"), STR("kubernetes"));

		if (str_eq(home, namespace) ? links || api : api)
			environment_add_service(e, service);
	}
}

/* ---- config maps and secrets ---- */

struct source_kind {
	const struct resource *(*resource)(void);
	const char *word, *kind; /* in messages */
	bool encoded;
};
static const struct source_kind config_map = {
	resource_config_maps, "configmap", "ConfigMap", false};
static const struct source_kind secret = {resource_secrets, "secret", "Secret", true};

/* 0 and NULL when it is missing and may be. */
static int get_source(const struct environment_input *in, struct arena *a,
	const struct source_kind *kind, struct str name, bool optional, const struct cJSON **object,
	struct err *err)
{
	*object = NULL;
	switch (in->sources->get(in->sources->ctx, a, kind->resource(), name, object)) {
	case SOURCE_FOUND:
		return 0;
	case SOURCE_MISSING:
		if (optional)
			return 0;
		return err_set(err, ERR_NOT_FOUND, "%s \"%.*s\" not found", kind->word, STRF(name));
	case SOURCE_NOT_YET:
		break;
	}
	return err_set(err, ERR_UNAVAILABLE,
		"failed to sync %s cache: timed out waiting for the "
		"condition",
		kind->word);
}

static struct str decode(struct arena *a, const struct source_kind *kind, struct str text)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT(3 * MIB);

	if (!kind->encoded || base64_decode(&bytes, text, NULL))
		return text;
	return arena_str(a, buf_str(&bytes));
}

static int add_all(struct environment *e, const struct environment_input *in,
	const struct source_kind *kind, const struct cJSON *ref, struct str prefix, struct err *err)
{
	const struct cJSON *object;
	int code = get_source(in, e->arena, kind, tree_str(ref, "name"), tree_true(ref, "optional"),
		&object, err);

	if (code)
		return code;
	json_each (entry, json_get(object, STR("data"))) {
		struct str name =
			arena_print(e->arena, "%.*s%.*s", STRF(prefix), STRF(json_key(entry)));
		struct name_faults faults = {0};

		/* What no variable can be called is left out. */
		name_check_env_var(name, &faults);
		if (!faults.count)
			environment_set(e, name, decode(e->arena, kind, json_str(entry)));
	}
	return 0;
}

static int take_key(struct environment *e, const struct environment_input *in,
	const struct source_kind *kind, const struct cJSON *ref, struct str *value, bool *found,
	struct err *err)
{
	const struct cJSON *object;
	struct str name = tree_str(ref, "name"), key = tree_str(ref, "key");
	bool optional = tree_true(ref, "optional");
	int code = get_source(in, e->arena, kind, name, optional, &object, err);

	*found = false;
	if (code || !object)
		return code;
	const struct cJSON *entry = json_get(json_get(object, STR("data")), key);
	if (entry) {
		*value = decode(e->arena, kind, json_str(entry));
		*found = true;
		return 0;
	}
	if (optional)
		return 0;
	return err_set(err, ERR_INVALID, "couldn't find key %.*s in %s %.*s/%.*s", STRF(key),
		kind->kind, STRF(tree_str(in->pod, "metadata.namespace")), STRF(name));
}

/* ---- files ---- */

/* What is said as nothing is not there, as upstream has it. */
static int take_from_file(struct environment *e, const struct environment_input *in,
	const struct cJSON *ref, struct str *value, bool *found, struct err *err)
{
	struct str volume = tree_str(ref, "volumeName"), path = tree_str(ref, "path");
	struct str key = tree_str(ref, "key");
	const struct variable_file *file = variable_files_get(in->files, volume, path);

	if (!file)
		return err_set(err, ERR_NOT_FOUND,
			"cannot find the volume \"%.*s\" referenced by FileKeyRef", STRF(volume));
	if (file->failed || variable_find(e->arena, file->text, key, value, NULL))
		return err_set(err, ERR_INVALID, "couldn't parse env file");
	*found = value->len > 0;
	if (*found || tree_true(ref, "optional"))
		return 0;
	return err_set(err, ERR_INVALID,
		"environment variable key \"%.*s\" not found in file \"%.*s\"", STRF(key),
		STRF(path));
}

/* ---- all of it ---- */

static int value_from(struct environment *e, const struct environment_input *in,
	const struct cJSON *from, struct str *value, bool *found, struct err *err)
{
	const struct cJSON *ref;

	*found = true;
	if ((ref = json_get(from, STR("fieldRef"))))
		return downward_field(
			e->arena, in->pod, in->node, tree_str(ref, "fieldPath"), value, err);
	if ((ref = json_get(from, STR("resourceFieldRef"))))
		return downward_resource(
			e->arena, in->pod, in->container, in->node, ref, value, err);
	if ((ref = json_get(from, STR("configMapKeyRef"))))
		return take_key(e, in, &config_map, ref, value, found, err);
	if ((ref = json_get(from, STR("secretKeyRef"))))
		return take_key(e, in, &secret, ref, value, found, err);
	if ((ref = json_get(from, STR("fileKeyRef"))))
		return take_from_file(e, in, ref, value, found, err);
	return err_set(err, ERR_UNSUPPORTED, "this source of a variable is not supported");
}

int environment_make(struct environment *e, const struct environment_input *in, struct err *err)
{
	struct arena *a = e->arena;
	struct environment services = {.arena = a}, both = {.arena = a};
	const struct cJSON *ref;

	add_services(&services, in);
	json_each (from, json_get(in->container, STR("envFrom"))) {
		struct str prefix = tree_str(from, "prefix");
		int code = 0;

		if ((ref = json_get(from, STR("configMapRef"))))
			code = add_all(e, in, &config_map, ref, prefix, err);
		else if ((ref = json_get(from, STR("secretRef"))))
			code = add_all(e, in, &secret, ref, prefix, err);
		if (code)
			return code;
	}
	json_each (entry, json_get(in->container, STR("env"))) {
		struct str value = tree_str(entry, "value");
		const struct cJSON *from = json_get(entry, STR("valueFrom"));
		bool found = true;

		/* The container's own come before those of services. */
		both.count = 0;
		for (size_t i = 0; i < services.count && value.len; i++)
			environment_set(&both, services.items[i].key, services.items[i].value);
		for (size_t i = 0; i < e->count && value.len; i++)
			environment_set(&both, e->items[i].key, e->items[i].value);
		int code = 0;
		if (value.len)
			value = expand(a, value, &both);
		else if (from)
			code = value_from(e, in, from, &value, &found, err);
		if (code)
			return code;
		if (found)
			environment_set(e, tree_str(entry, "name"), value);
	}
	for (size_t i = 0; i < services.count; i++)
		if (!find(e, services.items[i].key))
			environment_set(e, services.items[i].key, services.items[i].value);
	return 0;
}
