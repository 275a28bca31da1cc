#include "pod_spec.h"

#include <kube/time.h>

static struct cJSON *find(const struct cJSON *pod, struct str type)
{
	json_each (condition, json_path(pod, "status.conditions"))
		if (str_eq(tree_str(condition, "type"), type))
			return condition;
	return NULL;
}

static void set_text(struct arena *a, struct cJSON *object, const char *name, const char *text)
{
	if (text && text[0])
		json_set(a, object, str_from(name), json_new_str(a, str_from(text)));
	else
		json_remove(object, json_get(object, str_from(name)));
}

void pod_set_condition(
	struct arena *a, struct cJSON *pod, const struct pod_condition *condition, int64_t now)
{
	struct cJSON *standing = find(pod, str_from(condition->type));
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	if (!standing) {
		if (!json_path(pod, "status.conditions"))
			tree_set(a, pod, "status.conditions", json_new(a, JSON_ARRAY));
		standing = json_new(a, JSON_OBJECT);
		json_append(json_path(pod, "status.conditions"), standing);
		set_text(a, standing, "type", condition->type);
	}
	if (!str_eq_text(tree_str(standing, "status"), condition->status)) {
		time_print(&text, now / SEC * SEC);
		tree_set_str(a, standing, "lastTransitionTime", buf_str(&text));
	}
	json_remove(standing, json_get(standing, STR("observedGeneration")));
	set_text(a, standing, "status", condition->status);
	set_text(a, standing, "reason", condition->reason);
	set_text(a, standing, "message", condition->message);
}

bool pod_has_condition(const struct cJSON *pod, const char *type, const char *status)
{
	return str_eq_text(tree_str(find(pod, str_from(type)), "status"), status);
}
