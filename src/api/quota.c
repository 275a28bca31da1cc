#include <kube/quota.h>

#include "quota_pod.h"

#include <kube/quantity.h>
#include <kube/time.h>

#include <stdlib.h>

#define COUNT    "count/"
#define BY_CLASS ".storageclass.storage.k8s.io/"

static bool is(const struct resource *r, const char *plural)
{
	return !r->group.len && str_eq_text(r->plural, plural);
}

/* ---- lists of quantities ---- */

static int compare(const void *a, const void *b)
{
	return str_cmp(json_key(*(struct cJSON *const *)a), json_key(*(struct cJSON *const *)b));
}

static struct cJSON *sorted(struct arena *a, const struct cJSON *amounts)
{
	size_t count = json_count(amounts), n = 0;
	struct cJSON **items = arena_alloc(a, (count + 1) * sizeof(struct cJSON *));
	struct cJSON *out = json_new(a, JSON_OBJECT);

	json_each (amount, amounts)
		items[n++] = amount;
	qsort(items, n, sizeof(struct cJSON *), compare);
	for (size_t i = 0; i < n; i++)
		json_add(a, out, json_key(items[i]), json_copy(a, items[i]));
	return out;
}

static bool read(const struct cJSON *amounts, struct str name, struct quantity *q)
{
	const struct cJSON *value = json_get(amounts, name);

	*q = (struct quantity){0};
	return value && !quantity_parse(json_str(value), q, NULL);
}

static void put(struct arena *a, struct cJSON *amounts, struct str name, struct quantity q)
{
	json_set(a, amounts, name, json_new_str(a, quantity_print(a, q)));
}

struct cJSON *amounts_add(struct arena *a, const struct cJSON *left, const struct cJSON *right)
{
	struct cJSON *sum = left ? json_copy(a, left) : json_new(a, JSON_OBJECT);

	json_each (amount, right) {
		struct quantity one, other;
		bool stands = read(sum, json_key(amount), &other);

		if (!read(right, json_key(amount), &one))
			continue;
		/* a zero has no unit of its own */
		put(a, sum, json_key(amount),
			stands && quantity_sign(other) ? quantity_add(other, one) : one);
	}
	return sorted(a, sum);
}

struct cJSON *amounts_rest(struct arena *a, const struct cJSON *left, const struct cJSON *right)
{
	struct cJSON *rest = json_new(a, JSON_OBJECT);

	json_each (amount, left) {
		struct quantity one, other;

		if (!read(left, json_key(amount), &one))
			continue;
		if (read(right, json_key(amount), &other))
			one = quantity_sub(one, other);
		if (quantity_sign(one) > 0)
			put(a, rest, json_key(amount), one);
	}
	return rest;
}

struct cJSON *amounts_of(struct arena *a, const struct cJSON *amounts, const struct cJSON *names)
{
	struct cJSON *out = json_new(a, JSON_OBJECT);

	json_each (amount, amounts)
		if (json_get(names, json_key(amount)))
			json_add(a, out, json_key(amount), json_copy(a, amount));
	return out;
}

struct str amounts_print(struct arena *a, const struct cJSON *amounts)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(256 * KIB);

	json_each (amount, sorted(a, amounts))
		buf_print(&out, "%s%.*s=%.*s", out.len ? "," : "", STRF(json_key(amount)),
			STRF(json_str(amount)));
	return arena_str(a, buf_str(&out));
}

static void add_one(struct arena *a, struct cJSON *usage, struct str name, int64_t count)
{
	put(a, usage, name, quantity_from_int(count, QUANTITY_DECIMAL_SI));
}

/* ---- counting ---- */

static struct str count_name(struct arena *a, const struct resource *r)
{
	return arena_print(
		a, COUNT "%.*s%s%.*s", STRF(r->plural), r->group.len ? "." : "", STRF(r->group));
}

/* Kinds that quotas knew by their plain name before all could be counted. */
static bool has_plain_name(const struct resource *r)
{
	static const char *const names[] = {"configmaps", "secrets", "replicationcontrollers",
		"resourcequotas", "services", "persistentvolumeclaims", NULL};

	for (size_t i = 0; names[i]; i++)
		if (is(r, names[i]))
			return true;
	return false;
}

/* ---- pods ---- */

static bool is_extended(struct str name)
{
	return str_find_char(name, '/') > 0 && str_find(name, STR("kubernetes.io/")) < 0;
}

static bool is_basic(struct str name)
{
	return str_eq_text(name, "cpu") || str_eq_text(name, "memory") ||
	       str_eq_text(name, "ephemeral-storage");
}

static void add_compute(struct arena *a, struct cJSON *usage, const struct cJSON *requests,
	const struct cJSON *limits)
{
	json_each (amount, requests) {
		struct str name = json_key(amount);
		bool huge = str_starts(name, STR("hugepages-"));

		if (is_basic(name) || huge)
			json_set(a, usage, name, json_copy(a, amount));
		if (is_basic(name) || huge || is_extended(name))
			json_set(a, usage, arena_print(a, "requests.%.*s", STRF(name)),
				json_copy(a, amount));
	}
	json_each (amount, limits)
		if (is_basic(json_key(amount)))
			json_set(a, usage, arena_print(a, "limits.%.*s", STRF(json_key(amount))),
				json_copy(a, amount));
}

bool quota_pod_over(const struct cJSON *pod, int64_t now, int64_t *until)
{
	struct str phase = tree_str(pod, "status.phase");
	int64_t grace = tree_int(pod, "metadata.deletionGracePeriodSeconds", -1);

	*until = -1;
	if (str_eq_text(phase, "Failed") || str_eq_text(phase, "Succeeded"))
		return true;
	if (grace < 0 || time_parse(tree_str(pod, "metadata.deletionTimestamp"), until, NULL))
		return false;
	*until += grace * SEC;
	return now > *until;
}

static void add_pod(struct arena *a, struct cJSON *usage, const struct cJSON *pod, int64_t now)
{
	const struct cJSON *spec = json_get(pod, STR("spec"));
	const struct cJSON *overhead = json_get(spec, STR("overhead"));
	struct cJSON *requests, *limits;
	int64_t until;

	if (quota_pod_over(pod, now, &until))
		return;
	requests = quota_pod_amounts(a, pod, "requests");
	limits = quota_pod_amounts(a, pod, "limits");
	if (json_count(overhead)) {
		requests = amounts_add(a, requests, overhead);
		limits = amounts_add(a, limits, amounts_of(a, overhead, limits));
	}
	add_one(a, usage, STR("pods"), 1);
	add_compute(a, usage, requests, limits);
}

static bool concerns_pod(struct str name)
{
	struct str rest = name;

	if (str_eq_text(name, "pods") || is_basic(name) || str_starts(name, STR("hugepages-")))
		return true;
	if (str_starts(name, STR("limits.")))
		return is_basic(str_skip(name, STR("limits.").len));
	if (!str_starts(name, STR("requests.")))
		return false;
	rest = str_skip(name, STR("requests.").len);
	return is_basic(rest) || str_starts(rest, STR("hugepages-")) || is_extended(rest);
}

/* ---- services ---- */

static void add_service(struct arena *a, struct cJSON *usage, const struct cJSON *service)
{
	struct str type = tree_str(service, "spec.type");
	bool balanced = str_eq_text(type, "LoadBalancer");
	int64_t ports = (int64_t)json_count(json_path(service, "spec.ports"));

	if (balanced && tree_has(service, "spec.allocateLoadBalancerNodePorts") &&
		!tree_true(service, "spec.allocateLoadBalancerNodePorts")) {
		ports = 0;
		json_each (port, json_path(service, "spec.ports"))
			ports += tree_int(port, "nodePort", 0) != 0;
	}
	add_one(a, usage, STR("services.loadbalancers"), balanced);
	add_one(a, usage, STR("services.nodeports"),
		balanced || str_eq_text(type, "NodePort") ? ports : 0);
}

/* ---- claims ---- */

static void add_claim(struct arena *a, struct cJSON *usage, const struct cJSON *claim)
{
	const struct cJSON *beta = json_get(json_path(claim, "metadata.annotations"),
		STR("volume.beta.kubernetes.io/storage-class"));
	struct str class = beta ? json_str(beta) : tree_str(claim, "spec.storageClassName");
	struct str text = tree_str(claim, "spec.resources.requests.storage");
	struct quantity asked, given;

	if (class.len)
		add_one(a, usage,
			arena_print(a, "%.*s" BY_CLASS "persistentvolumeclaims", STRF(class)), 1);
	if (!text.len || quantity_parse(text, &asked, NULL))
		return;
	text = tree_str(claim, "status.allocatedResources.storage");
	if (text.len && !quantity_parse(text, &given, NULL) && quantity_cmp(given, asked) > 0)
		asked = given;
	put(a, usage, STR("requests.storage"), asked);
	if (class.len)
		put(a, usage, arena_print(a, "%.*s" BY_CLASS "requests.storage", STRF(class)),
			asked);
}

/* ---- together ---- */

struct cJSON *quota_usage(
	struct arena *a, const struct resource *hub, const struct cJSON *object, int64_t now)
{
	struct cJSON *usage = json_new(a, JSON_OBJECT);

	add_one(a, usage, count_name(a, hub), 1);
	if (has_plain_name(hub))
		add_one(a, usage, hub->plural, 1);
	if (is(hub, "pods"))
		add_pod(a, usage, object, now);
	else if (is(hub, "services"))
		add_service(a, usage, object);
	else if (is(hub, "persistentvolumeclaims"))
		add_claim(a, usage, object);
	return sorted(a, usage);
}

bool quota_reads(const struct resource *hub)
{
	return is(hub, "pods") || is(hub, "services") || is(hub, "persistentvolumeclaims");
}

bool quota_concerns(const struct resource *hub, struct str name)
{
	struct str plural, group;

	if (str_starts(name, STR(COUNT))) {
		str_cut(str_skip(name, STR(COUNT).len), '.', &plural, &group);
		return str_eq(plural, hub->plural) && str_eq(group, hub->group);
	}
	if (is(hub, "pods"))
		return concerns_pod(name);
	if (has_plain_name(hub) && str_eq(name, hub->plural))
		return true;
	if (is(hub, "services"))
		return str_eq_text(name, "services.loadbalancers") ||
		       str_eq_text(name, "services.nodeports");
	return is(hub, "persistentvolumeclaims") &&
	       (str_eq_text(name, "requests.storage") ||
		       str_ends(name, STR(BY_CLASS "requests.storage")) ||
		       str_ends(name, STR(BY_CLASS "persistentvolumeclaims")));
}

/* ---- scopes ---- */

static bool has_foreign_affinity(const struct cJSON *terms, const char *inside)
{
	json_each (term, terms) {
		const struct cJSON *at = inside ? json_get(term, str_from(inside)) : term;

		if (json_count(json_get(at, STR("namespaces"))) ||
			tree_has(at, "namespaceSelector"))
			return true;
	}
	return false;
}

static bool crosses_namespaces(const struct cJSON *pod)
{
	static const char *const kinds[] = {"podAffinity", "podAntiAffinity"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct cJSON *one =
			json_get(json_path(pod, "spec.affinity"), str_from(kinds[i]));

		if (has_foreign_affinity(
			    json_get(one, STR("requiredDuringSchedulingIgnoredDuringExecution")),
			    NULL) ||
			has_foreign_affinity(
				json_get(one,
					STR("preferredDuringSchedulingIgnoredDuringExecution")),
				"podAffinityTerm"))
			return true;
	}
	return false;
}

static bool listed(const struct cJSON *list, struct str text)
{
	json_each (item, list)
		if (str_eq(json_str(item), text))
			return true;
	return false;
}

static bool class_matches(const struct cJSON *pod, struct str operator, const struct cJSON * values)
{
	struct str class = tree_str(pod, "spec.priorityClassName");

	if (str_eq_text(operator, "Exists"))
		return class.len > 0;
	if (str_eq_text(operator, "DoesNotExist"))
		return !class.len;
	if (str_eq_text(operator, "In"))
		return class.len && listed(values, class);
	return !class.len || !listed(values, class);
}

static bool scope_matches(
	const struct cJSON *pod, struct str scope, struct str operator, const struct cJSON * values)
{
	bool ends = tree_has(pod, "spec.activeDeadlineSeconds");
	bool best_effort = str_eq_text(tree_str(pod, "status.qosClass"), "BestEffort");

	if (str_eq_text(scope, "Terminating"))
		return ends;
	if (str_eq_text(scope, "NotTerminating"))
		return !ends;
	if (str_eq_text(scope, "BestEffort"))
		return best_effort;
	if (str_eq_text(scope, "NotBestEffort"))
		return !best_effort;
	if (str_eq_text(scope, "PriorityClass"))
		return class_matches(pod, operator, values);
	return str_eq_text(scope, "CrossNamespacePodAffinity") && crosses_namespaces(pod);
}

/* Scopes are of pods: a quota that has some takes in nothing else. */
bool quota_in_scope(
	const struct resource *hub, const struct cJSON *object, const struct cJSON *quota_spec)
{
	const struct cJSON *selectors = json_path(quota_spec, "scopeSelector.matchExpressions");
	bool pod = is(hub, "pods");

	json_each (scope, json_get(quota_spec, STR("scopes")))
		if (!pod || !scope_matches(object, json_str(scope), STR("Exists"), NULL))
			return false;
	json_each (one, selectors)
		if (!pod || !scope_matches(object, tree_str(one, "scopeName"),
				    tree_str(one, "operator"), json_get(one, STR("values"))))
			return false;
	return true;
}

/* ---- what must be said ---- */

static bool says(struct arena *a, const struct cJSON *container, struct str name)
{
	struct cJSON *usage = json_new(a, JSON_OBJECT);

	add_compute(a, usage, json_path(container, "resources.requests"),
		json_path(container, "resources.limits"));
	return json_get(usage, name) != NULL;
}

static struct str silent_ones(struct arena *a, const struct cJSON *pod, struct str name)
{
	static const char *const lists[] = {"spec.containers", "spec.initContainers"};
	struct str names = {0};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		json_each (container, json_path(pod, lists[i]))
			if (!says(a, container, name))
				names = arena_print(a, "%.*s%s%.*s", STRF(names),
					names.len ? "," : "", STRF(tree_str(container, "name")));
	return names;
}

struct str quota_unsaid(struct arena *a, const struct cJSON *pod, const struct cJSON *hard)
{
	static const char *const names[] = {
		"cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"};
	struct str text = {0};

	/* The pod speaks for its containers, whatever it says. */
	if (quota_pod_has_own(pod))
		return text;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct str name = str_from(names[i]), silent;

		if (!json_get(hard, name))
			continue;
		silent = silent_ones(a, pod, name);
		if (silent.len)
			text = arena_print(a, "%.*s%s%.*s for: %.*s", STRF(text),
				text.len ? "; " : "", STRF(name), STRF(silent));
	}
	return text;
}
