/*
 * Plans as text: reconcile functions are tested as tables of objects in and plans out. Objects are
 * JSON with ' for ". A plan is a line a step: "create pods", "delete pods a", "patch pods a {…}",
 * "status jobs j {…}" (the new status), "event Normal Reason message".
 */
#ifndef KUBE_TEST_PLAN_RIG_H
#define KUBE_TEST_PLAN_RIG_H

#include "test.h"

#include <kube/api_codec.h>
#include <kube/plan.h>

struct plan_rig {
	struct arena arena;
	struct plan plan;
	struct buf text;
};

static inline void plan_rig_start(struct plan_rig *r)
{
	arena_init(&r->arena);
	r->text = (struct buf)BUF_INIT(MIB);
	r->plan = (struct plan){.arena = &r->arena};
}

static inline void plan_rig_stop(struct plan_rig *r)
{
	buf_done(&r->text);
	arena_done(&r->arena);
}

static inline struct cJSON *plan_rig_tree(struct plan_rig *r, const char *text)
{
	size_t len = strlen(text);
	char *copy = arena_alloc(&r->arena, len + 1);
	struct cJSON *tree = NULL;

	for (size_t i = 0; i <= len; i++)
		copy[i] = text[i] == '\'' ? '"' : text[i];
	EXPECT_INT(json_parse(&r->arena, str_from(copy), NULL, &tree, NULL), 0);
	return tree;
}

static inline void plan_rig_json(struct plan_rig *r, const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);

	json_print(&out, tree, JSON_COMPACT);
	for (size_t i = 0; i < out.len; i++)
		buf_add(&r->text, out.at[i] == '"' ? "'" : &out.at[i], 1);
}

static inline void plan_rig_step(struct plan_rig *r, const struct plan_step *s)
{
	static const char *const verbs[] = {
		[PLAN_CREATE] = "create",
		[PLAN_UPDATE] = "update",
		[PLAN_UPDATE_STATUS] = "status",
		[PLAN_PATCH] = "patch",
		[PLAN_PATCH_STRATEGIC] = "patch",
		[PLAN_PATCH_STATUS] = "patch status",
		[PLAN_APPLY] = "apply",
		[PLAN_APPLY_STATUS] = "apply status",
		[PLAN_DELETE] = "delete",
		[PLAN_CONFIRM] = "confirm",
		[PLAN_ABSENT] = "absent",
		[PLAN_ALLOWED] = "allowed",
		[PLAN_APPROVE] = "approve",
	};

	if (s->verb == PLAN_EVENT) {
		buf_print(&r->text, "event %.*s %.*s %.*s\n", STRF(s->event_type), STRF(s->reason),
			STRF(s->message));
		return;
	}
	buf_print(&r->text, "%s %.*s", verbs[s->verb], STRF(s->resource->plural));
	if (s->name.len)
		buf_print(&r->text, " %.*s", STRF(s->name));
	if (s->verb == PLAN_UPDATE_STATUS || s->verb == PLAN_APPLY_STATUS ||
		s->verb == PLAN_PATCH || s->verb == PLAN_PATCH_STRATEGIC ||
		s->verb == PLAN_PATCH_STATUS) {
		buf_add_text(&r->text, " ");
		plan_rig_json(r, s->verb == PLAN_UPDATE_STATUS || s->verb == PLAN_APPLY_STATUS
					 ? json_path(s->body, "status")
					 : s->body);
	}
	buf_add_text(&r->text, "\n");
}

/* The plan so far, then the soonest time to look again; begins a new one. */
static inline struct str plan_rig_text(struct plan_rig *r)
{
	buf_clear(&r->text);
	for (size_t i = 0; i < r->plan.count; i++)
		plan_rig_step(r, &r->plan.steps[i]);
	if (r->plan.requeue_after)
		buf_print(&r->text, "again in %lld ms\n",
			(long long)(r->plan.requeue_after / 1000000));
	if (r->plan.failed)
		buf_print(&r->text, "failed: %.*s\n", STRF(r->plan.why));
	r->plan = (struct plan){.arena = &r->arena};
	return buf_str(&r->text);
}

#endif
