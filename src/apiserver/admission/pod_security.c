/* PodSecurity: namespaces say by labels which standard their pods keep, or are warned of. */
#include "audit.h"
#include "metrics.h"
#include "plugins.h"
#include "settings.h"

#include <stdlib.h>

#define PREFIX   "pod-security.kubernetes.io/"
#define PODS_MAX 3000

#define THIS_MINOR 36 /* of the standards that are here; later ones are as the latest */

#define MODES POD_SECURITY_MODES

static const char *const modes[MODES] = {"enforce", "audit", "warn"};
static const char *const levels[] = {"privileged", "baseline", "restricted"};

struct policy {
	struct pod_standard modes[MODES];
};

/* ---- labels ---- */

bool pod_standard_read_level(struct str text, enum standard_level *level)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (str_eq_text(text, levels[i])) {
			*level = (enum standard_level)i;
			return true;
		}
	return false;
}

bool pod_standard_read_version(struct str text, int *version)
{
	struct str minor = str_skip(text, 3);
	uint64_t number;

	*version = STANDARD_LATEST;
	if (str_eq_text(text, "latest"))
		return true;
	if (!str_starts(text, STR("v1.")) || !str_to_u64(minor, &number) || minor.at[0] == '+' ||
		(minor.len > 1 && minor.at[0] == '0'))
		return false;
	*version = number > STANDARD_LATEST ? STANDARD_LATEST : (int)number;
	return true;
}

static const struct cJSON *label(
	struct arena *a, const struct cJSON *labels, int mode, const char *suffix, struct str *key)
{
	*key = arena_print(a, PREFIX "%s%s", modes[mode], suffix);
	return json_get(labels, *key);
}

/* What cannot be read is strict for what is enforced, and lenient for what is only told. */
static void read_mode(struct arena *a, const struct cJSON *labels, int mode, struct pod_standard *s,
	struct field_errors *errors)
{
	struct path meta = PATH(NULL, "metadata"), at = PATH(&meta, "labels");
	struct str key;
	const struct cJSON *level = label(a, labels, mode, "", &key);

	if (level && !pod_standard_read_level(json_str(level), &s->level)) {
		field_invalid_str(errors, &PATH_KEY(&at, key), json_str(level),
			"must be one of privileged, baseline, restricted");
		s->level = mode == ENFORCE ? STANDARD_RESTRICTED : STANDARD_PRIVILEGED;
	}
	const struct cJSON *version = label(a, labels, mode, "-version", &key);
	if (!version)
		return;
	if (pod_standard_read_version(json_str(version), &s->version))
		s->version_text = json_str(version);
	else
		field_invalid_str(errors, &PATH_KEY(&at, key), json_str(version),
			"must be \"latest\" or \"v1.x\"");
}

static const struct pod_security_settings *settings_of(const struct admission_review *r)
{
	return &admission_settings(r->server->admission)->pod_security;
}

static struct policy read_policy(
	struct admission_review *r, const struct cJSON *labels, struct field_errors *errors)
{
	struct arena *a = r->arena;
	enum standard_level ignored;
	struct policy p;
	struct str key;

	for (int mode = 0; mode < MODES; mode++) {
		p.modes[mode] = settings_of(r)->defaults[mode];
		read_mode(a, labels, mode, &p.modes[mode], errors);
	}
	/* Who says only what is enforced is warned of the same, of what makes pods too. */
	if (pod_standard_read_level(json_str(label(a, labels, ENFORCE, "", &key)), &ignored) &&
		!label(a, labels, WARN, "", &key) && !label(a, labels, WARN, "-version", &key) &&
		p.modes[ENFORCE].level > p.modes[WARN].level)
		p.modes[WARN] = p.modes[ENFORCE];
	return p;
}

static struct str standard_name(struct arena *a, const struct pod_standard *s)
{
	return arena_print(a, "%s:%.*s", levels[s->level], STRF(s->version_text));
}

/* ---- what the configuration says ---- */

static int read_default(struct pod_standard *s, const struct cJSON *defaults, int mode,
	struct arena *a, struct err *err)
{
	struct str version_key = arena_print(a, "%s-version", modes[mode]);
	const struct cJSON *level = json_get(defaults, str_from(modes[mode]));
	const struct cJSON *version = json_get(defaults, version_key);

	*s = (struct pod_standard){STANDARD_PRIVILEGED, STANDARD_LATEST, STR("latest")};
	if (json_str(level).len && !pod_standard_read_level(json_str(level), &s->level))
		return err_set(err, ERR_USAGE,
			"PodSecurity: defaults.%s: Invalid value: \"%.*s\": must be one of "
			"privileged, baseline, restricted",
			modes[mode], STRF(json_str(level)));
	if (!json_str(version).len)
		return 0;
	if (!pod_standard_read_version(json_str(version), &s->version))
		return err_set(err, ERR_USAGE,
			"PodSecurity: defaults.%s-version: Invalid value: \"%.*s\": must be "
			"\"latest\" or \"v1.x\"",
			modes[mode], STRF(json_str(version)));
	s->version_text = json_str(version);
	return 0;
}

int pod_security_settings_read(
	struct pod_security_settings *s, const struct cJSON *config, struct err *err)
{
	_cleanup_(arena_done) struct arena a;
	int code = 0;

	arena_init(&a);
	for (int mode = 0; mode < MODES && !code; mode++)
		code = read_default(
			&s->defaults[mode], json_get(config, STR("defaults")), mode, &a, err);
	s->users = json_path(config, "exemptions.usernames");
	s->namespaces = json_path(config, "exemptions.namespaces");
	s->runtime_classes = json_path(config, "exemptions.runtimeClasses");
	return code;
}

static bool is_among(const struct cJSON *list, struct str name)
{
	json_each (item, list)
		if (str_eq(json_str(item), name))
			return true;
	return false;
}

static void annotate(const struct admission_review *r, const char *key, struct str value)
{
	if (r->request)
		audit_annotate(r->request, key, value);
}

/* ---- what is counted ---- */

/* How the request is named there: "request_operation=…,resource=…,subresource=…". */
static struct str told_request(const struct admission_review *r)
{
	bool pod = !r->resource->group.len && resource_is(r->resource, "pods");

	return arena_print(r->arena,
		"request_operation=\"%s\",resource=\"%s\",subresource=\"%.*s\"",
		r->operation == ADMIT_CREATE ? "create" : "update", pod ? "pod" : "controller",
		STRF(r->subresource));
}

static void count(const struct admission_review *r, enum metric_series which, struct str labels)
{
	++*metrics_number(r->server->metrics, which, labels);
}

/* Versions to come are one. */
static struct str told_version(const struct pod_standard *s)
{
	if (s->level == STANDARD_PRIVILEGED || s->version == STANDARD_LATEST)
		return STR("latest");
	return s->version > THIS_MINOR ? STR("future") : s->version_text;
}

static void count_evaluation(
	const struct admission_review *r, int mode, const struct pod_standard *s, bool allowed)
{
	struct str version = told_version(s);

	count(r, METRIC_POD_SECURITY,
		arena_print(r->arena,
			"decision=\"%s\",mode=\"%s\",policy_level=\"%s\",policy_version=\"%.*s\","
			"%.*s",
			allowed ? "allow" : "deny", modes[mode], levels[s->level], STRF(version),
			STRF(told_request(r))));
}

static void note_errors(const struct admission_review *r, const struct field_errors *errors)
{
	if (!errors->count)
		return;
	annotate(r, PREFIX "error",
		arena_print(r->arena, "Failed to parse policy: %.*s",
			STRF(field_errors_text(r->arena, errors))));
	count(r, METRIC_POD_SECURITY_ERRORS,
		arena_print(r->arena, "fatal=\"false\",%.*s", STRF(told_request(r))));
}

/* ---- who is exempt ---- */

static bool is_exempt(const struct admission_review *r, const struct cJSON *pod)
{
	const struct pod_security_settings *s = settings_of(r);
	struct str runtime_class = tree_str(pod, "spec.runtimeClassName"), why = {0};

	if (is_among(s->namespaces, r->namespace))
		why = STR("namespace");
	else if (r->user && is_among(s->users, r->user->name))
		why = STR("user");
	else if (runtime_class.len && is_among(s->runtime_classes, runtime_class))
		why = STR("runtimeClass");
	if (!why.len)
		return false;
	annotate(r, PREFIX "exempt", why);
	count(r, METRIC_POD_SECURITY_EXEMPT, told_request(r));
	return true;
}

/* ---- namespaces ---- */

struct finding {
	struct str what, pod;
	size_t count;
};

static int compare_findings(const void *a, const void *b)
{
	return str_cmp(((const struct finding *)a)->pod, ((const struct finding *)b)->pod);
}

static void note(struct finding *found, size_t *count, size_t max, struct str what, struct str pod)
{
	for (size_t i = 0; i < *count; i++)
		if (str_eq(found[i].what, what)) {
			found[i].count++;
			return;
		}
	if (*count < max)
		found[(*count)++] = (struct finding){what, pod, 1};
}

static void warn_of(struct admission_review *r, const struct finding *f)
{
	struct str more = {0};

	if (f->count == 2)
		more = STR(" (and 1 other pod)");
	else if (f->count > 2)
		more = arena_print(r->arena, " (and %zu other pods)", f->count - 1);
	request_warn(r->request,
		arena_print(r->arena, "%.*s%.*s: %.*s", STRF(f->pod), STRF(more), STRF(f->what)));
}

/* Pods that are there already stay; who tightens the standard hears of those that break it. */
static void check_standing(struct admission_review *r, const struct pod_standard *s)
{
	struct str prefix = arena_print(r->arena, "%.*s/", STRF(r->name));
	struct store_iter it =
		store_seek(server_bucket(r->server, resource_find(STR(""), STR("v1"), STR("pods"))),
			prefix, STR(""));
	struct finding found[100];
	size_t count = 0;

	for (size_t n = 0; n < PODS_MAX && store_next(&it); n++) {
		const struct cJSON *pod = object_tree(r->arena, it.object);
		struct str what = pod_standards_check(r->arena, s->level, s->version,
			json_get(pod, STR("metadata")), json_get(pod, STR("spec")), true);

		if (what.len)
			note(found, &count, ARRAY_LEN(found), what, tree_str(pod, "metadata.name"));
	}
	if (!count || !r->request)
		return;
	request_warn(r->request,
		arena_print(r->arena,
			"existing pods in namespace \"%.*s\" violate the new PodSecurity enforce "
			"level \"%.*s\"",
			STRF(r->name), STRF(standard_name(r->arena, s))));
	qsort(found, count, sizeof(*found), compare_findings);
	for (size_t i = 0; i < count; i++)
		warn_of(r, &found[i]);
}

static bool loosens(const struct pod_standard *now, const struct pod_standard *before)
{
	return now->version == before->version && now->level <= before->level;
}

static struct status *check_namespace(struct admission_review *r)
{
	struct field_errors errors = {.arena = r->arena}, old_errors = errors;
	struct policy now, before;

	if (r->subresource.len || !r->object)
		return NULL;
	now = read_policy(r, json_path(r->object, "metadata.labels"), &errors);
	before = read_policy(r, json_path(r->old, "metadata.labels"), &old_errors);
	if (errors.count && !str_eq(field_errors_text(r->arena, &errors),
				    field_errors_text(r->arena, &old_errors)))
		return status_invalid(
			r->arena, r->resource->group, r->resource->kind, r->name, &errors);
	if (r->operation == ADMIT_UPDATE && !is_among(settings_of(r)->namespaces, r->name) &&
		now.modes[ENFORCE].level != STANDARD_PRIVILEGED &&
		!loosens(&now.modes[ENFORCE], &before.modes[ENFORCE]))
		check_standing(r, &now.modes[ENFORCE]);
	return NULL;
}

/* ---- pods and what makes them ---- */

static bool changed_images(const struct cJSON *now, const struct cJSON *before, const char *path)
{
	const struct cJSON *list = json_path(now, path), *old = json_path(before, path);
	const struct cJSON *other = json_first(old);

	if (json_count(list) != json_count(old))
		return true;
	json_each (container, list) {
		if (!json_equal(json_get(container, STR("image")), json_get(other, STR("image"))))
			return true;
		other = json_next(other);
	}
	return false;
}

/* Little of a pod can change; only images and new containers concern the standards. */
static bool matters(const struct admission_review *r)
{
	return !r->old || changed_images(r->object, r->old, "spec.containers") ||
	       changed_images(r->object, r->old, "spec.initContainers") ||
	       changed_images(r->object, r->old, "spec.ephemeralContainers");
}

static struct str violations(
	struct admission_review *r, const struct pod_standard *s, const struct cJSON *pod)
{
	return pod_standards_check(r->arena, s->level, s->version, json_get(pod, STR("metadata")),
		json_get(pod, STR("spec")), false);
}

static struct status *check_pod(struct admission_review *r, const struct cJSON *pod, bool enforced)
{
	struct field_errors errors = {.arena = r->arena};
	const struct cJSON *namespace;
	struct policy p;
	struct str text;

	if (is_exempt(r, pod))
		return NULL;
	namespace = server_read(r->server, r->arena, "", "namespaces", STR(""), r->namespace);
	p = read_policy(r, json_path(namespace, "metadata.labels"), &errors);
	note_errors(r, &errors);
	annotate(r, PREFIX "enforce-policy", standard_name(r->arena, &p.modes[ENFORCE]));
	text = violations(r, &p.modes[AUDIT], pod);
	if (text.len) {
		annotate(r, PREFIX "audit-violations",
			arena_print(r->arena, "would violate PodSecurity \"%.*s\": %.*s",
				STRF(standard_name(r->arena, &p.modes[AUDIT])), STRF(text)));
		count_evaluation(r, AUDIT, &p.modes[AUDIT], false);
	}
	if (enforced) {
		text = violations(r, &p.modes[ENFORCE], pod);
		count_evaluation(r, ENFORCE, &p.modes[ENFORCE], !text.len);
		if (text.len)
			return admission_forbidden(r, "violates PodSecurity \"%.*s\": %.*s",
				STRF(standard_name(r->arena, &p.modes[ENFORCE])), STRF(text));
	}
	text = violations(r, &p.modes[WARN], pod);
	if (!text.len)
		return NULL;
	count_evaluation(r, WARN, &p.modes[WARN], false);
	if (r->request)
		request_warn(r->request,
			arena_print(r->arena, "would violate PodSecurity \"%.*s\": %.*s",
				STRF(standard_name(r->arena, &p.modes[WARN])), STRF(text)));
	return NULL;
}

static const struct {
	const char *group, *plural, *template;
} makers[] = {{"", "replicationcontrollers", "spec.template"}, {"", "podtemplates", "template"},
	{"apps", "replicasets", "spec.template"}, {"apps", "deployments", "spec.template"},
	{"apps", "statefulsets", "spec.template"}, {"apps", "daemonsets", "spec.template"},
	{"batch", "jobs", "spec.template"},
	{"batch", "cronjobs", "spec.jobTemplate.spec.template"}};

struct status *validate_pod_security(struct admission_review *r)
{
	static const char *const changing[] = {"", "ephemeralcontainers", "resize"};

	if (!r->object)
		return NULL;
	if (resource_is(r->resource, "namespaces"))
		return check_namespace(r);
	if (!r->resource->group.len && resource_is(r->resource, "pods")) {
		for (size_t i = 0; i < ARRAY_LEN(changing); i++)
			if (str_eq_text(r->subresource, changing[i]))
				return matters(r) ? check_pod(r, r->object, true) : NULL;
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(makers) && !r->subresource.len; i++)
		if (str_eq_text(r->resource->group, makers[i].group) &&
			str_eq_text(r->resource->plural, makers[i].plural) &&
			json_path(r->object, makers[i].template))
			return check_pod(r, json_path(r->object, makers[i].template), false);
	return NULL;
}
