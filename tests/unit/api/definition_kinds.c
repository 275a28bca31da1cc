/* Definitions of custom resources and signing requests: what no recorded conversation asks. */
#include "change_rig.h"

#define DEFINITIONS "apiextensions.k8s.io/v1/customresourcedefinitions"
#define REQUESTS    "certificates.k8s.io/v1/certificatesigningrequests"
#define SCHEMA_ANY  "\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\"}}"
#define DEFINITION(group, annotations, more)                                                       \
	"{\"metadata\":{\"annotations\":{" annotations "}},\"spec\":{\"group\":\"" group           \
	"\",\"scope\":\"Cluster\",\"names\":{\"plural\":\"as\",\"kind\":\"MyA\"},\"versions\":[{"  \
	"\"name\":\"v1\",\"served\":true,\"storage\":true," SCHEMA_ANY more "}]}}"

TEST(names_follow_from_the_kind)
{
	arena_init(&rig_arena);
	const char *made = rig_created(DEFINITIONS, DEFINITION("x.io", "", ""));
	EXPECT(strstr(made, "\"singular\":\"mya\"") != NULL);
	EXPECT(strstr(made, "\"listKind\":\"MyAList\"") != NULL);
	EXPECT(strstr(made, "\"conversion\":{\"strategy\":\"None\"}") != NULL);
	EXPECT(strstr(made, "\"storedVersions\":[\"v1\"]") != NULL);
	arena_done(&rig_arena);
}

TEST(approval_is_an_address_or_a_reason)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(DEFINITIONS,
			    DEFINITION("x.k8s.io", "\"api-approved.kubernetes.io\":\"https://h/p\"",
				    "")),
		"");
	EXPECT_TEXT(rig_create(DEFINITIONS,
			    DEFINITION("x.k8s.io",
				    "\"api-approved.kubernetes.io\":\"unapproved, x\"", "")),
		"");
	EXPECT_TEXT(rig_create(DEFINITIONS,
			    DEFINITION("x.k8s.io", "\"api-approved.kubernetes.io\":\"yes\"", "")),
		"metadata.annotations[api-approved.kubernetes.io]: Invalid value: \"yes\": "
		"protected groups must have approval annotation \"api-approved.kubernetes.io\" "
		"with either a URL or a reason starting with \"unapproved\", see "
		"https://github.com/kubernetes/enhancements/pull/1111");
	arena_done(&rig_arena);
}

TEST(what_one_version_alone_has_is_told_of_that_version)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(DEFINITIONS,
			    DEFINITION("x.io", "",
				    ",\"additionalPrinterColumns\":[{\"name\":\"n\",\"type\":"
				    "\"string\",\"jsonPath\":\"x\"}]},{\"name\":\"v2\",\"served\":"
				    "true,\"storage\":false," SCHEMA_ANY)),
		"spec.versions[0].additionalPrinterColumns[0].JSONPath: Invalid value: \"x\": must "
		"be a simple json path starting with .");
	arena_done(&rig_arena);
}

/* ---- signing requests ---- */

static const char *approve(const char *old, const char *now)
{
	struct change c = rig_change(REQUESTS, now, old);
	struct field_errors e = {.arena = &rig_arena};
	const struct part_strategy *part = c.resource->strategy->parts;

	part->prepare(&c);
	part->validate(&c, &e);
	return rig_text(&e);
}

static bool says(const char *text, const char *what)
{
	return strstr(text, what) != NULL;
}

#define CONDITION(type) "{\"type\":\"" type "\",\"status\":\"True\"}"

TEST(decisions_are_taken_once)
{
	arena_init(&rig_arena);
	EXPECT(!says(approve("{}", "{\"status\":{\"conditions\":[" CONDITION("Approved") "]}}"),
		"condition"));
	EXPECT(says(approve("{\"status\":{\"conditions\":[" CONDITION("Approved") "]}}",
			    "{\"status\":{}}"),
		"updates may not remove a condition of type \"Approved\""));
	EXPECT(says(approve("{}", "{\"status\":{\"conditions\":[" CONDITION("Denied") "," CONDITION(
					  "Approved") "]}}"),
		"Approved and Denied conditions are mutually exclusive"));
	arena_done(&rig_arena);
}

TEST(times_of_conditions_are_the_servers)
{
	arena_init(&rig_arena);
	struct change c = rig_change(
		REQUESTS, "{\"status\":{\"conditions\":[" CONDITION("Approved") "]}}", "{}");
	c.resource->strategy->parts->prepare(&c);
	EXPECT_STR(tree_str(c.object, "status.conditions.0.lastTransitionTime"),
		"2023-11-14T22:13:20Z");
	arena_done(&rig_arena);
}

TEST(who_asks_is_what_the_server_knows)
{
	arena_init(&rig_arena);
	struct change c =
		rig_change(REQUESTS, "{\"spec\":{\"username\":\"root\",\"uid\":\"0\"}}", NULL);
	c.user_info = rig_parse("{\"username\":\"me\",\"groups\":[\"g\"]}");
	c.resource->strategy->prepare_create(&c);
	EXPECT_STR(tree_str(c.object, "spec.username"), "me");
	EXPECT(!tree_has(c.object, "spec.uid"));
	arena_done(&rig_arena);
}

/* ---- trust bundles, migrations ---- */

#define BUNDLES "certificates.k8s.io/v1beta1/clustertrustbundles"

static const char *bundle_faults(const char *name, const char *object)
{
	struct change c = rig_change(BUNDLES, object, NULL);
	struct field_errors e = {.arena = &rig_arena};

	c.name = str_from(name);
	c.resource->strategy->validate(&c, &e);
	return rig_text(&e);
}

TEST(a_bundle_is_named_after_its_signer_and_holds_authorities)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(
		bundle_faults("x", "{\"spec\":{\"signerName\":\"a.io/s\",\"trustBundle\":\"\"}}"),
		"[metadata.name: Invalid value: \"x\": ClusterTrustBundle for signerName a.io/s "
		"must be named with prefix a.io:s:, spec.trustBundle: Invalid value: \"<value "
		"omitted>\": at least one trust anchor must be provided]");
	EXPECT_TEXT(bundle_faults("a:b", "{\"spec\":{\"trustBundle\":\"-----BEGIN X-----\\nAAAA\\n"
					 "-----END X-----\\n\"}}"),
		"[metadata.name: Invalid value: \"a:b\": ClusterTrustBundle without signer name "
		"must not have \":\" in its name, spec.trustBundle: Invalid value: \"<value "
		"omitted>\": entry 0 has bad block type: X]");
	arena_done(&rig_arena);
}

TEST(a_migration_names_a_resource_and_keeps_it)
{
	const char *kind = "storagemigration.k8s.io/v1beta1/storageversionmigrations";

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(kind, "{\"spec\":{\"resource\":{\"group\":\"a\"}}}"),
		"spec.resource.resource: Required value: resource is required to be set");
	EXPECT_TEXT(rig_update(kind, "{\"spec\":{\"resource\":{\"resource\":\"as\"}}}",
			    "{\"spec\":{\"resource\":{\"resource\":\"bs\"}}}"),
		"spec.resource.resource: Invalid value: \"bs\": field is immutable");
	arena_done(&rig_arena);
}
