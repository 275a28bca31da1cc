/* The environments that several kinds share: of admission, and of devices. */
#include "program.h"

/* ---- admission ---- */

static const struct cel_type *texts(struct cel_env *env)
{
	return cel_type_list(env, &cel_string);
}

static struct cel_type *record_of_texts(
	struct cel_env *env, const char *name, const char *const *fields)
{
	struct cel_type *t = cel_type_record(env, str_from(name));

	for (; *fields; fields++)
		cel_type_add(env, t, str_from(*fields), &cel_string);
	return t;
}

static void put(
	struct cel_env *env, struct cel_type *t, const char *field, const struct cel_type *of)
{
	cel_type_add(env, t, str_from(field), of);
}

const struct cel_type *cel_type_of_request(struct cel_env *env)
{
	static const char *const kind[] = {"group", "version", "kind", NULL};
	static const char *const resource[] = {"group", "version", "resource", NULL};
	static const char *const user[] = {"username", "uid", NULL};
	static const char *const request[] = {
		"subResource", "requestSubResource", "name", "namespace", "operation", NULL};
	const struct cel_type *kind_type =
		record_of_texts(env, "kubernetes.GroupVersionKind", kind);
	const struct cel_type *resource_type =
		record_of_texts(env, "kubernetes.GroupVersionResource", resource);
	struct cel_type *user_type = record_of_texts(env, "kubernetes.UserInfo", user);
	struct cel_type *t = record_of_texts(env, "kubernetes.AdmissionRequest", request);

	put(env, user_type, "groups", texts(env));
	put(env, user_type, "extra", cel_type_map(env, &cel_string, texts(env)));
	put(env, t, "kind", kind_type);
	put(env, t, "resource", resource_type);
	put(env, t, "requestKind", kind_type);
	put(env, t, "requestResource", resource_type);
	put(env, t, "userInfo", user_type);
	put(env, t, "dryRun", &cel_bool);
	put(env, t, "options", &cel_dyn);
	return t;
}

const struct cel_type *cel_type_of_namespace(struct cel_env *env)
{
	static const char *const condition[] = {"status", "type", "message", "reason", NULL};
	static const char *const metadata[] = {
		"name", "generateName", "namespace", "UID", "resourceVersion", NULL};
	static const char *const phase[] = {"phase", NULL}, *const none[] = {NULL};
	struct cel_type *condition_type =
		record_of_texts(env, "kubernetes.NamespaceCondition", condition);
	struct cel_type *meta = record_of_texts(env, "kubernetes.NamespaceMetadata", metadata);
	struct cel_type *spec = record_of_texts(env, "kubernetes.NamespaceSpec", none);
	struct cel_type *status = record_of_texts(env, "kubernetes.NamespaceStatus", phase);
	struct cel_type *t = record_of_texts(env, "kubernetes.Namespace", none);
	const struct cel_type *map = cel_type_map(env, &cel_string, &cel_string);

	put(env, condition_type, "lastTransitionTime", &cel_timestamp);
	put(env, meta, "labels", map);
	put(env, meta, "annotations", map);
	put(env, meta, "creationTimestamp", &cel_timestamp);
	put(env, meta, "deletionTimestamp", &cel_timestamp);
	put(env, meta, "deletionGracePeriodSeconds", &cel_int);
	put(env, meta, "generation", &cel_int);
	put(env, meta, "finalizers", texts(env));
	put(env, spec, "finalizers", texts(env));
	put(env, status, "conditions", cel_type_list(env, condition_type));
	put(env, t, "metadata", meta);
	put(env, t, "spec", spec);
	put(env, t, "status", status);
	return t;
}

struct cel_env *cel_env_for_admission(unsigned with, bool params)
{
	struct cel_env *env = cel_env_new(with);

	cel_declare(env, STR("object"), &cel_dyn);
	cel_declare(env, STR("oldObject"), &cel_dyn);
	cel_declare(env, STR("request"), cel_type_of_request(env));
	cel_declare(env, STR("namespaceObject"), cel_type_of_namespace(env));
	cel_declare(env, STR("authorizer"), &cel_authorizer_type);
	cel_declare(env, STR("authorizer.requestResource"), &cel_resource_check_type);
	cel_declare(env, STR("params"), params ? &cel_dyn : NULL);
	return env;
}

/* ---- devices ---- */

/* What the API allows of a device's attributes, capacities and their names. */
enum { ID_MAX = 32, DOMAIN_MAX = 63, DRIVER_MAX = 63, VALUE_MAX = 64, VALUES_MAX = 32 };

static const struct cel_type *sized(
	struct cel_env *env, const struct cel_type *of, uint64_t max_size)
{
	struct cel_type *t = arena_copy(&env->arena, of, sizeof(*of));

	t->max_size = max_size;
	return t;
}

/* domain → name → value */
static const struct cel_type *by_domain(struct cel_env *env, const struct cel_type *value)
{
	const struct cel_type *inner = cel_type_map(env, sized(env, &cel_string, ID_MAX), value);

	inner = sized(env, inner, VALUES_MAX);
	return sized(
		env, cel_type_map(env, sized(env, &cel_string, DOMAIN_MAX), inner), VALUES_MAX);
}

struct cel_env *cel_env_for_devices(void)
{
	struct cel_env *env = cel_env_new(CEL_WITH_BIND);
	struct cel_type *device = cel_type_record(env, STR("kubernetes.DRADevice"));

	put(env, device, "driver", sized(env, &cel_string, DRIVER_MAX));
	put(env, device, "allowMultipleAllocations", &cel_bool);
	put(env, device, "attributes", by_domain(env, sized(env, &cel_dyn, VALUE_MAX)));
	put(env, device, "capacity", by_domain(env, &cel_quantity_type));
	cel_declare(env, STR("device"), device);
	return env;
}
