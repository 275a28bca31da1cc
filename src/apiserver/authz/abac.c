#include "abac.h"

#include <kube/mem.h>

#define GROUP         "abac.authorization.kubernetes.io"
#define LINE_MAX      (64 * KIB) /* upstream's reader takes no longer ones */
#define AUTHENTICATED "system:authenticated"

/* ---- one line ---- */

struct line {
	struct arena *arena;
	struct abac_policy *policy;
	struct err *err;
};

/* Go's decoder takes names in any case. */
static const struct cJSON *member(const struct cJSON *object, const char *name)
{
	const struct cJSON *exact = json_get(object, str_from(name));

	if (exact)
		return exact;
	json_each (one, object)
		if (str_eq_nocase(json_key(one), str_from(name)))
			return one;
	return NULL;
}

static int take_text(
	const struct line *l, const struct cJSON *object, const char *name, struct str *text)
{
	const struct cJSON *value = member(object, name);

	if (!value || json_is(value, JSON_NULL))
		return 0;
	if (!json_is(value, JSON_STRING))
		return err_set(l->err, ERR_SYNTAX,
			"json: cannot unmarshal %s into Go struct field Policy.%s of type string",
			json_type_name(json_type(value)), name);
	*text = arena_str(l->arena, json_str(value));
	return 0;
}

static int take_readonly(const struct line *l, const struct cJSON *object)
{
	const struct cJSON *value = member(object, "readonly");

	if (value && !json_is(value, JSON_NULL) && !json_is(value, JSON_BOOL))
		return err_set(l->err, ERR_SYNTAX,
			"json: cannot unmarshal %s into Go struct field Policy.readonly of type "
			"bool",
			json_type_name(json_type(value)));
	l->policy->readonly = json_bool(value);
	return 0;
}

static int take_common(const struct line *l, const struct cJSON *object)
{
	struct abac_policy *p = l->policy;
	int code = take_text(l, object, "user", &p->user);

	if (!code)
		code = take_text(l, object, "group", &p->group);
	if (!code)
		code = take_readonly(l, object);
	if (!code)
		code = take_text(l, object, "resource", &p->resource);
	if (!code)
		code = take_text(l, object, "namespace", &p->namespace);
	/* a star stands for those who are known, whoever they are */
	if (!code && (str_eq_text(p->user, "*") || str_eq_text(p->group, "*"))) {
		p->user = STR("");
		p->group = STR(AUTHENTICATED);
	}
	return code;
}

static int read_v1beta1(const struct line *l, const struct cJSON *tree)
{
	const struct cJSON *spec = member(tree, "spec");
	int code;

	if (spec && !json_is(spec, JSON_OBJECT) && !json_is(spec, JSON_NULL))
		return err_set(l->err, ERR_SYNTAX,
			"json: cannot unmarshal %s into Go struct field Policy.spec of type "
			"v1beta1.PolicySpec",
			json_type_name(json_type(spec)));
	code = take_common(l, spec);
	if (!code)
		code = take_text(l, spec, "apiGroup", &l->policy->api_group);
	if (!code)
		code = take_text(l, spec, "nonResourcePath", &l->policy->path);
	return code;
}

/* In the format of old, what a line does not say it says of everything. */
static int read_old(const struct line *l, const struct cJSON *tree)
{
	struct abac_policy *p = l->policy;
	int code = take_common(l, tree);

	if (code)
		return code;
	if (!p->user.len && !p->group.len)
		p->group = STR(AUTHENTICATED);
	if (!p->namespace.len && !p->resource.len)
		p->path = STR("*");
	if (!p->namespace.len)
		p->namespace = STR("*");
	if (!p->resource.len)
		p->resource = STR("*");
	p->api_group = STR("*");
	return 0;
}

static int read_line(const struct line *l, struct str text, bool *unversioned)
{
	struct json_options options = {.limits = {.max_bytes = LINE_MAX, .max_depth = 32}};
	struct cJSON *tree;
	struct str version, kind;

	if (json_parse(l->arena, text, &options, &tree, l->err))
		return err_wrap(l->err, ERR_SYNTAX, "couldn't get version/kind; json parse error");
	if (!json_is(tree, JSON_OBJECT))
		return err_set(l->err, ERR_SYNTAX,
			"couldn't get version/kind; json parse error: json: cannot unmarshal %s "
			"into Go value of type struct { APIVersion string \"json:\\\"apiVersion,"
			"omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }",
			json_type_name(json_type(tree)));
	version = json_str(member(tree, "apiVersion"));
	kind = json_str(member(tree, "kind"));
	*unversioned = !version.len || !kind.len || str_eq_text(version, GROUP "/v0");
	if (*unversioned)
		return read_old(l, tree);
	if (!str_eq_text(kind, "Policy") || !str_eq_text(version, GROUP "/v1beta1"))
		return err_set(l->err, ERR_SYNTAX,
			"no kind \"%.*s\" is registered for version \"%.*s\" in scheme "
			"\"k8s.io/kubernetes/pkg/apis/abac/register.go:30\"",
			STRF(kind), STRF(version));
	return read_v1beta1(l, tree);
}

/* ---- the file ---- */

static int read_lines(struct abac *a, struct str path, struct str text, struct err *err)
{
	struct str rest = text, bytes;
	size_t number = 0;

	while (str_next(&rest, '\n', &bytes)) {
		struct abac_policy policy = {0};
		struct line l = {&a->arena, &policy, err};
		struct str trimmed = str_trim(bytes);
		bool old;

		number++;
		if (bytes.len >= LINE_MAX)
			return err_set(err, ERR_SYNTAX,
				"error reading policy file %.*s: bufio.Scanner: token too long",
				STRF(path));
		if (!trimmed.len || trimmed.at[0] == '#')
			continue;
		if (bytes.at[bytes.len - 1] == '\r')
			bytes.len--;
		if (read_line(&l, bytes, &old))
			return err_wrap(err, ERR_SYNTAX,
				"error reading policy file %.*s, line %zu: %.*s", STRF(path),
				number, STRF(str_sub(bytes, 0, 400)));
		a->unversioned |= old;
		a->policies[a->count++] = policy;
	}
	return 0;
}

int abac_parse(struct str path, struct str text, struct abac **abac, struct err *err)
{
	struct abac *a = mem_new(sizeof(*a));
	size_t lines = 1;

	arena_init(&a->arena);
	for (size_t i = 0; i < text.len; i++)
		lines += text.at[i] == '\n';
	a->policies = arena_new(&a->arena, lines * sizeof(*a->policies));
	int code = text.len ? read_lines(a, path, text, err) : 0;
	if (code)
		abac_free(a);
	else
		*abac = a;
	return code;
}

void abac_free(struct abac *a)
{
	if (!a)
		return;
	arena_done(&a->arena);
	mem_free(a);
}

/* ---- matching ---- */

static bool is_or_star(struct str pattern, struct str text)
{
	return str_eq_text(pattern, "*") || str_eq(pattern, text);
}

/* Both must match that are given; with neither, nobody does. */
static bool covers_subject(const struct abac_policy *p, const struct api_user *user)
{
	if (p->user.len && !is_or_star(p->user, user->name))
		return false;
	if (p->group.len && !str_eq_text(p->group, "*") && !user_in_group(user, p->group))
		return false;
	return p->user.len || p->group.len;
}

static bool covers_path(struct str pattern, struct str path)
{
	struct str prefix = pattern;

	if (is_or_star(pattern, path))
		return true;
	while (prefix.len && prefix.at[prefix.len - 1] == '*')
		prefix.len--;
	return prefix.len < pattern.len && str_starts(path, prefix);
}

static bool covers(const struct abac_policy *p, const struct access_query *q, bool reads)
{
	if (!covers_subject(p, q->user) || (p->readonly && !reads))
		return false;
	if (!q->is_resource)
		return covers_path(p->path, q->path);
	return is_or_star(p->namespace, q->namespace) && is_or_star(p->resource, q->resource) &&
	       is_or_star(p->api_group, q->group);
}

bool abac_allows(const struct abac *a, const struct access_query *q)
{
	bool reads = str_eq_text(q->verb, "get") || str_eq_text(q->verb, "list") ||
		     str_eq_text(q->verb, "watch");

	for (size_t i = 0; i < a->count; i++)
		if (covers(&a->policies[i], q, reads))
			return true;
	return false;
}

/* ---- as rules ---- */

static void add_list(struct arena *a, struct cJSON *rule, const char *name, const struct str *items,
	size_t count)
{
	struct cJSON *list = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < count; i++)
		json_append(list, json_new_str(a, items[i]));
	json_add_borrowed(rule, str_from(name), list);
}

static struct cJSON *new_rule(struct arena *a, const struct abac_policy *p)
{
	static const struct str reading[] = {STR_INIT("get"), STR_INIT("list"), STR_INIT("watch")};
	static const struct str all[] = {STR_INIT("*")};
	struct cJSON *rule = json_new(a, JSON_OBJECT);

	add_list(a, rule, "verbs", p->readonly ? reading : all,
		p->readonly ? ARRAY_LEN(reading) : ARRAY_LEN(all));
	return rule;
}

void abac_add_rules(const struct abac *abac, struct arena *a, const struct api_user *user,
	struct str namespace, struct cJSON *rules, struct cJSON *paths)
{
	for (size_t i = 0; i < abac->count; i++) {
		const struct abac_policy *p = &abac->policies[i];

		if (!covers_subject(p, user) || !is_or_star(p->namespace, namespace))
			continue;
		if (p->resource.len) {
			struct cJSON *rule = new_rule(a, p);

			add_list(a, rule, "apiGroups", &p->api_group, 1);
			add_list(a, rule, "resources", &p->resource, 1);
			json_append(rules, rule);
		}
		if (p->path.len) {
			struct cJSON *rule = new_rule(a, p);

			add_list(a, rule, "nonResourceURLs", &p->path, 1);
			json_append(paths, rule);
		}
	}
}
