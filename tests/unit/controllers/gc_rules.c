/* What becomes of objects whose owners have been looked up. */
#include "plan_rig.h"

#include "controllers/gc_rules.h"

#define REF(name, more) "{'kind':'K','name':'" name "','uid':'" name "'" more "}"

TEST(owners_that_go_take_their_dependents_unless_others_stay)
{
	static const struct {
		const char *meta;
		enum gc_owner owners[2];
		bool has_dependents, waits;
		const char *policy, *patch;
	} table[] = {
		{"'ownerReferences':[" REF("a", "") "]", {GC_SOLID}, false, false, NULL, NULL},
		{"'ownerReferences':[" REF("a", "") "]", {GC_ABSENT}, false, false, "Background",
			NULL},
		{"'ownerReferences':[" REF("a", "") "," REF("b", "") "]", {GC_ABSENT, GC_SOLID},
			false, false, NULL, "[{'kind':'K','name':'b','uid':'b'}]"},
		{"'ownerReferences':[" REF("a", "") "," REF("b", "") "]", {GC_WAITING, GC_SOLID},
			true, false, NULL, "[{'kind':'K','name':'b','uid':'b'}]"},
		{"'ownerReferences':[" REF("a", "") "]", {GC_WAITING}, true, false, "Foreground",
			NULL},
		{"'ownerReferences':[" REF("a", "") "]", {GC_WAITING}, false, false, "Background",
			NULL},
		/* In a circle somebody has to begin. */
		{"'ownerReferences':[" REF("a", ",'blockOwnerDeletion':true") "]", {GC_WAITING},
			true, true, "Foreground",
			"[{'kind':'K','name':'a','uid':'a','blockOwnerDeletion':false}]"},
		{"'finalizers':['orphan'],'ownerReferences':[" REF("a", "") "]", {GC_ABSENT}, false,
			false, "Orphan", NULL},
		{"'finalizers':['foregroundDeletion'],'ownerReferences':[" REF("a", "") "]",
			{GC_ABSENT}, false, false, "Foreground", NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct plan_rig r;

		test_context("row %zu", i);
		plan_rig_start(&r);
		const struct gc_facts facts = {
			.item = plan_rig_tree(&r, arena_print(&r.arena,
							  "{'metadata':{'uid':'u','resource"
							  "Version':'7',%s}}",
							  table[i].meta)
							  .at),
			.owners = table[i].owners,
			.has_dependents = table[i].has_dependents,
			.dependent_waits = table[i].waits};
		const struct gc_action action = gc_decide(&r.arena, &facts);
		EXPECT_TEXT(
			action.policy ? action.policy : "", table[i].policy ? table[i].policy : "");
		plan_rig_json(&r, json_path(action.patch, "metadata.ownerReferences"));
		EXPECT_STR(buf_str(&r.text), table[i].patch ? table[i].patch : "null");
		plan_rig_stop(&r);
	}
	test_context_end();
}

TEST(a_patch_takes_one_finalizer_or_one_owner)
{
	struct plan_rig r;

	plan_rig_start(&r);
	struct cJSON *item = plan_rig_tree(&r,
		"{'metadata':{'uid':'u','resourceVersion':'7','finalizers':['x','orphan'],"
		"'ownerReferences':[" REF("a", "") "]}}");
	plan_rig_json(&r, gc_without_finalizer(&r.arena, item, GC_ORPHAN));
	plan_rig_json(&r, gc_without_owner(&r.arena, item, STR("a")));
	EXPECT_STR(buf_str(&r.text),
		"{'metadata':{'uid':'u','resourceVersion':'7','finalizers':['x']}}"
		"{'metadata':{'uid':'u','resourceVersion':'7','ownerReferences':null}}");
	plan_rig_stop(&r);
}
