/*
 * Views of pods from few words: a pod as JSON with single quotes, containers as
 * "name#attempt state [code] [@seconds-ago]", one a line, the newest last.
 */
#ifndef KUBE_POD_VIEW_RIG_H
#define KUBE_POD_VIEW_RIG_H

#include "test.h"

#include <kube/api_codec.h>
#include <kube/time.h>

#include <stdio.h>
#include <stdlib.h>

#include "kubelet/podsync.h"

#define RIG_NOW (1800000000 * SEC)

struct view_rig {
	struct arena arena;
	struct pod_view view;
	struct sandbox sandbox;
	const struct sandbox *sandboxes[1];
	struct container containers[16];
	const struct container *list[16];
	struct container_note notes[8];
};

static inline struct cJSON *rig_json(struct arena *a, const char *text)
{
	struct str copy = arena_str(a, str_from(text));
	struct cJSON *tree = NULL;
	struct err err = {0};

	for (size_t i = 0; i < copy.len; i++)
		if (copy.at[i] == '\'')
			((char *)copy.at)[i] = '"';
	EXPECT_OK(json_parse(a, copy, NULL, &tree, &err), &err);
	err_done(&err);
	return tree;
}

/* The spec goes into a pod named p in namespace n. */
static inline void rig_open(struct view_rig *r, const char *spec)
{
	memset(r, 0, sizeof(*r));
	arena_init(&r->arena);
	struct cJSON *pod = rig_json(&r->arena,
		"{'metadata':{'name':'p','namespace':'n','uid':'u','generation':1},'spec':{}}");
	json_set(&r->arena, pod, STR("spec"), rig_json(&r->arena, spec));
	r->view = (struct pod_view){.pod = pod,
		.sandboxes = r->sandboxes,
		.containers = r->list,
		.notes = r->notes,
		.now = RIG_NOW};
}

static inline void rig_sandbox(struct view_rig *r, enum sandbox_state state)
{
	r->sandbox = (struct sandbox){.id = STR("box"),
		.state = state,
		.created = RIG_NOW - MINUTE,
		.ips = {ip_v4(10, 1, 0, 2)},
		.ip_count = 1};
	r->sandboxes[0] = &r->sandbox;
	r->view.sandbox_count = 1;
}

static inline const struct cJSON *rig_spec(struct view_rig *r, struct str name)
{
	static const char *const lists[] = {
		"spec.containers", "spec.initContainers", "spec.ephemeralContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (c, json_path(r->view.pod, lists[i]))
			if (str_eq(tree_str(c, "name"), name))
				return c;
	return NULL;
}

static inline struct container_note *rig_note(struct view_rig *r, const char *name)
{
	for (size_t i = 0; i < r->view.note_count; i++)
		if (str_eq_text(r->notes[i].name, name))
			return &r->notes[i];
	struct container_note *note = &r->notes[r->view.note_count++];
	note->name = str_from(name);
	return note;
}

static inline void rig_run(struct view_rig *r, const char *what)
{
	struct container *c = &r->containers[r->view.container_count];
	char name[32] = "", state[32] = "";
	unsigned attempt = 0;
	int code = 0, ago = 0;
	const char *at = strchr(what, '@');

	sscanf(what, "%31[^#]#%u %31s %d", name, &attempt, state, &code);
	if (at)
		ago = atoi(at + 1);
	struct cJSON *hash =
		json_new_str(&r->arena, container_hash(&r->arena, rig_spec(r, str_from(name))));
	struct runtime_pair *pair = arena_new(&r->arena, sizeof(*pair));
	*pair = (struct runtime_pair){STR(ANNOTATION_HASH), json_str(hash)};
	*c = (struct container){.id = arena_print(&r->arena, "%s-%u", name, attempt),
		.sandbox = STR("box"),
		.name = arena_print(&r->arena, "%s", name),
		.image = STR("img"),
		.image_ref = STR("img@sha256:1"),
		.attempt = attempt,
		.created = RIG_NOW - ago * SEC - 10 * SEC + (int64_t)r->view.container_count,
		.started = RIG_NOW - ago * SEC - 10 * SEC,
		.finished = RIG_NOW - ago * SEC,
		.exit_code = code,
		.annotations = {pair, 1},
		.uid = -1};
	c->state = strcmp(state, "running") == 0   ? CONTAINER_RUNNING
		   : strcmp(state, "created") == 0 ? CONTAINER_CREATED
		   : strcmp(state, "unknown") == 0 ? CONTAINER_UNKNOWN
						   : CONTAINER_EXITED;
	r->list[r->view.container_count++] = c;
	pod_view_sort_containers(r->list, r->view.container_count);
}

static inline void rig_verdict(
	struct view_rig *r, const char *name, enum probe_kind kind, enum verdict verdict)
{
	struct container_note *note = rig_note(r, name);

	note->id = pod_view_container(&r->view, str_from(name))->id;
	note->verdicts[kind] = verdict;
}

static inline void rig_close(struct view_rig *r)
{
	arena_done(&r->arena);
}

#endif
