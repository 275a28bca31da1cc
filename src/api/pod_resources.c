/* What containers and pods ask for: resources, claims, and how they may be resized. */
#include "pod_parts.h"

#include "resource_names.h"

/* ---- amounts ---- */

static struct str amount_text(const struct cJSON *amount)
{
	return json_str(amount);
}

static bool parse(const struct cJSON *amount, struct quantity *q)
{
	return amount && !quantity_parse(json_str(amount), q, NULL);
}

void pod_check_amount(struct field_errors *e, const struct path *at, struct str resource,
	const struct cJSON *amount)
{
	struct quantity q;

	if (!parse(amount, &q))
		return;
	if (quantity_sign(q) < 0)
		field_invalid_str(e, at, amount_text(amount), "must be greater than or equal to 0");
	if (resource_name_is_integer(resource) && !quantity_is_whole(q))
		field_invalid_str(e, at, amount_text(amount), "must be an integer");
}

/* ---- requests and limits ---- */

static bool is_compute(struct str name)
{
	return str_eq_text(name, "cpu") || str_eq_text(name, "memory");
}

static void check_against_limit(struct field_errors *e, const struct path *p,
	const struct cJSON *limits, const struct cJSON *request)
{
	struct path limits_at = PATH(p, "limits"), requests_at = PATH(p, "requests");
	const struct cJSON *limit = json_get(limits, json_key(request));
	bool overcommits = resource_name_overcommits(json_key(request));
	struct quantity asked, most;

	if (!limit) {
		if (!overcommits)
			field_required(e, &limits_at,
				"Limit must be set for non overcommitable resources");
		return;
	}
	if (!parse(request, &asked) || !parse(limit, &most))
		return;
	int order = quantity_cmp(asked, most);
	if (order && !overcommits)
		field_invalid_str(e, &requests_at, amount_text(request),
			"must be equal to %.*s limit of %.*s", STRF(json_key(request)),
			STRF(amount_text(limit)));
	else if (order > 0)
		field_invalid_str(e, &requests_at, amount_text(request),
			"must be less than or equal to %.*s limit of %.*s", STRF(json_key(request)),
			STRF(amount_text(limit)));
}

/* "hugepages-2Mi": so many whole pages. */
static void check_pages(struct field_errors *e, const struct path *at, struct str resource,
	const struct cJSON *amount)
{
	static const struct str huge = STR_INIT("hugepages-");
	struct quantity page, q;

	if (!str_starts(resource, huge) || !parse(amount, &q))
		return;
	if (quantity_parse(str_skip(resource, huge.len), &page, NULL) || quantity_sign(page) <= 0 ||
		!quantity_is_whole(page) || quantity_value(q) % quantity_value(page))
		field_invalid_str(e, at, amount_text(amount),
			"%.*s is not positive integer multiple of %.*s", STRF(amount_text(amount)),
			STRF(resource));
}

struct asked {
	bool compute, huge;
};

static void check_list(struct field_errors *e, const struct path *p, const struct cJSON *resources,
	const char *name, struct asked *asked)
{
	struct path list_at = PATH(p, name);
	const struct cJSON *limits = json_get(resources, STR("limits"));

	json_each (amount, json_get(resources, str_from(name))) {
		struct str resource = json_key(amount);
		struct path at = PATH_KEY(&list_at, resource);

		check_container_resource_name(e, &at, resource);
		pod_check_amount(e, &at, resource, amount);
		check_pages(e, &at, resource, amount);
		if (!strcmp(name, "requests"))
			check_against_limit(e, p, limits, amount);
		asked->compute |= is_compute(resource);
		asked->huge |= str_starts(resource, STR("hugepages-"));
	}
}

static void list_claims(struct pod_check *c, const struct path *at, struct str name)
{
	const struct cJSON *claims = json_get(c->spec, STR("resourceClaims"));
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	buf_add_str(&text, field_quote(c->e->arena, name));
	buf_add_text(&text, ": must be one of the names in pod.spec.resourceClaims");
	if (!json_count(claims))
		buf_add_text(&text, " which is empty");
	json_each (claim, claims)
		buf_print(&text, "%s%.*s", claim == json_first(claims) ? ": " : ", ",
			STRF(tree_str(claim, "name")));
	field_add(c->e, FIELD_NOT_FOUND, at, arena_str(c->e->arena, buf_str(&text)));
}

static bool same_claim(const struct cJSON *a, const struct cJSON *b)
{
	return str_eq(tree_str(a, "name"), tree_str(b, "name")) &&
	       str_eq(tree_str(a, "request"), tree_str(b, "request"));
}

static void check_claims(struct pod_check *c, const struct path *p, const struct cJSON *list)
{
	struct path list_at = PATH(p, "claims");
	size_t i = 0;

	json_each (claim, list) {
		struct path at = PATH_INDEX(&list_at, i++);
		struct str name = tree_str(claim, "name");
		bool repeated = false;

		if (!name.len) {
			field_required(c->e, &at, "%s", "");
			continue;
		}
		json_each (earlier, list) {
			if (earlier == claim)
				break;
			repeated |= same_claim(earlier, claim);
		}
		if (repeated)
			field_duplicate_str(c->e, &at, name);
		if (!rule_came_before(
			    json_get(c->spec, STR("resourceClaims")), SIZE_MAX, "name", name))
			list_claims(c, &at, name);
	}
}

void pod_check_resources(struct pod_check *c, const struct path *p, const struct cJSON *resources)
{
	struct asked asked = {0};

	check_list(c->e, p, resources, "limits", &asked);
	check_list(c->e, p, resources, "requests", &asked);
	if (asked.huge && !asked.compute)
		field_forbidden(c->e, p, "HugePages require cpu or memory");
	check_claims(c, p, json_get(resources, STR("claims")));
}

/* ---- the pod's own ---- */

static void check_sums(struct pod_check *c, const struct path *p, const struct cJSON *resources)
{
	struct path list_at = PATH(p, "requests");
	const struct cJSON *sums = pod_container_sum(c->e->arena, c->spec, "resources.requests");

	json_each (amount, json_get(resources, STR("requests"))) {
		struct path at = PATH_KEY(&list_at, json_key(amount));
		const struct cJSON *sum = json_get(sums, json_key(amount));
		struct quantity together, own;

		if (parse(amount, &own) && parse(sum, &together) && quantity_cmp(own, together) < 0)
			field_invalid_str(c->e, &at, amount_text(amount),
				"must be greater than or equal to aggregate container requests of "
				"%.*s",
				STRF(amount_text(sum)));
	}
}

static void check_container_limits(
	struct pod_check *c, const struct path *p, const struct cJSON *resources)
{
	struct path list_at = PATH(p, "containers");
	size_t i = 0;

	json_each (container, json_get(c->spec, STR("containers"))) {
		struct path at = PATH_INDEX(&list_at, i++);

		json_each (limit, json_path(container, "resources.limits")) {
			struct path key_at = PATH_KEY(&at, json_key(limit));
			struct path limits_at = PATH(&key_at, "limits");
			const struct cJSON *whole =
				json_get(json_get(resources, STR("limits")), json_key(limit));
			struct quantity one, most;

			if (parse(limit, &one) && parse(whole, &most) &&
				quantity_cmp(one, most) > 0)
				field_invalid_str(c->e, &limits_at, amount_text(limit),
					"must be less than or equal to pod limits of %.*s",
					STRF(amount_text(whole)));
		}
	}
}

static void check_own_names(
	struct pod_check *c, const struct path *p, const struct cJSON *resources, const char *name)
{
	static const char *const names[] = {"cpu", "hugepages-", "memory", NULL};
	struct path list_at = PATH(p, name);

	json_each (amount, json_get(resources, str_from(name))) {
		struct path at = PATH_KEY(&list_at, json_key(amount));

		if (!is_compute(json_key(amount)) &&
			!str_starts(json_key(amount), STR("hugepages-")))
			field_not_supported_str(c->e, &at, json_key(amount), names);
	}
}

void pod_check_own_resources(struct pod_check *c, const struct path *p)
{
	struct path at = PATH(p, "resources");
	const struct cJSON *resources = json_get(c->spec, STR("resources"));
	struct asked asked = {0};

	if (!resources)
		return;
	check_own_names(c, &at, resources, "limits");
	check_own_names(c, &at, resources, "requests");
	check_list(c->e, &at, resources, "limits", &asked);
	check_list(c->e, &at, resources, "requests", &asked);
	check_sums(c, &at, resources);
	check_container_limits(c, &at, resources);
}

/* ---- resizing ---- */

void pod_check_resize_policy(
	struct pod_check *c, const struct path *p, const struct cJSON *container)
{
	static const char *const resources[] = {"cpu", "memory", NULL};
	static const char *const policies[] = {"NotRequired", "RestartContainer", NULL};
	struct path list_at = PATH(p, "resizePolicy");
	const struct cJSON *list = json_get(container, STR("resizePolicy"));
	bool never = str_eq_text(tree_str(c->spec, "restartPolicy"), "Never");
	size_t i = 0;

	json_each (policy, list) {
		struct path at = PATH_INDEX(&list_at, i);
		struct str resource = tree_str(policy, "resourceName");
		struct str restart = tree_str(policy, "restartPolicy");

		if (rule_came_before(list, i++, "resourceName", resource))
			field_duplicate_str(c->e, &at, resource);
		if (!resource.len)
			field_required(c->e, &list_at, "%s", "");
		else if (!rule_is_one_of(resource, resources))
			field_not_supported_str(c->e, &list_at, resource, resources);
		if (!restart.len)
			field_required(c->e, &list_at, "%s", "");
		else if (!rule_is_one_of(restart, policies))
			field_not_supported_str(c->e, &list_at, restart, policies);
		if (never && !str_eq_text(restart, "NotRequired"))
			field_invalid_str(c->e, &list_at, restart,
				"must be 'NotRequired' when pod `restartPolicy` is 'Never'");
	}
}

/* ---- claims of the pod ---- */

void pod_check_resource_claims(struct pod_check *c, const struct path *p)
{
	struct path list_at = PATH(p, "resourceClaims");
	const struct cJSON *list = json_get(c->spec, STR("resourceClaims"));
	size_t i = 0;

	json_each (claim, list) {
		struct path at = PATH_INDEX(&list_at, i), name_at = PATH(&at, "name");
		struct str name = tree_str(claim, "name");
		bool by_name = tree_has(claim, "resourceClaimName");
		bool by_template = tree_has(claim, "resourceClaimTemplateName");
		_cleanup_(buf_done) struct buf go = BUF_INIT(64 * KIB);

		if (rule_text(c->e, &at, claim, "name")) {
			if (rule_came_before(list, i, "name", name))
				field_duplicate_str(c->e, &name_at, name);
			else
				rule_name(c->e, &at, claim, "name", name_check_dns_label);
		}
		api_print_go(&go, SCHEMA(core_v1, PodResourceClaim), claim);
		if (!by_name && !by_template)
			field_invalid_raw(c->e, &at, buf_str(&go),
				"must specify one of: `resourceClaimName`, "
				"`resourceClaimTemplateName`");
		if (by_name && by_template)
			field_invalid_raw(c->e, &at, buf_str(&go),
				"at most one of `resourceClaimName` or `resourceClaimTemplateName` "
				"may be specified");
		rule_name(c->e, &at, claim, "resourceClaimName", name_check_dns_subdomain);
		rule_name(c->e, &at, claim, "resourceClaimTemplateName", name_check_dns_subdomain);
		i++;
	}
}
