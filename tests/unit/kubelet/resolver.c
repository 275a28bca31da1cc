#include "test.h"

#include "kubelet/resolver.h"

TEST(a_resolvers_file_is_read_as_resolvers_do)
{
	struct resolver r;
	struct arena a;

	arena_init(&a);
	resolver_parse(&a,
		STR("# nameserver 9.9.9.9\nnameserver 10.0.0.1 # first\nnameserver\tfd00::1\n"
		    "domain old\nsearch a.example  b.example\noptions ndots:2 edns0\nsortlist x\n"
		    "nameserver\n"),
		&r);
	EXPECT_INT(r.server_count, 2);
	EXPECT_STR(r.servers[0], "10.0.0.1");
	EXPECT_STR(r.servers[1], "fd00::1");
	EXPECT_INT(r.search_count, 2);
	EXPECT_STR(r.searches[1], "b.example");
	EXPECT_INT(r.option_count, 2);
	EXPECT_STR(r.options[0], "ndots:2");
	resolver_parse(&a, STR(""), &r);
	EXPECT_INT(r.server_count, 0);
	arena_done(&a);
}
