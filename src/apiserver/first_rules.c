#include "first_rules.h"

#include <kube/api_codec.h>
#include <kube/time.h>

#define UPDATES "apf.kubernetes.io/autoupdate-spec"
/* How long an authority that has expired is still told: clocks differ. */
#define EXPIRED_SLACK (5 * MINUTE)

static bool same_at(const struct own_merge *m, const char *path)
{
	return json_equal(json_path(m->current, path), json_path(m->wanted, path));
}

static void take(const struct own_merge *m, struct cJSON *tree, const char *path)
{
	const struct cJSON *value = json_path(m->wanted, path);

	tree_set(m->arena, tree, path, value ? json_copy(m->arena, value) : NULL);
}

static void set_in_map(const struct own_merge *m, struct cJSON *tree, const char *map,
	struct str key, struct str value)
{
	if (!json_path(tree, map))
		tree_set(m->arena, tree, map, json_new(m->arena, JSON_OBJECT));
	json_set(m->arena, json_path(tree, map), key, json_new_str(m->arena, value));
}

/* ---- default/kubernetes ---- */

/* In whatever order. */
static bool has_same_addresses(const struct cJSON *left, const struct cJSON *right)
{
	const struct cJSON *others = json_path(right, "addresses");
	size_t found = 0;

	json_each (address, json_path(left, "addresses"))
		json_each (other, others)
			found += str_eq(tree_str(address, "ip"), tree_str(other, "ip"));
	return found == json_count(others) &&
	       json_count(json_path(left, "addresses")) == json_count(others);
}

struct cJSON *first_keep_endpoints(const struct own_merge *m)
{
	struct cJSON *tree = json_copy(m->arena, m->current);
	struct cJSON *subset = json_path(tree, "subsets.0");
	const struct cJSON *ours = json_path(m->wanted, "subsets.0");

	set_in_map(m, tree, "metadata.labels", STR("endpointslice.kubernetes.io/skip-mirror"),
		STR("true"));
	if (json_count(json_path(tree, "subsets")) != 1)
		take(m, tree, "subsets");
	else if (!has_same_addresses(subset, ours))
		json_set(m->arena, subset, STR("addresses"),
			json_copy(m->arena, json_path(ours, "addresses")));
	return tree;
}

struct cJSON *first_keep_slice(const struct own_merge *m)
{
	if (same_at(m, "metadata.labels") && same_at(m, "endpoints") && same_at(m, "ports") &&
		same_at(m, "addressType"))
		return NULL;
	return m->wanted;
}

/* ---- the range of services ---- */

static struct cJSON *make_ready(const struct own_merge *m, struct cJSON *tree)
{
	struct cJSON *list, *unknown = NULL;

	if (!json_path(tree, "status.conditions"))
		tree_set(m->arena, tree, "status.conditions", json_new(m->arena, JSON_ARRAY));
	list = json_path(tree, "status.conditions");
	json_each (condition, list)
		if (str_eq_text(tree_str(condition, "type"), "Ready"))
			unknown = condition;
	if (unknown && !str_eq_text(tree_str(unknown, "status"), "Unknown"))
		return NULL; /* somebody has said so: True as well as False */
	if (unknown)
		json_remove(list, unknown);
	json_append(list, json_copy(m->arena, json_path(m->wanted, "status.conditions.0")));
	return tree;
}

struct cJSON *first_keep_service_cidr(const struct own_merge *m)
{
	struct cJSON *tree = json_copy(m->arena, m->current);
	const struct cJSON *cidrs = json_path(m->current, "spec.cidrs");
	const struct cJSON *ours = json_path(m->wanted, "spec.cidrs");

	if (json_count(cidrs) == 1 && json_count(ours) == 2 &&
		str_eq(json_str(json_first(cidrs)), json_str(json_first(ours)))) {
		take(m, tree, "spec.cidrs");
		return tree;
	}
	if (tree_has(m->current, "metadata.deletionTimestamp") || !json_equal(cidrs, ours))
		return NULL;
	return make_ready(m, tree);
}

/* ---- config maps ---- */

static bool holds(const struct certs *certs, size_t count, const struct cert *cert)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(cert_der(certs->items[i]), cert_der(cert)))
			return true;
	return false;
}

static void print_certs(
	struct buf *out, const struct certs *certs, const struct certs *before, int64_t now)
{
	for (size_t i = 0; i < certs->count; i++) {
		const struct cert *cert = certs->items[i];

		if (cert_info(cert)->not_after > now - EXPIRED_SLACK && !holds(certs, i, cert) &&
			!(before && holds(before, before->count, cert)))
			cert_print_pem(cert, out);
	}
}

/* Those of the front proxy are written by who has one: this server, or another, then they stay.
 * Nothing else belongs there. */
struct cJSON *first_keep_authorities(const struct own_merge *m)
{
	static const struct str file = STR_INIT("client-ca-file");
	_cleanup_(buf_done) struct buf all = BUF_INIT(2 * MIB);
	struct cJSON *data = json_new(m->arena, JSON_OBJECT), *tree;
	const struct cJSON *old_data = json_path(m->current, "data");
	struct str old_text = json_str(json_get(old_data, file));
	struct certs old = {0}, ours = {0};
	const struct cJSON *told = json_path(m->wanted, "data");

	if (!json_get(told, STR("requestheader-client-ca-file")))
		told = old_data;
	bool proxy = json_str(json_get(told, STR("requestheader-client-ca-file"))).len > 0;

	if (old_text.len && certs_parse_pem(old_text, &old, NULL))
		return NULL; /* upstream gives up, too */
	if (!certs_parse_pem(json_str(json_get(json_path(m->wanted, "data"), file)), &ours, NULL)) {
		print_certs(&all, &old, NULL, m->now);
		print_certs(&all, &ours, &old, m->now);
	}
	if (all.len)
		json_add(m->arena, data, file, json_new_str(m->arena, buf_str(&all)));
	json_each (item, told)
		if (proxy && str_starts(json_key(item), STR("requestheader-")))
			json_add(m->arena, data, json_key(item), json_copy(m->arena, item));
	certs_done(&old);
	certs_done(&ours);
	tree = json_copy(m->arena, m->current);
	tree_set(m->arena, tree, "data", json_count(data) ? data : NULL);
	return tree;
}

static bool is_date(struct arena *a, struct str text)
{
	int64_t at;

	return text.len == 10 &&
	       !time_parse(arena_print(a, "%.*sT00:00:00Z", STRF(text)), &at, NULL);
}

struct cJSON *first_keep_since(const struct own_merge *m)
{
	struct cJSON *tree;

	if (is_date(m->arena, tree_str(m->current, "data.since")))
		return NULL;
	tree = json_copy(m->arena, m->current);
	set_in_map(m, tree, "data", STR("since"), tree_str(m->wanted, "data.since"));
	return tree;
}

/* ---- what is served ---- */

struct cJSON *first_keep_api_service(const struct own_merge *m)
{
	struct str label = json_str(json_get(json_path(m->current, "metadata.labels"),
		STR("kube-aggregator.kubernetes.io/automanaged")));
	struct cJSON *tree;

	if ((!str_eq_text(label, "onstart") && !str_eq_text(label, "true")) || same_at(m, "spec"))
		return NULL;
	tree = json_copy(m->arena, m->current);
	take(m, tree, "spec");
	return tree;
}

/* ---- fairness ---- */

bool first_flow_is_mandatory(struct str name)
{
	return str_eq_text(name, "exempt") || str_eq_text(name, "catch-all");
}

/* Go's truth values. */
int first_flow_updates(const struct cJSON *object)
{
	static const char *const words[][6] = {{"0", "f", "F", "false", "FALSE", "False"},
		{"1", "t", "T", "true", "TRUE", "True"}};
	struct str text =
		json_str(json_get(json_path(object, "metadata.annotations"), STR(UPDATES)));

	for (int truth = 0; truth < 2; truth++)
		for (size_t i = 0; i < ARRAY_LEN(words[truth]); i++)
			if (str_eq_text(text, words[truth][i]))
				return truth;
	return -1;
}

/* The numbers of the exempt level are for people to choose. */
static void leave_exempt(const struct own_merge *m)
{
	static const char *const chosen[] = {
		"spec.exempt.nominalConcurrencyShares", "spec.exempt.lendablePercent"};

	if (!str_eq_text(tree_str(m->current, "metadata.name"), "exempt") ||
		!tree_has(m->current, "spec.exempt"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(chosen); i++) {
		const struct cJSON *value = json_path(m->current, chosen[i]);

		tree_set(m->arena, m->wanted, chosen[i], value ? json_copy(m->arena, value) : NULL);
	}
}

static struct cJSON *keep_flow(const struct own_merge *m, bool always)
{
	int updates = first_flow_updates(m->current);
	/* Without a word of theirs: as long as nobody has changed it. */
	bool ours = always || updates == 1 ||
		    (updates < 0 && tree_int(m->current, "metadata.generation", 0) == 1);
	struct cJSON *tree = json_copy(m->arena, m->current);

	leave_exempt(m);
	if (updates != ours)
		set_in_map(m, tree, "metadata.annotations", STR(UPDATES),
			ours ? STR("true") : STR("false"));
	if (ours && !same_at(m, "spec"))
		take(m, tree, "spec");
	return tree;
}

struct cJSON *first_keep_mandatory_flow(const struct own_merge *m)
{
	return keep_flow(m, true);
}

struct cJSON *first_keep_suggested_flow(const struct own_merge *m)
{
	return keep_flow(m, false);
}
