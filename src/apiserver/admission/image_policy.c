/*
 * ImagePolicyWebhook: somebody elsewhere is asked whether a pod's images may run, and remembered.
 */
#include "image_policy.h"
#include "audit.h"
#include "plugins.h"
#include "settings.h"

#include <kube/log.h>
#include <kube/loop.h>
#include <kube/mem.h>

#define VERSION     "imagepolicy.k8s.io/v1alpha1"
#define NOTE        "imagepolicywebhook.image-policy.k8s.io/"
#define FAILED_OPEN "alpha.image-policy.k8s.io/failed-open"
#define REVIEW_MAX  (4 * MIB)

struct image_review {
	struct admission_review *review;
	struct image_policy *policy;
	struct buf spec, body;
	struct remote_review call;
	struct op op;
};

/* ---- the question ---- */

static void add_images(struct buf *out, const struct cJSON *list, bool *first)
{
	json_each (container, list) {
		buf_add_text(out, *first ? "{" : ",{");
		if (tree_str(container, "image").len) {
			buf_add_text(out, "\"image\":");
			json_print_str(out, tree_str(container, "image"));
		}
		buf_add_char(out, '}');
		*first = false;
	}
}

/* Those that are meant for it. */
static void add_notes(struct buf *out, const struct cJSON *pod)
{
	bool any = false;

	json_each (note, json_path(pod, "metadata.annotations")) {
		if (str_find(json_key(note), STR(".image-policy.k8s.io/")) < 0)
			continue;
		buf_add_text(out, any ? "," : ",\"annotations\":{");
		json_print_str(out, json_key(note));
		buf_add_char(out, ':');
		json_print_str(out, json_str(note));
		any = true;
	}
	if (any)
		buf_add_char(out, '}');
}

static void print_spec(struct buf *out, const struct admission_review *r)
{
	const struct cJSON *spec = json_get(r->object, STR("spec"));
	bool first = true;

	buf_add_text(out, "{\"containers\":[");
	if (r->subresource.len) {
		add_images(out, json_get(spec, STR("ephemeralContainers")), &first);
	} else {
		add_images(out, json_get(spec, STR("containers")), &first);
		add_images(out, json_get(spec, STR("initContainers")), &first);
	}
	buf_add_char(out, ']');
	add_notes(out, r->object);
	buf_add_text(out, ",\"namespace\":");
	json_print_str(out, r->namespace);
	buf_add_char(out, '}');
}

/* ---- the answer ---- */

static struct status *heed(
	struct admission_review *r, bool allowed, struct str reason, const struct cJSON *notes)
{
	json_each (note, notes)
		audit_annotate(r->request,
			arena_print(r->arena, NOTE "%.*s", STRF(json_key(note))).at,
			json_str(note));
	if (allowed)
		return NULL;
	if (!reason.len)
		return admission_forbidden(r, "one or more images rejected by webhook backend");
	return admission_forbidden(
		r, "image policy webhook backend denied one or more images: %.*s", STRF(reason));
}

static struct status *failed(struct image_review *v, const struct err *err)
{
	struct admission_review *r = v->review;

	if (!v->policy->default_allow)
		return admission_forbidden(r, "%s", err_text(err));
	log_info("an image policy webhook failed, and is passed over",
		LOG_STR("why", arena_str(r->arena, str_from(err_text(err)))));
	audit_annotate(r->request, NOTE "failed-open", STR("true"));
	if (!json_path(r->object, "metadata.annotations"))
		tree_set(r->arena, r->object, "metadata.annotations",
			json_new(r->arena, JSON_OBJECT));
	json_set(r->arena, json_path(r->object, "metadata.annotations"), STR(FAILED_OPEN),
		json_new_str(r->arena, STR("true")));
	return NULL;
}

static struct status *judge(struct image_review *v, struct err *err)
{
	struct admission_review *r = v->review;
	struct cJSON *status = NULL;

	if (!err->code)
		remote_review_read(r->arena, buf_str(&v->call.answer), "ImageReview", STR(VERSION),
			&status, err);
	if (err->code)
		return failed(v, err);
	if (v->policy->reviewer)
		image_policy_remember(
			v->policy, buf_str(&v->spec), status, loop_now(r->server->env->loop));
	return heed(r, json_bool(json_get(status, STR("allowed"))),
		json_str(json_get(status, STR("reason"))),
		json_get(status, STR("auditAnnotations")));
}

static void answered(struct op *op, struct err *err)
{
	struct image_review *v = CONTAINER_OF(op, struct image_review, op);
	struct admission_review *r = v->review;
	/* the request's own end is no answer of the webhook */
	bool over = op->cancel_asked || op->expired;
	struct status *no = over ? request_status(r->request, err) : judge(v, err);

	remote_review_done(&v->call);
	buf_done(&v->spec);
	buf_done(&v->body);
	admission_resume(r, no);
}

/* ---- the plugin ---- */

static bool concerns(const struct admission_review *r)
{
	return resource_is(r->resource, "pods") && !r->resource->group.len &&
	       (!r->subresource.len || str_eq_text(r->subresource, "ephemeralcontainers"));
}

static void ask(struct image_review *v)
{
	struct admission_review *r = v->review;

	buf_init(&v->body, REVIEW_MAX);
	buf_print(&v->body,
		"{\"kind\":\"ImageReview\",\"apiVersion\":\"" VERSION "\",\"metadata\":{},"
		"\"spec\":%.*s,\"status\":{\"allowed\":false}}\n",
		STRF(buf_str(&v->spec)));
	op_init(&v->op, &r->request->x->scope, answered, r->request->deadline);
	remote_review_start(&v->call, v->policy->reviewer, &v->op, buf_str(&v->body));
}

bool start_image_policy(struct admission_review *r, struct status **no)
{
	struct image_policy *policy = admission_settings(r->server->admission)->image_policy;
	const struct image_answer *known;
	struct image_review *v;

	*no = NULL;
	if (!concerns(r) || !r->request || !policy->reviewer)
		return false;
	v = arena_new(r->arena, sizeof(*v));
	v->review = r;
	v->policy = policy;
	buf_init(&v->spec, REVIEW_MAX);
	print_spec(&v->spec, r);
	known = image_policy_recall(policy, buf_str(&v->spec), loop_now(r->server->env->loop));
	if (!known) {
		ask(v);
		return true;
	}
	buf_done(&v->spec);
	*no = heed(r, known->allowed, str_from(known->reason), known->notes);
	return false;
}
