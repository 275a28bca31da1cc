/* Which hooks a review is for: rules, also by another version of the same, and selectors. */
#include "access.h"
#include "activation.h"
#include "metrics.h"

#include <kube/api_codec.h>

#define GROUP "admissionregistration.k8s.io"

/* ---- the subject ---- */

static bool has_own_kind(const struct resource *r, const struct subresource *sub)
{
	return sub && sub->schema != r->schema;
}

void hook_subject_init(struct hook_subject *s, struct admission_review *review)
{
	struct api_request *r = review->request;
	const struct resource *resource = r->resource;
	const char *operation = review->operation == ADMIT_CREATE   ? "CREATE"
				: review->operation == ADMIT_UPDATE ? "UPDATE"
				: review->operation == ADMIT_DELETE ? "DELETE"
								    : "CONNECT";

	*s = (struct hook_subject){.review = review,
		.arena = review->arena,
		.resource = resource,
		.group = resource->group,
		.version = resource->version,
		.kind = resource->kind,
		.namespace = review->namespace,
		.name = review->name,
		.subresource = review->subresource,
		.operation = operation};
	if (review->operation != ADMIT_DELETE && has_own_kind(resource, r->sub)) {
		s->body = r->sub;
		s->group = r->sub->group;
		s->version = r->sub->version;
		s->kind = r->sub->kind;
	}
	if (!resource->namespaced)
		s->namespace = STR("");
	/* A namespace is within itself. */
	if (!resource->group.len && str_eq_text(resource->plural, "namespaces"))
		s->namespace = s->name;
}

bool hook_subject_is_review(const struct hook_subject *s)
{
	return str_eq_text(s->resource->group, "authentication.k8s.io") ||
	       str_eq_text(s->resource->group, "authorization.k8s.io");
}

bool hook_subject_is_exempt(const struct hook_subject *s)
{
	static const char *const kinds[] = {"ValidatingWebhookConfiguration",
		"MutatingWebhookConfiguration", "ValidatingAdmissionPolicy",
		"ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy",
		"MutatingAdmissionPolicyBinding"};

	if (!str_eq_text(s->group, GROUP))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq_text(s->kind, kinds[i]))
			return true;
	return false;
}

/* ---- rules ---- */

static bool lists(const struct cJSON *list, struct str wanted)
{
	json_each (item, list)
		if (str_eq_text(json_str(item), "*") || str_eq(json_str(item), wanted))
			return true;
	return false;
}

static bool in_scope(const struct hook_subject *s, struct str scope)
{
	const struct resource *r = s->resource;
	bool is_namespace = !r->group.len && str_eq_text(r->version, "v1") &&
			    str_eq_text(r->plural, "namespaces");

	if (!scope.len || str_eq_text(scope, "*"))
		return true;
	if (str_eq_text(scope, "Namespaced"))
		return !is_namespace && s->namespace.len;
	return str_eq_text(scope, "Cluster") && (is_namespace || !s->namespace.len);
}

static bool names_resource(const struct cJSON *list, struct str plural, struct str subresource)
{
	json_each (item, list) {
		struct str resource, sub;

		str_cut(json_str(item), '/', &resource, &sub);
		if ((str_eq_text(resource, "*") || str_eq(resource, plural)) &&
			(str_eq_text(sub, "*") || str_eq(sub, subresource)))
			return true;
	}
	return false;
}

/* Only rules of policies have names. */
static bool names_object(const struct cJSON *names, struct str name)
{
	json_each (item, names)
		if (str_eq(json_str(item), name))
			return true;
	return !json_count(names);
}

static bool rule_matches(
	const struct hook_subject *s, const struct cJSON *rule, const struct resource *r)
{
	return names_object(json_get(rule, STR("resourceNames")), s->name) &&
	       in_scope(s, tree_str(rule, "scope")) &&
	       lists(json_get(rule, STR("operations")), str_from(s->operation)) &&
	       lists(json_get(rule, STR("apiGroups")), r->group) &&
	       lists(json_get(rule, STR("apiVersions")), r->version) &&
	       names_resource(json_get(rule, STR("resources")), r->plural, s->subresource);
}

/* Another version under which the same is served, with that subresource. */
static bool is_equivalent(const struct hook_subject *s, const struct resource *r)
{
	return r != s->resource && r->hub == s->resource->hub &&
	       (!s->subresource.len || resource_subresource(r, s->subresource)) &&
	       server_resource(s->review->server, r->group, r->version, r->plural) == r;
}

static const struct resource *find_equivalent(
	const struct hook_subject *s, const struct cJSON *rule)
{
	const struct resource *const *versions = s->resource->versions;
	const struct resource *r;

	for (size_t i = 0; versions && versions[i]; i++)
		if (versions[i] != s->resource && rule_matches(s, rule, versions[i]))
			return versions[i];
	for (size_t i = 0; !versions && (r = resource_at(i)); i++)
		if (is_equivalent(s, r) && rule_matches(s, rule, r))
			return r;
	return NULL;
}

const struct resource *hook_match_rules(
	const struct hook_subject *s, const struct cJSON *rules, bool exact)
{
	json_each (rule, rules)
		if (rule_matches(s, rule, s->resource))
			return s->resource;
	if (exact)
		return NULL;
	json_each (rule, rules) {
		const struct resource *r = find_equivalent(s, rule);

		if (r)
			return r;
	}
	return NULL;
}

/* ---- selectors ---- */

static const struct cJSON *labels_of(const struct cJSON *object)
{
	return json_path(object, "metadata.labels");
}

/* false with *no set: there is no such namespace. */
static bool selects_namespace(struct hook_subject *s, const struct hook *h, struct status **no)
{
	const struct admission_review *review = s->review;
	bool is_namespace = str_eq_text(s->resource->plural, "namespaces");
	const struct cJSON *object;

	if ((!s->namespace.len && !is_namespace) || h->all_namespaces)
		return true;
	if (is_namespace && !s->subresource.len && review->operation != ADMIT_DELETE)
		return label_selector_matches(&h->namespaces, labels_of(review->object));
	object = server_read(review->server, s->arena, "", "namespaces", STR(""), s->namespace);
	if (object)
		return label_selector_matches(&h->namespaces, labels_of(object));
	*no = status_not_found(
		s->arena, resource_find(STR(""), STR("v1"), STR("namespaces")), s->namespace);
	return false;
}

static bool selects_object(const struct hook_subject *s, const struct hook *h)
{
	const struct admission_review *review = s->review;

	if (h->all_objects)
		return true;
	return (review->object && label_selector_matches(&h->objects, labels_of(review->object))) ||
	       (review->old && label_selector_matches(&h->objects, labels_of(review->old)));
}

bool hook_selects(struct hook_subject *s, const struct hook *h, struct status **no)
{
	*no = NULL;
	return (selects_namespace(s, h, no) || *no) && selects_object(s, h);
}

/* ---- conditions ---- */

/* Nothing of what has no name yet is said, unlike elsewhere. */
static struct status *undecided(struct hook_subject *s, struct str why)
{
	const struct resource *r = s->resource;
	struct str full = resource_full_name(s->arena, r);

	if (!s->name.len)
		return status_for(s->arena, ERR_FORBIDDEN, r, s->name, "%.*s is forbidden: %.*s",
			STRF(full), STRF(why));
	return status_for(s->arena, ERR_FORBIDDEN, r, s->name, "%.*s \"%.*s\" is forbidden: %.*s",
		STRF(full), STRF(s->name), STRF(why));
}

static bool conditions_hold(struct hook_subject *s, const struct hook_set *set,
	const struct hook_view *view, struct status **no)
{
	const struct hook *h = view->hook;
	const char *type = set->mutating ? "admit" : "validating";
	struct match_owner owner = {h->name, "webhook", type, h->fails_open};
	struct activation a;
	struct str why;

	activation_init(&a, s, view, set->words, no);
	if (*no)
		return true;
	if (match_conditions_hold(&a, h->conditions, &owner, &why)) {
		*no = why.len && !activation_waits(s->review) ? undecided(s, why) : NULL;
		return true;
	}
	++*metrics_number(s->review->server->metrics, METRIC_CONDITION_EXCLUSIONS,
		arena_print(s->arena, "kind=\"webhook\",name=\"%.*s\",operation=\"%s\",type=\"%s\"",
			STRF(h->name), s->operation, type));
	return false;
}

bool hook_matches(struct hook_subject *s, const struct hook_set *set, const struct hook *h,
	struct hook_view *view, struct status **no)
{
	struct status *unknown = NULL;

	*no = NULL;
	if (!hook_selects(s, h, &unknown))
		return false;
	*view = (struct hook_view){.hook = h, .resource = hook_match_rules(s, h->rules, h->exact)};
	if (!view->resource)
		return false;
	*no = unknown;
	return unknown || !h->conditions || conditions_hold(s, set, view, no);
}
