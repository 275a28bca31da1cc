/* Taints of nodes and what pods put up with. */
#include "taints.h"

#include "workload.h"

struct cJSON *taint_new(struct arena *a, struct str key, const char *effect, int64_t now)
{
	struct cJSON *taint = json_new(a, JSON_OBJECT);

	json_set(a, taint, STR("key"), json_new_str(a, key));
	json_set(a, taint, STR("effect"), json_new_str(a, str_from(effect)));
	json_set(a, taint, STR("timeAdded"), json_new_str(a, time_text(a, now)));
	return taint;
}

bool taint_is(const struct cJSON *taint, const char *key, const char *effect)
{
	return str_eq_text(tree_str(taint, "key"), key) &&
	       str_eq_text(tree_str(taint, "effect"), effect);
}

bool taints_have(const struct cJSON *node, const char *key, const char *effect)
{
	json_each (taint, json_path(node, "spec.taints"))
		if (taint_is(taint, key, effect))
			return true;
	return false;
}

bool toleration_matches(const struct cJSON *toleration, const struct cJSON *taint)
{
	struct str key = tree_str(toleration, "key"), effect = tree_str(toleration, "effect");
	struct str how = tree_str(toleration, "operator");

	if (effect.len && !str_eq(effect, tree_str(taint, "effect")))
		return false;
	if (key.len && !str_eq(key, tree_str(taint, "key")))
		return false;
	if (str_eq_text(how, "Exists"))
		return true;
	return (!how.len || str_eq_text(how, "Equal")) &&
	       str_eq(tree_str(toleration, "value"), tree_str(taint, "value"));
}

bool taint_is_tolerated(const struct cJSON *tolerations, const struct cJSON *taint)
{
	json_each (toleration, tolerations)
		if (toleration_matches(toleration, taint))
			return true;
	return false;
}

/* The first toleration that matches speaks for the taint; the shortest of them counts. */
int64_t taints_stay(const struct cJSON *taints, const struct cJSON *tolerations)
{
	int64_t stay = -1;

	json_each (taint, taints) {
		const struct cJSON *match = NULL;

		if (!str_eq_text(tree_str(taint, "effect"), "NoExecute"))
			continue;
		json_each (t, tolerations) {
			if (!match && toleration_matches(t, taint))
				match = t;
		}
		if (!match)
			return 0;
		if (!tree_has(match, "tolerationSeconds"))
			continue;
		int64_t seconds = MAX(tree_int(match, "tolerationSeconds", 0), 0);
		stay = stay < 0 ? seconds * SEC : MIN(stay, seconds * SEC);
	}
	return stay;
}
