/* An API server whose admission webhooks are a server of the test's, over real TLS. */
#ifndef KUBE_HOOKS_RIG_H
#define KUBE_HOOKS_RIG_H

#include "api_rig.h"
#include "webhook_rig.h"

#include <kube/api_codec.h>
#include <kube/codec.h>

struct hooks {
	struct api_rig api;
	struct webhook_rig rig;
	struct arena arena;
	struct str ca; /* base64 */
	/* the answer: what stands behind "allowed" (no name: for all), by path */
	struct {
		const char *path, *answer; /* NULL: raw below */
		const char *raw;
		int status;
		int64_t delay;
		bool breaks;
	} answers[8];
	size_t answer_count;
	/* what was asked */
	struct cJSON *last; /* the request */
	struct str paths[64];
	size_t asked;
};

static inline const char *answer_for(struct hooks *h, struct str path, struct webhook_asked *a)
{
	for (size_t i = 0; i < h->answer_count; i++) {
		if (!str_eq_text(path, h->answers[i].path))
			continue;
		a->delay = h->answers[i].delay;
		a->breaks = h->answers[i].breaks;
		a->status = h->answers[i].status ? h->answers[i].status : 200;
		if (h->answers[i].raw)
			a->answer = str_from(h->answers[i].raw);
		return h->answers[i].answer;
	}
	return "\"allowed\":true";
}

static inline void answer(struct webhook_asked *a, void *ctx)
{
	struct hooks *h = ctx;
	struct cJSON *review = NULL;
	struct err err = {0};
	struct str path, query;
	const char *text;

	EXPECT_OK(
		json_parse(&h->arena, arena_str(&h->arena, buf_str(&a->body)), NULL, &review, &err),
		&err);
	h->last = json_get(review, STR("request"));
	str_cut(a->x->request.target, '?', &path, &query);
	h->paths[h->asked++ % 64] = arena_str(&h->arena, path);
	text = answer_for(h, path, a);
	if (text)
		a->answer = arena_print(&a->x->arena,
			"{\"kind\":\"AdmissionReview\",\"apiVersion\":\"%.*s\",\"response\":{"
			"\"uid\":\"%.*s\",%s}}",
			STRF(tree_str(review, "apiVersion")), STRF(tree_str(h->last, "uid")), text);
}

static inline bool hooks_open(struct hooks *h)
{
	_cleanup_(buf_done) struct buf ca = BUF_INIT(MIB);

	*h = (struct hooks){0};
	arena_init(&h->arena);
	if (!api_rig_open(&h->api, API_RIG_LOCAL))
		return false;
	webhook_rig_open(&h->rig, h->api.t.env, h->api.t.root, NULL, answer, h);
	base64_encode(&ca, buf_str(&h->rig.ca));
	h->ca = arena_str(&h->arena, buf_str(&ca));
	return true;
}

static inline void hooks_close(struct hooks *h)
{
	webhook_rig_end(&h->rig, &h->api.t);
	api_rig_close(&h->api);
	arena_done(&h->arena);
}

/* ---- configurations ---- */

/* more: further members of the webhook, "," in front; the rules are of `resources`. */
static inline struct str hook_text(struct hooks *h, const char *path, const char *operation,
	const char *resources, const char *more)
{
	return arena_print(&h->arena,
		"{\"name\":\"%s.hooks.example.com\",\"sideEffects\":\"None\","
		"\"admissionReviewVersions\":[\"v1\"],\"clientConfig\":{\"url\":\"%s/%s\","
		"\"caBundle\":\"%.*s\"},\"rules\":[{\"operations\":[\"%s\"],\"apiGroups\":[\"*\"],"
		"\"apiVersions\":[\"*\"],\"resources\":[\"%s\"]}]%s}",
		path, h->rig.url, path, STRF(h->ca), operation, resources, more);
}

static inline const struct resource *hook_configurations(bool mutating)
{
	return resource_find(STR("admissionregistration.k8s.io"), STR("v1"),
		mutating ? STR("mutatingwebhookconfigurations")
			 : STR("validatingwebhookconfigurations"));
}

static inline void configure(struct hooks *h, bool mutating, const char *name, struct str webhooks)
{
	struct client_request q;

	client_request_init(&q, CLIENT_CREATE, hook_configurations(mutating), STR(""), STR(""));
	q.body = api_rig_json(&q.arena,
		arena_print(&h->arena, "{\"metadata\":{\"name\":\"%s\"},\"webhooks\":[%.*s]}", name,
			STRF(webhooks))
			.at);
	if (!EXPECT_INT(api_rig_send(&h->api, &q), 0) && q.status)
		printf("%.*s\n", STRF(q.status->message));
	client_request_done(&q);
}

static inline void answers(struct hooks *h, const char *path, const char *text)
{
	h->answers[h->answer_count].path = path;
	h->answers[h->answer_count++].answer = text;
}

static inline void answers_raw(struct hooks *h, const char *path, const char *raw)
{
	h->answers[h->answer_count].path = path;
	h->answers[h->answer_count++].raw = raw;
}

/* `"allowed":true` with a JSON patch. */
static inline const char *patching(struct hooks *h, const char *patch)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(MIB);

	base64_encode(&text, str_from(patch));
	return arena_print(&h->arena,
		"\"allowed\":true,\"patchType\":\"JSONPatch\",\"patch\":\"%.*s\"",
		STRF(buf_str(&text)))
		.at;
}

/* ---- requests ---- */

static inline struct str ask_as(struct hooks *h, struct client_request *q)
{
	struct str text = STR("");

	if (api_rig_send(&h->api, q))
		text = q->status ? arena_str(&h->arena, q->status->message) : STR("no status");
	return text;
}

/* The refusal's message; empty: done. */
static inline struct str create(struct hooks *h, const char *json, struct cJSON **made)
{
	struct client_request q;

	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("default"), STR(""));
	q.body = api_rig_json(&q.arena, json);
	struct str text = ask_as(h, &q);
	if (made)
		*made = q.object ? json_copy(&h->arena, q.object) : NULL;
	client_request_done(&q);
	return text;
}

#define MAP(name) "{\"metadata\":{\"name\":\"" name "\"}}"

#endif
