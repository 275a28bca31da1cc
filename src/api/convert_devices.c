/* Claims and slices of resource.k8s.io/v1beta1: what was flat is nested, and the other way round.
 */
#include "convert.h"

/* Claims have the requests in spec, templates one spec deeper. */
static struct cJSON *requests_of(struct cJSON *object)
{
	struct cJSON *list = json_path(object, "spec.devices.requests");

	return list ? list : json_path(object, "spec.spec.devices.requests");
}

static bool stays(struct str key)
{
	return str_eq_text(key, "name") || str_eq_text(key, "firstAvailable") ||
	       str_eq_text(key, "exactly");
}

static void nest(struct arena *a, struct cJSON *request)
{
	struct cJSON *exactly = json_new(a, JSON_OBJECT), *item = json_first(request);

	if (json_count(json_get(request, STR("firstAvailable"))))
		return;
	while (item) {
		struct cJSON *next = json_next(item);
		struct str key = json_key(item);

		if (!stays(key)) {
			json_remove(request, item);
			json_add(a, exactly, key, item);
		}
		item = next;
	}
	if (json_count(exactly))
		json_set(a, request, STR("exactly"), exactly);
}

void claim_to_hub(struct arena *a, struct cJSON *object)
{
	json_each (request, requests_of(object))
		nest(a, request);
}

void claim_from_hub(struct arena *a, struct cJSON *object)
{
	json_each (request, requests_of(object)) {
		json_each (item, json_get(request, STR("exactly")))
			json_set(a, request, json_key(item), json_copy(a, item));
		json_remove(request, json_get(request, STR("exactly")));
	}
}

void slice_to_hub(struct arena *a, struct cJSON *object)
{
	json_each (device, json_path(object, "spec.devices")) {
		json_each (item, json_get(device, STR("basic")))
			json_set(a, device, json_key(item), json_copy(a, item));
		json_remove(device, json_get(device, STR("basic")));
	}
}

void slice_from_hub(struct arena *a, struct cJSON *object)
{
	json_each (device, json_path(object, "spec.devices")) {
		struct cJSON *basic = json_new(a, JSON_OBJECT), *item = json_first(device);

		while (item) {
			struct cJSON *next = json_next(item);
			struct str key = json_key(item);

			if (!str_eq_text(key, "name")) {
				json_remove(device, item);
				json_add(a, basic, key, item);
			}
			item = next;
		}
		json_set(a, device, STR("basic"), basic);
	}
}
