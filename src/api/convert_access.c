/* Reviews, webhooks and subjects of the betas. */
#include "convert.h"

#define RBAC "rbac.authorization.k8s.io"

void review_to_hub(struct arena *a, struct cJSON *object)
{
	convert_rename(a, json_get(object, STR("spec")), "group", "groups");
}

void review_from_hub(struct arena *a, struct cJSON *object)
{
	convert_rename(a, json_get(object, STR("spec")), "groups", "group");
}

/* Accounts are of the core group, users and groups of this one, whatever a manifest says. */
void subjects_to_hub(struct arena *a, struct cJSON *object)
{
	json_each (subject, json_get(object, STR("subjects"))) {
		bool user = str_eq_text(tree_str(subject, "kind"), "User");

		/* the beginnings' word for everybody who is known */
		if (user && str_eq_text(tree_str(subject, "name"), "*")) {
			tree_set_str(a, subject, "kind", STR("Group"));
			tree_set_str(a, subject, "name", STR("system:authenticated"));
		}
		tree_drop(subject, "apiVersion");
		if (!str_eq_text(tree_str(subject, "kind"), "ServiceAccount"))
			tree_set_str(a, subject, "apiGroup", STR(RBAC));
	}
}

void subjects_from_hub(struct arena *a, struct cJSON *object)
{
	json_each (subject, json_get(object, STR("subjects"))) {
		tree_drop(subject, "apiGroup");
		tree_set_str(a, subject, "apiVersion",
			str_eq_text(tree_str(subject, "kind"), "ServiceAccount")
				? STR("v1")
				: STR(RBAC "/v1alpha1"));
	}
}

/* The rest stands in the version's own shape. */
void webhooks_defaults_beta1(struct arena *a, struct cJSON *object)
{
	json_each (hook, json_get(object, STR("webhooks"))) {
		if (!json_count(json_get(hook, STR("admissionReviewVersions")))) {
			struct cJSON *list = json_new(a, JSON_ARRAY);

			json_append(list, json_new_str(a, STR("v1beta1")));
			tree_set(a, hook, "admissionReviewVersions", list);
		}
	}
}
