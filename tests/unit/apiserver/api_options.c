/* The command line of the API server. */
#include "test.h"

#include "apiserver/api_options.h"

static struct arena arena;
static struct api_options *options;

static struct str parse(const char *one, const char *two)
{
	_cleanup_(err_done) struct err err = {0};
	char *argv[] = {(char *)(uintptr_t)one, (char *)(uintptr_t)two};
	int argc = two ? 2 : one ? 1 : 0;

	arena_done(&arena);
	options = api_options_new(&arena);
	struct flag *flags = api_options_flags(&arena, options);
	flags_init(flags, &arena);
	if (flags_parse(flags, &arena, argc, argv, NULL, &err) ||
		api_options_check(&arena, options, &err))
		return arena_str(&arena, str_from(err_text(&err)));
	return STR("");
}

TEST(defaults_are_sound)
{
	EXPECT_STR(parse(NULL, NULL), "");
	EXPECT_INT(options->secure_port, 6443);
	EXPECT_INT(options->service_cidr_count, 1);
	EXPECT_INT(options->node_port_first, 30000);
	EXPECT_INT(options->node_port_last, 32767);
	EXPECT_STR(options->cert_dir, "/var/lib/kube/pki");
	EXPECT_INT(options->api_audiences.count, 1);
	EXPECT(api_gate(options, "WatchList"));
	arena_done(&arena);
}

TEST(addresses_that_are_offered_count_where_flags_name_none)
{
	struct ip offered[2] = {{0}, ip_v4(192, 0, 2, 7)};

	ip_parse(STR("fd00::7"), &offered[0]);
	EXPECT_STR(parse("--service-cluster-ip-range=10.43.0.0/16", NULL), "");
	api_options_offer_addresses(options, offered, 0);
	EXPECT_INT(options->advertise.len, 0);
	api_options_offer_addresses(options, offered, 2);
	EXPECT(ip_eq(&options->advertise, &offered[1]));
	EXPECT_STR(parse("--service-cluster-ip-range=fd43::/112", NULL), "");
	api_options_offer_addresses(options, offered, 2);
	EXPECT(ip_eq(&options->advertise, &offered[0]));
	EXPECT_STR(parse("--service-cluster-ip-range=fd43::/112", NULL), "");
	api_options_offer_addresses(options, offered + 1, 1);
	EXPECT(ip_eq(&options->advertise, &offered[1]));
	EXPECT_STR(parse("--advertise-address=192.0.2.9", NULL), "");
	api_options_offer_addresses(options, offered, 2);
	EXPECT_INT(options->advertise.bytes[3], 9);
	EXPECT_STR(parse("--bind-address=127.0.0.1", NULL), "");
	api_options_offer_addresses(options, offered, 2);
	EXPECT_INT(options->advertise.len, 0);
	arena_done(&arena);
}

TEST(what_would_be_ignored_in_silence_is_refused)
{
	EXPECT_STR(parse("--etcd-servers=http://127.0.0.1:2379", NULL),
		"--etcd-servers: this server keeps its state below --data-dir and speaks to no "
		"etcd");
	EXPECT_STR(parse("--egress-selector-config-file=x", NULL),
		"--egress-selector-config-file: egress selection is not part of this version");
	EXPECT_STR(parse("--etcd-prefix=/registry", NULL), "");
	arena_done(&arena);
}

TEST(origins_are_patterns_that_pin_the_host_down)
{
	static const char *const good[] = {"--cors-allowed-origins=^https://a\\.example$",
		"--cors-allowed-origins=//a(:|$),^b:"};
	static const char *const bad[] = {"--cors-allowed-origins=a\\.example$",
		"--cors-allowed-origins=^https", "--cors-allowed-origins=//a$,.*"};

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		EXPECT_STR(parse(good[i], NULL), "");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT(str_ends(parse(bad[i], NULL),
			STR("does not pin to start/end of host in the origin header")));
	EXPECT_STR(parse("--cors-allowed-origins=^(a$", NULL),
		"--cors-allowed-origins has an invalid regular expression: error parsing regexp: "
		"missing closing ): `^(a$`");
	arena_done(&arena);
}

TEST(what_is_read_again_is_a_file)
{
	EXPECT_STR(parse("--encryption-provider-config-automatic-reload=true", NULL),
		"--encryption-provider-config-automatic-reload must be set with "
		"--encryption-provider-config");
	arena_done(&arena);
	EXPECT_STR(parse("--encryption-provider-config-automatic-reload=true",
			   "--encryption-provider-config=x"),
		"");
	arena_done(&arena);
}

TEST(ranges_are_checked)
{
	EXPECT_STR(parse("--service-cluster-ip-range=10.96.0.0/16,fd00::/112", NULL), "");
	EXPECT_INT(options->service_cidr_count, 2);
	EXPECT(parse("--service-cluster-ip-range=10.0.0.0/8", NULL).len > 0);
	EXPECT(parse("--service-cluster-ip-range=10.96.0.0/16,10.97.0.0/16", NULL).len > 0);
	EXPECT(parse("--service-cluster-ip-range=nonsense", NULL).len > 0);
	EXPECT(parse("--service-node-port-range=3-2", NULL).len > 0);
	EXPECT(parse("--service-node-port-range=1-70000", NULL).len > 0);
	EXPECT(parse("--bind-address=localhost", NULL).len > 0);
	EXPECT(parse("--secure-port=70000", NULL).len > 0);
	EXPECT(parse("--tls-cert-file=a", NULL).len > 0);
	EXPECT(parse("--request-timeout=0s", NULL).len > 0);
	EXPECT(parse("--etcd-compaction-interval=-1s", NULL).len > 0);
	EXPECT(parse("--etcd-compaction-interval=0s", NULL).len == 0);
	arena_done(&arena);
}

TEST(modes_and_plugins_are_known)
{
	EXPECT_STR(parse("--authorization-mode=RBAC,RBAC", NULL),
		"authorization-mode \"RBAC\" has mode specified more than once");
	EXPECT_STR(parse("--authorization-mode=Odd", NULL),
		"authorization-mode \"Odd\" is not a valid mode");
	EXPECT_STR(parse("--disable-admission-plugins=ImagePolicyWebhook", NULL), "");
	EXPECT_STR(parse("--enable-admission-plugins=Nope", NULL),
		"enable-admission-plugins plugin \"Nope\" is unknown");
	EXPECT_STR(
		parse("--enable-admission-plugins=JobValidation,NamespaceAutoProvision", NULL), "");
	EXPECT_STR(parse("--disable-admission-plugins=Nope", NULL),
		"disable-admission-plugins plugin \"Nope\" is unknown");
	EXPECT(parse("--feature-gates=Nope=true", NULL).len > 0);
	EXPECT_STR(parse("--feature-gates=WatchList=false", NULL), "");
	EXPECT(!api_gate(options, "WatchList"));
	arena_done(&arena);
}
