#include "kubelet/sysctl_rules.h"

#include "pod_view_rig.h"

static struct str refusal(const char *spec, const char *unsafe)
{
	static struct arena a;
	struct str pattern = str_from(unsafe), message = STR("");
	struct sysctl_patterns patterns = {&pattern, pattern.len ? 1 : 0};

	arena_done(&a);
	arena_init(&a);
	struct cJSON *pod = json_new(&a, JSON_OBJECT);
	json_set(&a, pod, STR("spec"), rig_json(&a, spec));
	bool good = sysctls_are_allowed(&a, pod, patterns, &message);
	EXPECT(good == !message.len);
	return arena_str(&a, message);
}

#define SETS(name) "'securityContext':{'sysctls':[{'name':'" name "','value':'1'}]}"

TEST(what_cannot_disturb_others_is_free)
{
	EXPECT_STR(refusal("{}", ""), "");
	EXPECT_STR(refusal("{" SETS("kernel.shm_rmid_forced") "}", ""), "");
	EXPECT_STR(refusal("{" SETS("net/ipv4/tcp_syncookies") "}", ""), "");
}

TEST(what_is_not_known_to_be_safe_is_for_the_configuration_to_allow)
{
	EXPECT_STR(refusal("{" SETS("kernel.msgmax") "}", ""),
		"forbidden sysctl: \"kernel.msgmax\" not allowlisted");
	EXPECT_STR(refusal("{" SETS("kernel.msgmax") "}", "kernel.msg*"), "");
	EXPECT_STR(refusal("{" SETS("kernel/msgmax") "}", "kernel.msgmax"), "");
	EXPECT_STR(refusal("{" SETS("kernel.msgmax") "}", "kernel.msgmnb"),
		"forbidden sysctl: \"kernel.msgmax\" not allowlisted");
	EXPECT_STR(refusal("{" SETS("vm.swappiness") "}", ""),
		"forbidden sysctl: \"vm.swappiness\" not allowlisted");
}

TEST(what_is_the_nodes_cannot_be_set_by_its_pods)
{
	EXPECT_STR(refusal("{'hostNetwork':true," SETS("net.ipv4.tcp_syncookies") "}", ""),
		"forbidden sysctl: \"net.ipv4.tcp_syncookies\" not allowed with host net enabled");
	EXPECT_STR(refusal("{'hostIPC':true," SETS("net.ipv4.tcp_syncookies") "}", ""), "");
	EXPECT_STR(refusal("{'hostIPC':true," SETS("kernel.sem") "}", "kernel.sem"),
		"forbidden sysctl: \"kernel.sem\" not allowed with host ipc enabled");
}

TEST(what_comes_first_divides_a_name)
{
	struct arena a;

	arena_init(&a);
	EXPECT_STR(sysctl_dotted(&a, STR("net/ipv4/conf/eno2.100/x")), "net.ipv4.conf.eno2/100.x");
	EXPECT_STR(sysctl_dotted(&a, STR("net.ipv4.conf.eno2/100.x")), "net.ipv4.conf.eno2/100.x");
	EXPECT_STR(sysctl_dotted(&a, STR("plain")), "plain");
	arena_done(&a);
}

TEST(only_what_pods_have_of_their_own_can_be_allowed)
{
	const struct str good[] = {STR("kernel.msg*"), STR("net.core.somaxconn"), STR("net/*")};
	const struct str bad[] = {
		STR("vm.swappiness"), STR("kernel.*"), STR("NET.x"), STR("*"), STR("")};

	EXPECT_INT(sysctl_patterns_check((struct sysctl_patterns){good, ARRAY_LEN(good)}, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT_INT(sysctl_patterns_check((struct sysctl_patterns){&bad[i], 1}, NULL),
			ERR_INVALID);
}
