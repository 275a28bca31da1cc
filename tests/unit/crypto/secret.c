#include "test.h"

#include <kube/key.h>

TEST(secrets_are_equal_when_all_bytes_are)
{
	EXPECT(secret_equal(STR("token"), STR("token")));
	EXPECT(secret_equal(STR(""), (struct str){0}));
	EXPECT(!secret_equal(STR("token"), STR("tokem")));
	EXPECT(!secret_equal(STR("token"), STR("Token")));
	EXPECT(!secret_equal(STR("token"), STR("toke")));
	EXPECT(!secret_equal(STR(""), STR("t")));
	EXPECT(!secret_equal(STR("a\0b"), STR("a\0c")));
}
