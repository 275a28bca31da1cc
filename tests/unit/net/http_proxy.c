#include "test.h"

#include <kube/http_client.h>
#include <stdlib.h>

static bool direct(const char *no_proxy, const char *host, uint16_t port)
{
	struct http_client_options o = {
		.https_proxy = STR("http://proxy:3128"), .no_proxy = str_from(no_proxy)};

	return http_proxy_for(&o, true, str_from(host), port).len == 0;
}

TEST(each_scheme_has_its_proxy)
{
	struct http_client_options o = {.https_proxy = STR("http://s:1"), .http_proxy = STR("p:2")};

	EXPECT_STR(http_proxy_for(&o, true, STR("example.com"), 443), "http://s:1");
	EXPECT_STR(http_proxy_for(&o, false, STR("example.com"), 80), "p:2");
	o = (struct http_client_options){0};
	EXPECT_STR(http_proxy_for(&o, true, STR("example.com"), 443), "");
}

TEST(the_own_machine_is_never_behind_a_proxy)
{
	EXPECT(direct("", "localhost", 443));
	EXPECT(direct("", "127.0.0.5", 443));
	EXPECT(direct("", "::1", 443));
	EXPECT(!direct("", "example.com", 443));
}

TEST(names_cover_themselves_and_what_is_below)
{
	EXPECT(direct("example.com", "example.com", 443));
	EXPECT(direct("x, Example.COM ,y", "a.b.example.com", 443));
	EXPECT(!direct("example.com", "badexample.com", 443));
	EXPECT(!direct(".example.com", "example.com", 443));
	EXPECT(direct(".example.com", "a.example.com", 443));
	EXPECT(direct("*.example.com", "a.example.com", 443));
	EXPECT(!direct("*.example.com", "example.com", 443));
	EXPECT(direct("example.com", "example.com.", 443));
	EXPECT(direct("*", "anything", 443));
}

TEST(ports_narrow_a_name)
{
	EXPECT(direct("example.com:8443", "example.com", 8443));
	EXPECT(!direct("example.com:8443", "example.com", 443));
	EXPECT(direct("[2001:db8::1]:443", "2001:db8::1", 443));
	EXPECT(!direct("[2001:db8::1]:443", "2001:db8::1", 80));
}

TEST(cidrs_and_addresses_cover_addresses_only)
{
	EXPECT(direct("10.0.0.0/8", "10.43.0.1", 443));
	EXPECT(!direct("10.0.0.0/8", "11.43.0.1", 443));
	EXPECT(direct("2001:db8::/32", "2001:db8::5", 443));
	EXPECT(direct("192.0.2.1", "192.0.2.1", 443));
	EXPECT(!direct("10.0.0.0/8", "ten.example", 443));
	EXPECT(direct(",,10.0.0.0/8,", "10.1.1.1", 443));
}

TEST(the_environment_names_proxies_in_either_case)
{
	struct http_client_options o = {0};

	setenv("https_proxy", "http://lower:1", 1);
	unsetenv("HTTPS_PROXY");
	setenv("HTTP_PROXY", "http://upper:2", 1);
	setenv("http_proxy", "http://lower:2", 1);
	setenv("NO_PROXY", "a,b", 1);
	http_proxy_from_env(&o);
	EXPECT_STR(o.https_proxy, "http://lower:1");
	EXPECT_STR(o.http_proxy, "http://upper:2");
	EXPECT_STR(o.no_proxy, "a,b");
	setenv("REQUEST_METHOD", "GET", 1);
	http_proxy_from_env(&o);
	EXPECT_STR(o.http_proxy, "http://lower:2");
	unsetenv("REQUEST_METHOD");
}
