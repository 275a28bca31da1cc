/* Event */
#include "kinds.h"

static const char *const labels[] = {"involvedObject.kind", "involvedObject.namespace",
	"involvedObject.name", "involvedObject.uid", "involvedObject.apiVersion",
	"involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
	"reportingComponent", "source", "type", NULL};

/* The source is whoever reports when nobody is named. */
static struct str value(struct arena *a, const struct cJSON *object, struct str label)
{
	struct str source = tree_str(object, "source.component");

	if (!str_eq_text(label, "source"))
		return tree_str(object, arena_str(a, label).at);
	return source.len ? source : tree_str(object, "reportingComponent");
}

const struct strategy strategy_events = {
	.name_rule = name_check_path_segment,
	.put_creates = true,
	.unconditional = true,
	.field_labels = labels,
	.field_value = value,
};
