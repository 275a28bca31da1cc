/* An audit policy, and what it makes of some requests. */
#include "apiserver/audit/policy.h"

#include <kube/arena.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str groups[] = {STR("g"), STR("system:authenticated")};
	struct api_user user = {.name = STR("a"), .groups = groups, .group_count = 2};
	struct access_query questions[] = {
		{.user = &user, .verb = STR("get"), .path = STR("/healthz/ping")},
		{.user = &user,
			.verb = STR("update"),
			.is_resource = true,
			.resource = STR("pods"),
			.subresource = STR("status"),
			.namespace = STR("n"),
			.name = STR("x")},
		{.user = &user, .verb = STR("list"), .is_resource = true, .resource = STR("nodes")},
	};
	struct audit_policy policy = {0};
	struct err err = {0};
	struct arena a;

	arena_init(&a);
	if (audit_policy_read(&a, str_make((const char *)data, size), &policy, &err))
		assert(err.code && *err_text(&err));
	else
		for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
			struct audit_decision d = audit_decide(&policy, &questions[i]);

			assert(audit_level_name(d.level));
			assert(d.omitted <=
				(AUDIT_RECEIVED | AUDIT_STARTED | AUDIT_COMPLETE | AUDIT_PANIC));
		}
	err_done(&err);
	arena_done(&a);
	return 0;
}
