/* Reviews, webhooks and signing requests of the betas. */
#include "convert.h"

void review_to_hub(struct arena *a, struct cJSON *object)
{
	convert_rename(a, json_get(object, STR("spec")), "group", "groups");
}

void review_from_hub(struct arena *a, struct cJSON *object)
{
	convert_rename(a, json_get(object, STR("spec")), "groups", "group");
}

static void set_text(struct arena *a, struct cJSON *object, const char *name, const char *value)
{
	if (!tree_has(object, name))
		tree_set_str(a, object, name, str_from(value));
}

void webhooks_defaults_beta1(struct arena *a, struct cJSON *object)
{
	json_each (hook, json_get(object, STR("webhooks"))) {
		set_text(a, hook, "failurePolicy", "Ignore");
		set_text(a, hook, "matchPolicy", "Exact");
		set_text(a, hook, "sideEffects", "Unknown");
		if (!tree_has(hook, "timeoutSeconds"))
			tree_set_int(a, hook, "timeoutSeconds", 30);
		if (!json_count(json_get(hook, STR("admissionReviewVersions")))) {
			struct cJSON *list = json_new(a, JSON_ARRAY);

			json_append(list, json_new_str(a, STR("v1beta1")));
			tree_set(a, hook, "admissionReviewVersions", list);
		}
	}
}

void signing_defaults_beta1(struct arena *a, struct cJSON *object)
{
	struct cJSON *usages;

	set_text(a, object, "spec.signerName", "kubernetes.io/legacy-unknown");
	if (json_count(json_path(object, "spec.usages")))
		return;
	usages = json_new(a, JSON_ARRAY);
	json_append(usages, json_new_str(a, STR("digital signature")));
	json_append(usages, json_new_str(a, STR("key encipherment")));
	tree_set(a, object, "spec.usages", usages);
}
