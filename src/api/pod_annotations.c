/* Annotations that mean something: mirror pods, deletion costs, profiles of old clients. */
#include "pod_parts.h"
#include "pod_update.h"

#define MIRROR  "kubernetes.io/config.mirror"
#define COST    "controller.kubernetes.io/pod-deletion-cost"
#define SECCOMP "seccomp.security.alpha.kubernetes.io/pod"

static const struct str apparmor = STR_INIT(POD_APPARMOR);
static const struct str localhost = STR_INIT("localhost/");
static const struct str seccomp_of_container =
	STR_INIT("container.seccomp.security.alpha.kubernetes.io/");

static bool has_container(const struct cJSON *spec, struct str name)
{
	static const char *const lists[] = {
		"initContainers", "containers", "ephemeralContainers", NULL};

	for (size_t i = 0; lists[i]; i++)
		if (rule_came_before(json_get(spec, str_from(lists[i])), SIZE_MAX, "name", name))
			return true;
	return false;
}

/* A number as it would be printed again: no plus, no zeros before it. */
static bool is_cost(struct str text)
{
	struct str digits = str_starts(text, STR("-")) ? str_skip(text, 1) : text;
	int64_t number;

	return str_to_i64(text, &number) && number >= INT32_MIN && number <= INT32_MAX &&
	       digits.at[0] != '+' && (digits.len == 1 || digits.at[0] != '0') &&
	       !str_eq_text(text, "-0");
}

static void check_seccomp(struct field_errors *e, const struct path *at, struct str text)
{
	if (str_eq_text(text, "runtime/default") || str_eq_text(text, "docker/default") ||
		str_eq_text(text, "unconfined"))
		return;
	if (str_starts(text, localhost))
		rule_relative_path(e, at, str_skip(text, localhost.len));
	else
		field_invalid_str(e, at, text, "must be a valid seccomp profile");
}

static void check_apparmor(struct field_errors *e, const struct path *at, const struct cJSON *spec,
	struct str container, struct str text)
{
	if (!has_container(spec, container))
		field_invalid_str(e, at, container, "container not found");
	if (text.len && !str_eq_text(text, "runtime/default") && !str_eq_text(text, "unconfined") &&
		!str_starts(text, localhost))
		field_invalid_str(e, at, text, "invalid AppArmor profile name: %.*s",
			STRF(field_quote(e->arena, text)));
}

void pod_check_annotations(struct field_errors *e, const struct path *p,
	const struct cJSON *annotations, const struct cJSON *spec)
{
	const struct cJSON *mirror = json_get(annotations, STR(MIRROR));
	const struct cJSON *cost = json_get(annotations, STR(COST));
	struct path mirror_at = PATH_KEY(p, STR(MIRROR)), cost_at = PATH_KEY(p, STR(COST));
	struct path seccomp_at = PATH(p, SECCOMP);

	if (mirror && !tree_str(spec, "nodeName").len)
		field_invalid_str(e, &mirror_at, json_str(mirror),
			"must set spec.nodeName if mirror pod annotation is set");
	if (cost && !is_cost(json_str(cost)))
		field_invalid_str(e, &cost_at, json_str(cost), "must be a 32bit integer");
	if (json_get(annotations, STR(SECCOMP)))
		check_seccomp(e, &seccomp_at, json_str(json_get(annotations, STR(SECCOMP))));
	json_each (annotation, annotations) {
		struct str key = json_key(annotation);
		struct path child = {.parent = p, .name = key.at, .index = -1};

		if (str_starts(key, seccomp_of_container))
			check_seccomp(e, &child, json_str(annotation));
	}
	json_each (annotation, annotations) {
		struct str key = json_key(annotation);
		struct path at = PATH_KEY(p, key);

		if (str_starts(key, apparmor))
			check_apparmor(
				e, &at, spec, str_skip(key, apparmor.len), json_str(annotation));
	}
}

/* ---- against the members ---- */

static void compare(struct field_errors *e, const struct path *container_at,
	const struct cJSON *profile, struct str text)
{
	struct path security = PATH(container_at, "securityContext");
	struct path at = PATH(&security, "appArmorProfile"), type_at = PATH(&at, "type");
	struct path local_at = PATH(&at, "localhostProfile");
	const struct cJSON *said = pod_apparmor_of_annotation(e->arena, text);

	if (!str_eq(tree_str(said, "type"), tree_str(profile, "type")))
		field_forbidden(e, &type_at, "apparmor type in annotation and field must match");
	else if (!str_eq(tree_str(said, "localhostProfile"), tree_str(profile, "localhostProfile")))
		field_forbidden(
			e, &local_at, "apparmor profile in annotation and field must match");
}

void pod_check_apparmor_matches(struct change *c, struct field_errors *e)
{
	static const char *const lists[] = {
		"initContainers", "containers", "ephemeralContainers", NULL};
	struct path spec_at = PATH(NULL, "spec");
	const struct cJSON *spec = json_get(c->object, STR("spec"));
	const struct cJSON *of_pod = json_path(spec, "securityContext.appArmorProfile");
	const struct cJSON *annotations = json_path(c->object, "metadata.annotations");

	if (str_eq_text(tree_str(spec, "os.name"), "windows"))
		return;
	for (size_t i = 0; lists[i]; i++) {
		struct path list_at = PATH(&spec_at, lists[i]);
		size_t j = 0;

		json_each (container, json_get(spec, str_from(lists[i]))) {
			struct path at = PATH_INDEX(&list_at, j++);
			const struct cJSON *own =
				json_path(container, "securityContext.appArmorProfile");
			const struct cJSON *text =
				json_get(annotations, arena_print(e->arena, POD_APPARMOR "%.*s",
							      STRF(tree_str(container, "name"))));

			if (text && (own || of_pod))
				compare(e, &at, own ? own : of_pod, json_str(text));
		}
	}
}

/* ---- updates ---- */

void pod_check_annotation_update(struct change *c, struct field_errors *e)
{
	struct path meta = PATH(NULL, "metadata"), p = PATH(&meta, "annotations");
	const struct cJSON *now = json_path(c->object, "metadata.annotations");
	const struct cJSON *old = json_path(c->old, "metadata.annotations");

	json_each (annotation, old) {
		struct path at = PATH_KEY(&p, json_key(annotation));

		if (json_equal(json_get(now, json_key(annotation)), annotation))
			continue;
		if (str_starts(json_key(annotation), apparmor))
			field_forbidden(e, &at, "may not remove or update AppArmor annotations");
		if (str_eq_text(json_key(annotation), MIRROR))
			field_forbidden(e, &at, "may not remove or update mirror pod annotation");
	}
	json_each (annotation, now) {
		struct path at = PATH_KEY(&p, json_key(annotation));

		if (json_get(old, json_key(annotation)))
			continue;
		if (str_starts(json_key(annotation), apparmor))
			field_forbidden(e, &at, "may not add AppArmor annotations");
		if (str_eq_text(json_key(annotation), MIRROR))
			field_forbidden(e, &at, "may not add mirror pod annotation");
	}
	pod_check_annotations(e, &p, now, json_get(c->object, STR("spec")));
}
