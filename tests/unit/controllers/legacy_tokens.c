/* Tokens of old: which become invalid, which go. */
#include "plan_rig.h"

#include "controllers/legacy_tokens.h"

#include <kube/time.h>

#define NOW    (1798761600 * SEC) /* 2027-01-01 */
#define PERIOD (365 * 24 * HOUR)

#define SECRET(made, labels, more)                                                                 \
	"{'metadata':{'name':'t','namespace':'n','uid':'u','resourceVersion':'7',"                 \
	"'creationTimestamp':'" made "T00:00:00Z','annotations':{'kubernetes.io/"                  \
	"service-account.name':'a','kubernetes.io/service-account.uid':'" more                     \
	"'},'labels':{" labels "}},'type':'kubernetes.io/service-account-token'}"
#define USED(date)    "'kubernetes.io/legacy-token-last-used':'" date "'"
#define INVALID(date) "'kubernetes.io/legacy-token-invalid-since':'" date "'"
#define OLD           "2020-01-01"
#define LISTED        "{'metadata':{'name':'a','uid':'x'},'secrets':[{'name':'other'},{'name':'t'}]}"
#define BECOMES_INVALID                                                                            \
	"patch secrets t {'metadata':{'uid':'u','resourceVersion':'7','labels':{'kubernetes.io/"   \
	"legacy-token-invalid-since':'2027-01-01'}}}\n"

static const struct row {
	const char *secret, *account, *plan;
	bool held;
} table[] = {
	{SECRET(OLD, "", "x"), LISTED, BECOMES_INVALID, false},
	{SECRET(OLD, USED("2025-12-31"), "x"), LISTED, BECOMES_INVALID, false},
	{SECRET(OLD, INVALID("soon"), "x"), LISTED, BECOMES_INVALID, false},
	{SECRET(OLD, INVALID("2025-12-31"), "x"), LISTED, "delete secrets t\n", false},
	/* the day a year ago counts as used */
	{SECRET(OLD, USED("2026-01-01"), "x"), LISTED, "", false},
	{SECRET(OLD, INVALID("2026-01-01"), "x"), LISTED, "", false},
	{SECRET("2026-02-01", "", "x"), LISTED, "", false},
	{SECRET(OLD, USED("when?"), "x"), LISTED, "", false},
	/* people's own, another account's, one that a pod has */
	{SECRET(OLD, "", "x"), "{'metadata':{'name':'a','uid':'x'}}", "", false},
	{SECRET(OLD, "", "y"), LISTED, "", false},
	{SECRET(OLD, "", "x"), LISTED, "", true},
	{SECRET(OLD, INVALID("2025-12-31"), "x"), LISTED, "", true},
};

TEST(tokens_that_nobody_uses_become_invalid_and_go)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct plan_rig r;

		plan_rig_start(&r);
		test_context("row %zu", i);
		legacy_token_judge(&r.plan, resource_find(STR(""), STR("v1"), STR("secrets")),
			plan_rig_tree(&r, table[i].secret), plan_rig_tree(&r, table[i].account),
			table[i].held, PERIOD, NOW);
		EXPECT_STR(plan_rig_text(&r), table[i].plan);
		plan_rig_stop(&r);
	}
}

TEST(nothing_is_judged_before_uses_were_known_for_long_enough)
{
	static const struct {
		const char *map;
		bool tracked;
	} maps[] = {{"{}", false}, {"{'data':{'since':'x'}}", false},
		{"{'data':{'since':'2026-01-01'}}", false},
		{"{'data':{'since':'2025-12-31'}}", true}};

	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		struct plan_rig r;

		plan_rig_start(&r);
		EXPECT_INT(legacy_tokens_tracked(plan_rig_tree(&r, maps[i].map), PERIOD, NOW),
			maps[i].tracked);
		plan_rig_stop(&r);
	}
	EXPECT(!legacy_tokens_tracked(NULL, PERIOD, NOW));
}

TEST(pods_hold_secrets_in_many_ways)
{
	static const char *const held[] = {"{'imagePullSecrets':[{'name':'t'}]}",
		"{'volumes':[{'name':'v','secret':{'secretName':'t'}}]}",
		"{'volumes':[{'projected':{'sources':[{'secret':{'name':'t'}}]}}]}",
		"{'volumes':[{'csi':{'nodePublishSecretRef':{'name':'t'}}}]}",
		"{'initContainers':[{'env':[{'valueFrom':{'secretKeyRef':{'name':'t','key':'k'}}}]}"
		"]}",
		"{'containers':[{'envFrom':[{'secretRef':{'name':'t'}}]}]}"};
	static const char *const free[] = {"{}",
		"{'volumes':[{'name':'t','configMap':{'name':'t'}}]}",
		"{'containers':[{'name':'t','envFrom':[{'configMapRef':{'name':'t'}}]}]}",
		"{'imagePullSecrets':[{'name':'u'}]}"};
	struct plan_rig r;

	plan_rig_start(&r);
	for (size_t i = 0; i < ARRAY_LEN(held); i++)
		EXPECT(legacy_token_held(plan_rig_tree(&r, held[i]), STR("t")));
	for (size_t i = 0; i < ARRAY_LEN(free); i++)
		EXPECT(!legacy_token_held(plan_rig_tree(&r, free[i]), STR("t")));
	plan_rig_stop(&r);
}
