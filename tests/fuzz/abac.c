/* A file of ABAC policies, and a question to those that it holds. */
#include "apiserver/authz/abac.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str groups[] = {STR("g"), STR("system:authenticated")};
	struct api_user user = {.name = STR("a"), .groups = groups, .group_count = 2};
	struct access_query query = {.user = &user, .verb = STR("get"), .path = STR("/x")};
	struct abac *abac = NULL;
	struct err err = {0};
	struct arena a;

	arena_init(&a);
	if (!abac_parse(STR("f"), str_make((const char *)data, size), &abac, &err)) {
		struct cJSON *rules = json_new(&a, JSON_ARRAY), *paths = json_new(&a, JSON_ARRAY);

		abac_allows(abac, &query);
		abac_add_rules(abac, &a, &user, STR("n"), rules, paths);
		assert(json_count(rules) + json_count(paths) <= 2 * abac->count);
	}
	abac_free(abac);
	err_done(&err);
	arena_done(&a);
	return 0;
}
