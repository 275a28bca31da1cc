/* The standards of pods: by level, by version, in upstream's words. */
#include "test.h"

#include "apiserver/admission/pod_standards.h"

static struct arena arena;

static struct str wrong(enum standard_level level, int version, const char *spec)
{
	struct cJSON *tree = NULL;

	EXPECT_INT(json_parse(&arena, str_from(spec), NULL, &tree, NULL), 0);
	return pod_standards_check(&arena, level, version, NULL, tree, false);
}

static const char plain[] = "{\"containers\":[{\"name\":\"c\"}]}";
static const char mounted[] = "{\"containers\":[],\"volumes\":[{\"name\":\"h\",\"hostPath\":{}}]}";
static const char sysctl[] = "{\"containers\":[],\"securityContext\":{\"sysctls\":[{\"name\":"
			     "\"net.ipv4.tcp_keepalive_time\"}]}}";

TEST(levels_ask_for_more_and_more)
{
	arena_init(&arena);
	EXPECT_STR(wrong(STANDARD_PRIVILEGED, STANDARD_LATEST, mounted), "");
	EXPECT_STR(wrong(STANDARD_BASELINE, STANDARD_LATEST, plain), "");
	EXPECT_STR(wrong(STANDARD_BASELINE, STANDARD_LATEST, mounted),
		"hostPath volumes (volume \"h\")");
	EXPECT_STR(wrong(STANDARD_RESTRICTED, STANDARD_LATEST, mounted),
		"restricted volume types (volume \"h\" uses restricted volume type \"hostPath\")");
	arena_done(&arena);
}

TEST(old_versions_know_less)
{
	arena_init(&arena);
	EXPECT_STR(wrong(STANDARD_RESTRICTED, 8, plain),
		"allowPrivilegeEscalation != false (container \"c\" must set "
		"securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or "
		"container \"c\" must set securityContext.runAsNonRoot=true)");
	EXPECT_STR(wrong(STANDARD_BASELINE, 28, sysctl),
		"forbidden sysctls (net.ipv4.tcp_keepalive_time)");
	EXPECT_STR(wrong(STANDARD_BASELINE, 29, sysctl), "");
	arena_done(&arena);
}

TEST(windows_and_own_users_are_let_off_what_does_not_concern_them)
{
	static const char windows[] = "{\"os\":{\"name\":\"windows\"},\"securityContext\":{"
				      "\"runAsNonRoot\":true},\"containers\":[{\"name\":\"c\"}]}";
	static const char users[] =
		"{\"hostUsers\":false,\"securityContext\":{\"runAsUser\":0,\"seccompProfile\":{"
		"\"type\":\"RuntimeDefault\"}},\"containers\":[{\"name\":\"c\","
		"\"securityContext\":{\"allowPrivilegeEscalation\":false,\"capabilities\":{"
		"\"drop\":[\"ALL\"]}}}]}";

	arena_init(&arena);
	EXPECT_STR(wrong(STANDARD_RESTRICTED, STANDARD_LATEST, windows), "");
	EXPECT(wrong(STANDARD_RESTRICTED, 24, windows).len > 0);
	EXPECT_STR(wrong(STANDARD_RESTRICTED, STANDARD_LATEST, users), "");
	EXPECT_STR(wrong(STANDARD_RESTRICTED, 34, users),
		"runAsNonRoot != true (pod or container \"c\" must set "
		"securityContext.runAsNonRoot=true), runAsUser=0 (pod must not set runAsUser=0)");
	arena_done(&arena);
}

TEST(several_are_told_together)
{
	arena_init(&arena);
	EXPECT_STR(wrong(STANDARD_BASELINE, STANDARD_LATEST,
			   "{\"securityContext\":{\"seLinuxOptions\":{\"role\":\"r\"},"
			   "\"appArmorProfile\":{\"type\":\"Unconfined\"}},\"initContainers\":[{"
			   "\"name\":\"i\",\"ports\":[{\"hostPort\":90}]}],\"containers\":[{"
			   "\"name\":\"c\",\"ports\":[{\"hostPort\":80}],\"securityContext\":{"
			   "\"seLinuxOptions\":{\"type\":\"t\"}}}]}"),
		"forbidden AppArmor profile (pod must not set AppArmor profile type to "
		"\"Unconfined\"), hostPort (containers \"i\", \"c\" use hostPorts 80, 90), "
		"seLinuxOptions (pod and container \"c\" set forbidden "
		"securityContext.seLinuxOptions: type \"t\"; role may not be set)");
	arena_done(&arena);
}
