/* What becomes of a definition: names that others have, conditions, versions on their way out. */
#include "test.h"

#include <kube/api_codec.h>
#include <kube/definition.h>
#include <kube/time.h>

#define NOW ((int64_t)1700000000 * SEC)

static struct arena arena;

static struct cJSON *parse(const char *text)
{
	struct cJSON *tree = NULL;

	EXPECT(!json_parse(&arena, str_from(text), NULL, &tree, NULL));
	return tree;
}

static struct cJSON *definition(const char *group, const char *names)
{
	return parse(arena_print(&arena,
		"{\"metadata\":{\"name\":\"x\"},\"spec\":{\"group\":\"%s\",\"names\":%s}}", group,
		names)
			     .at);
}

static const struct cJSON *condition(const struct cJSON *d, const char *type)
{
	json_each (c, json_path(d, "status.conditions"))
		if (str_eq_text(tree_str(c, "type"), type))
			return c;
	return NULL;
}

static const struct definition_faults none;

static bool step(struct cJSON *d, const struct cJSON *other)
{
	return definition_step(&arena, d, none, &other, other ? 1 : 0, NOW);
}

#define THINGS                                                                                     \
	"{\"plural\":\"things\",\"singular\":\"thing\",\"kind\":\"Thing\",\"listKind\":"           \
	"\"ThingList\",\"shortNames\":[\"t\",\"th\"],\"categories\":[\"all\"]}"

TEST(names_are_accepted_and_then_it_is_established)
{
	arena_init(&arena);
	struct cJSON *d = definition("e.io", THINGS);

	EXPECT(step(d, NULL));
	EXPECT_STR(tree_str(condition(d, "NamesAccepted"), "reason"), "NoConflicts");
	EXPECT_STR(tree_str(condition(d, "Established"), "status"), "False");
	EXPECT_STR(tree_str(condition(d, "Established"), "reason"), "Installing");
	EXPECT(json_equal(json_path(d, "status.acceptedNames"), json_path(d, "spec.names")));
	EXPECT(step(d, NULL));
	EXPECT_STR(tree_str(condition(d, "Established"), "status"), "True");
	EXPECT_STR(tree_str(condition(d, "Established"), "reason"), "InitialNamesAccepted");
	EXPECT(!step(d, NULL));
	EXPECT_INT(json_count(json_path(d, "status.conditions")), 2);
	arena_done(&arena);
}

TEST(what_another_has_is_not_given_twice)
{
	static const struct {
		const char *other, *reason, *message;
	} rows[] = {
		{"{\"plural\":\"things\"}", "PluralConflict", "\"things\" is already in use"},
		{"{\"singular\":\"things\"}", "PluralConflict", "\"things\" is already in use"},
		{"{\"shortNames\":[\"thing\"]}", "SingularConflict", "\"thing\" is already in use"},
		{"{\"plural\":\"t\"}", "ShortNamesConflict", "\"t\" is already in use"},
		{"{\"shortNames\":[\"th\",\"t\"]}", "ShortNamesConflict",
			"[\"t\" is already in use, \"th\" is already in use]"},
		{"{\"kind\":\"Thing\"}", "KindConflict", "\"Thing\" is already in use"},
		{"{\"kind\":\"ThingList\"}", "ListKindConflict", "\"ThingList\" is already in use"},
	};

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cJSON *d = definition("e.io", THINGS), *other = parse(rows[i].other);

		test_context("%s", rows[i].other);
		EXPECT(step(d, other));
		EXPECT_STR(tree_str(condition(d, "NamesAccepted"), "status"), "False");
		EXPECT_STR(tree_str(condition(d, "NamesAccepted"), "reason"), rows[i].reason);
		EXPECT_STR(tree_str(condition(d, "NamesAccepted"), "message"), rows[i].message);
		EXPECT_STR(tree_str(condition(d, "Established"), "reason"), "NotAccepted");
		EXPECT(!step(d, other));
		EXPECT(step(d, NULL)); /* the other one has gone */
		EXPECT_STR(tree_str(condition(d, "NamesAccepted"), "status"), "True");
		test_context_end();
	}
	arena_done(&arena);
}

TEST(what_was_accepted_stays_when_another_comes)
{
	arena_init(&arena);
	struct cJSON *d = definition("e.io", THINGS);
	const struct cJSON *same = parse(THINGS);

	step(d, NULL);
	step(d, NULL);
	EXPECT(!step(d, same));
	tree_set(&arena, d, "spec.names.shortNames", parse("[\"t\",\"taken\"]"));
	EXPECT(step(d, parse("{\"shortNames\":[\"taken\"]}")));
	EXPECT_STR(tree_str(condition(d, "NamesAccepted"), "reason"), "ShortNamesConflict");
	EXPECT_STR(tree_str(condition(d, "Established"), "status"), "True");
	EXPECT_STR(json_str(json_at(json_path(d, "status.acceptedNames.shortNames"), 1)), "th");
	arena_done(&arena);
}

TEST(groups_of_the_community_want_a_word)
{
	static const struct {
		const char *annotation, *status, *reason;
	} rows[] = {
		{"", "False", "MissingAnnotation"},
		{"unapproved, an experiment", "False", "UnapprovedAnnotation"},
		{"https://example.com/pull/1", "True", "ApprovedAnnotation"},
		{"yes", "False", "InvalidAnnotation"},
	};
	const char *type = "KubernetesAPIApprovalPolicyConformant";

	arena_init(&arena);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cJSON *d = definition("x.k8s.io", THINGS);
		struct cJSON *annotations = json_new(&arena, JSON_OBJECT);

		test_context("%s", rows[i].annotation);
		json_add(&arena, annotations, STR("api-approved.kubernetes.io"),
			json_new_str(&arena, str_from(rows[i].annotation)));
		tree_set(&arena, d, "metadata.annotations", annotations);
		step(d, NULL);
		EXPECT_STR(tree_str(condition(d, type), "status"), rows[i].status);
		EXPECT_STR(tree_str(condition(d, type), "reason"), rows[i].reason);
		test_context_end();
	}
	struct cJSON *d = definition("e.io", THINGS);
	step(d, NULL);
	EXPECT(!condition(d, type));
	arena_done(&arena);
}

TEST(faults_of_the_schema_come_and_go)
{
	arena_init(&arena);
	struct cJSON *d = definition("e.io", THINGS);

	struct definition_faults faults = {STR("not this way"), false};
	const struct cJSON *said;

	EXPECT(definition_step(&arena, d, faults, NULL, 0, NOW));
	said = condition(d, "NonStructuralSchema");
	EXPECT_STR(tree_str(said, "message"), "not this way");
	EXPECT_STR(tree_str(said, "status"), "True");
	EXPECT_STR(tree_str(said, "reason"), "Violations");
	faults.unchecked = true;
	EXPECT(definition_step(&arena, d, faults, NULL, 0, NOW));
	said = condition(d, "NonStructuralSchema");
	EXPECT_STR(tree_str(said, "status"), "Unknown");
	EXPECT_STR(tree_str(said, "reason"), "StructuralError");
	EXPECT(definition_step(&arena, d, none, NULL, 0, NOW));
	EXPECT(!condition(d, "NonStructuralSchema"));
	arena_done(&arena);
}

TEST(a_deletion_waits_for_the_objects)
{
	arena_init(&arena);
	struct cJSON *d = definition("e.io", THINGS);

	step(d, NULL);
	definition_mark_deleted(&arena, d, NOW);
	EXPECT_STR(tree_str(d, "metadata.deletionTimestamp"), "2023-11-14T22:13:20Z");
	EXPECT(definition_has_finalizer(d));
	EXPECT(definition_condition_is_true(d, "Terminating"));
	EXPECT(!step(d, NULL));
	definition_drop_finalizer(d);
	EXPECT(!tree_has(d, "metadata.finalizers"));
	arena_done(&arena);
}

TEST(old_versions_name_the_best_of_the_others)
{
	arena_init(&arena);
	struct cJSON *d = definition("e.io", THINGS);
	const struct cJSON *first;

	tree_set(&arena, d, "spec.versions",
		parse("[{\"name\":\"v1beta1\",\"served\":true,\"deprecated\":true},"
		      "{\"name\":\"v1\",\"served\":true},{\"name\":\"v2\",\"served\":true},"
		      "{\"name\":\"v3\",\"served\":false},{\"name\":\"v4\",\"served\":true,"
		      "\"deprecated\":true}]"));
	first = json_at(json_path(d, "spec.versions"), 0);
	EXPECT_STR(definition_deprecation(&arena, d, first),
		"e.io/v1beta1 Thing is deprecated; use e.io/v2 Thing");
	EXPECT_STR(definition_deprecation(&arena, d, json_at(json_path(d, "spec.versions"), 4)),
		"e.io/v4 Thing is deprecated");
	EXPECT_STR(
		definition_deprecation(&arena, d, json_at(json_path(d, "spec.versions"), 1)), "");
	tree_set_str(&arena, (struct cJSON *)(uintptr_t)first, "deprecationWarning", STR("leave"));
	EXPECT_STR(definition_deprecation(&arena, d, first), "leave");
	arena_done(&arena);
}
