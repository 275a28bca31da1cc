/* From one version of a kind to another. */
#include "types.h"

#include <kube/api_codec.h>
#include <kube/resource.h>

static bool same_shape(const struct schema *a, const struct schema *b)
{
	if (a == b)
		return true;
	if (a->field_count != b->field_count)
		return false;
	for (size_t i = 0; i < a->field_count; i++)
		if (!str_eq(a->fields[i].name, b->fields[i].name) ||
			a->fields[i].kind != b->fields[i].kind)
			return false;
	return true;
}

/* Versions whose fields are the same differ in their name alone. */
int resource_convert(struct arena *a, const struct resource *from, const struct resource *to,
	const struct cJSON *object, struct cJSON **out, struct err *err)
{
	struct cJSON *copy = json_copy(a, object);

	tree_set_str(a, copy, "apiVersion", to->api_version);
	if (from == to || same_shape(from->schema, to->schema))
		return api_decode(a, to->schema, copy, NULL, out, err);
	return err_set(err, ERR_UNSUPPORTED,
		"%.*s cannot be converted from %.*s to %.*s in this version yet", STRF(from->kind),
		STRF(from->api_version), STRF(to->api_version));
}
