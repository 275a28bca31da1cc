/* Chains that others have made are seen as they made them. */
#include "netns_test.h"

#include <kube/buf.h>
#include <kube/nft.h>

static void see(void *ctx, const struct nft_base *base)
{
	buf_print(ctx, "%s %s %s %u %s\n", base->family, base->table, base->chain, base->place,
		base->drops ? "drop" : "accept");
}

static void look(void)
{
	_cleanup_(buf_done) struct buf seen = BUF_INIT(64 * KIB);
	char out[256];

	EXPECT_INT(nft_each_base(see, &seen, NULL), 0);
	EXPECT_INT(seen.len, 0);
	netns_test_shell(-1, out, sizeof(out),
		"nft -f - <<E\n"
		"add table ip filter\n"
		"add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; "
		"}\n"
		"add chain ip filter other\n"
		"add table inet mine\n"
		"add chain inet mine in { type filter hook input priority 5; }\n"
		"E");
	EXPECT_INT(nft_each_base(see, &seen, NULL), 0);
	EXPECT(str_find(buf_str(&seen), STR("ip filter FORWARD 2 drop\n")) >= 0);
	EXPECT(str_find(buf_str(&seen), STR("inet mine in 1 accept\n")) >= 0);
	EXPECT(str_find(buf_str(&seen), STR("other")) < 0);
}

static void see_name(void *ctx, struct str name)
{
	buf_print(ctx, "%.*s ", STRF(name));
}

static void look_at_one(void)
{
	_cleanup_(buf_done) struct buf seen = BUF_INIT(64 * KIB);
	char out[256];

	EXPECT_INT(nft_each_chain("mine", see_name, &seen, NULL), 0);
	EXPECT_STR(buf_str(&seen), "");
	netns_test_shell(-1, out, sizeof(out),
		"nft -f - <<E\n"
		"add table ip mine\n"
		"add chain ip mine other\n"
		"add table inet mine\n"
		"add chain inet mine in { type filter hook input priority 5; }\n"
		"add chain inet mine on\n"
		"add table inet theirs\n"
		"add chain inet theirs out\n"
		"E");
	EXPECT_INT(nft_each_chain("mine", see_name, &seen, NULL), 0);
	EXPECT_STR(buf_str(&seen), "in on ");
}

TEST(chains_of_a_table_are_seen)
{
	netns_test_run(look_at_one);
}

TEST(chains_that_packets_run_into_are_seen_with_their_policy)
{
	netns_test_run(look);
}
