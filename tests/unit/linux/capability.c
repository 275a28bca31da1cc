#include "test.h"

#include <kube/capability.h>

static uint64_t resolve(const char *add, const char *drop)
{
	struct str adds = str_from(add), drops = str_from(drop);
	uint64_t set = 0;

	EXPECT_INT(capability_resolve(&adds, add != NULL, &drops, drop != NULL, &set, NULL), 0);
	return set;
}

TEST(names_are_known_in_every_spelling)
{
	EXPECT_INT(capability_bit(STR("CHOWN")), 1);
	EXPECT_INT(capability_bit(STR("cap_net_admin")), 1 << 12);
	EXPECT_INT(capability_bit(STR("CAP_")), 0);
	EXPECT_INT(capability_bit(STR("ROOT")), 0);
}

TEST(all_counts_before_single_ones)
{
	uint64_t chown = capability_bit(STR("CHOWN")), normal = resolve(NULL, NULL);

	EXPECT_INT(__builtin_popcountll(capability_default()), 14);
	EXPECT_INT(resolve("NET_ADMIN", NULL), normal | capability_bit(STR("NET_ADMIN")));
	EXPECT_INT(resolve(NULL, "CHOWN"), normal & ~chown);
	EXPECT_INT(resolve("ALL", "CHOWN"), capability_all() & ~chown);
	EXPECT_INT(resolve("CHOWN", "ALL"), chown);
	EXPECT_INT(resolve(NULL, "all"), 0);
}

TEST(an_unknown_name_is_refused)
{
	struct str name = STR("FLY");
	_cleanup_(err_done) struct err err = {0};
	uint64_t set;

	EXPECT_INT(capability_resolve(&name, 1, NULL, 0, &set, &err), ERR_INVALID);
	EXPECT_TEXT(err_text(&err), "unknown capability \"FLY\"");
}
