/* Definitions of the beta: what v1 says of each version could be said once for all of them. */
#include "convert.h"

static const char *const shared[] = {"subresources", "additionalPrinterColumns"};

/* One version may stand alone, or be named once more beside the others. */
void definition_defaults_beta1(struct arena *a, struct cJSON *object)
{
	struct cJSON *spec = json_get(object, STR("spec"));
	struct str version = tree_str(spec, "version");

	if (!spec)
		return;
	if (!tree_str(spec, "scope").len)
		tree_set_str(a, spec, "scope", STR("Namespaced"));
	if (!json_count(json_get(spec, STR("versions"))) && version.len) {
		struct cJSON *list = json_new(a, JSON_ARRAY), *one = json_new(a, JSON_OBJECT);

		json_add(a, one, STR("name"), json_new_str(a, version));
		json_add(a, one, STR("served"), json_new_bool(a, true));
		json_add(a, one, STR("storage"), json_new_bool(a, true));
		json_append(list, one);
		tree_set(a, spec, "versions", list);
	}
	if (!tree_has(spec, "preserveUnknownFields"))
		json_add(a, spec, STR("preserveUnknownFields"), json_new_bool(a, true));
	struct cJSON *conversion = json_get(spec, STR("conversion"));
	if (str_eq_text(tree_str(conversion, "strategy"), "Webhook") &&
		!json_count(json_get(conversion, STR("conversionReviewVersions")))) {
		struct cJSON *list = json_new(a, JSON_ARRAY);

		json_append(list, json_new_str(a, STR("v1beta1")));
		json_set(a, conversion, STR("conversionReviewVersions"), list);
	}
}

static void rename_paths(struct arena *a, struct cJSON *columns, const char *from, const char *to)
{
	json_each (column, columns)
		convert_rename(a, column, from, to);
}

static void move(struct arena *a, struct cJSON *from, const char *name, struct cJSON *to,
	const char *new_name)
{
	struct cJSON *value = json_get(from, str_from(name));

	if (!value)
		return;
	json_set(a, to, str_from(new_name), json_copy(a, value));
	json_remove(from, value);
}

/*
 * v1 knows no fields that are kept although no schema says so; a version that kept all of them
 * says it in its schema.
 */
static void keep_unknown(struct arena *a, struct cJSON *version)
{
	struct cJSON *schema = json_path(version, "schema.openAPIV3Schema");

	if (!schema) {
		schema = json_new(a, JSON_OBJECT);
		json_add(a, schema, STR("type"), json_new_str(a, STR("object")));
		tree_set(a, version, "schema.openAPIV3Schema", schema);
	}
	json_set(a, schema, STR("x-kubernetes-preserve-unknown-fields"), json_new_bool(a, true));
	if (!json_get(schema, STR("type")))
		json_set(a, schema, STR("type"), json_new_str(a, STR("object")));
}

void definition_to_hub(struct arena *a, struct cJSON *object)
{
	struct cJSON *spec = json_get(object, STR("spec"));
	struct cJSON *conversion = json_get(spec, STR("conversion"));
	const struct cJSON *validation = json_get(spec, STR("validation"));
	bool preserves = tree_true(spec, "preserveUnknownFields");

	rename_paths(a, json_get(spec, STR("additionalPrinterColumns")), "JSONPath", "jsonPath");
	json_each (version, json_get(spec, STR("versions"))) {
		if (validation && !json_get(version, STR("schema")))
			json_add(a, version, STR("schema"), json_copy(a, validation));
		rename_paths(a, json_get(version, STR("additionalPrinterColumns")), "JSONPath",
			"jsonPath");
		for (size_t i = 0; i < ARRAY_LEN(shared); i++) {
			const struct cJSON *all = json_get(spec, str_from(shared[i]));

			if (all && !json_get(version, str_from(shared[i])))
				json_add(a, version, str_from(shared[i]), json_copy(a, all));
		}
		if (preserves)
			keep_unknown(a, version);
	}
	tree_drop(spec, "preserveUnknownFields");
	if (json_get(conversion, STR("webhookClientConfig"))) {
		struct cJSON *webhook = json_new(a, JSON_OBJECT);

		move(a, conversion, "webhookClientConfig", webhook, "clientConfig");
		move(a, conversion, "conversionReviewVersions", webhook,
			"conversionReviewVersions");
		json_set(a, conversion, STR("webhook"), webhook);
	}
}

/* Everything stays with its version; the first one's name is told once more. */
void definition_from_hub(struct arena *a, struct cJSON *object)
{
	struct cJSON *spec = json_get(object, STR("spec"));
	struct cJSON *conversion = json_get(spec, STR("conversion"));
	struct cJSON *webhook = json_get(conversion, STR("webhook"));
	struct str first = tree_str(json_first(json_get(spec, STR("versions"))), "name");

	if (spec && first.len)
		tree_set_str(a, spec, "version", first);
	json_each (version, json_get(spec, STR("versions")))
		rename_paths(a, json_get(version, STR("additionalPrinterColumns")), "jsonPath",
			"JSONPath");
	if (webhook) {
		move(a, webhook, "clientConfig", conversion, "webhookClientConfig");
		move(a, webhook, "conversionReviewVersions", conversion,
			"conversionReviewVersions");
		json_remove(conversion, webhook);
	}
	if (spec && !tree_has(spec, "preserveUnknownFields"))
		json_add(a, spec, STR("preserveUnknownFields"), json_new_bool(a, false));
}
