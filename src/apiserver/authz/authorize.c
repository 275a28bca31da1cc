/* May they: the stage of a request, and what those are told who may not. */
#include "access.h"
#include "audit.h"
#include "metrics.h"
#include "respond.h"

#include <kube/loop.h>
#include <kube/time.h>

/* ---- 403 ---- */

static struct str why_not(struct arena *a, const struct access_query *q)
{
	struct str sub = q->subresource;

	if (!q->is_resource)
		return arena_print(a, "User \"%.*s\" cannot %.*s path \"%.*s\"",
			STRF(q->user->name), STRF(q->verb), STRF(q->path));
	struct str what = arena_print(a,
		"User \"%.*s\" cannot %.*s resource \"%.*s%s%.*s\" in API group \"%.*s\"",
		STRF(q->user->name), STRF(q->verb), STRF(q->resource), sub.len ? "/" : "",
		STRF(sub), STRF(q->group));
	if (q->namespace.len)
		return arena_print(
			a, "%.*s in the namespace \"%.*s\"", STRF(what), STRF(q->namespace));
	return arena_print(a, "%.*s at the cluster scope", STRF(what));
}

struct status *access_forbidden(
	struct arena *arena, const struct access_query *q, struct str reason)
{
	struct str why = why_not(arena, q);
	struct status *s;

	if (reason.len)
		why = arena_print(arena, "%.*s: %.*s", STRF(why), STRF(reason));
	if (!q->is_resource)
		s = status_new(arena, ERR_FORBIDDEN, "forbidden: %.*s", STRF(why));
	else if (q->name.len)
		s = status_new(arena, ERR_FORBIDDEN, "%.*s%s%.*s \"%.*s\" is forbidden: %.*s",
			STRF(q->resource), q->group.len ? "." : "", STRF(q->group), STRF(q->name),
			STRF(why));
	else
		s = status_new(arena, ERR_FORBIDDEN, "%.*s%s%.*s is forbidden: %.*s",
			STRF(q->resource), q->group.len ? "." : "", STRF(q->group), STRF(why));
	s->has_details = true;
	if (q->is_resource) {
		s->name = q->name;
		s->group = q->group;
		s->kind = q->resource;
	}
	return s;
}

/* ---- the stage ---- */

struct access_query access_query_of(const struct api_request *r)
{
	struct access_query q = {.user = r->user,
		.verb = r->verb,
		.is_resource = r->is_resource,
		.group = r->group,
		.version = r->version,
		.resource = r->plural,
		.subresource = r->subresource,
		.namespace = r->namespace,
		.name = r->name,
		.path = r->cluster_path,
		.request = (struct api_request *)(uintptr_t)r};

	if (r->is_resource && (str_eq_text(r->verb, "list") || str_eq_text(r->verb, "watch") ||
				      str_eq_text(r->verb, "deletecollection"))) {
		request_query(r, "fieldSelector", &q.field_selector);
		request_query(r, "labelSelector", &q.label_selector);
	}
	return q;
}

/* Whoever should have said yes could not be asked: that is no refusal. */
static void fail_asking(struct api_request *r, struct str error)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(256 * KIB);
	struct str uri = r->path;

	if (r->query.len)
		uri = arena_print(r->arena, "%.*s?%.*s", STRF(r->path), STRF(r->query));
	buf_print(&text, "Internal Server Error: %.*s: %.*s\n", STRF(field_quote(r->arena, uri)),
		STRF(error));
	answer_text(r, 500, "text/plain; charset=utf-8", arena_str(r->arena, buf_str(&text)));
}

static void annotate(struct api_request *r, const struct access_answer *answer)
{
	bool allowed = answer->decision == ACCESS_ALLOW;
	bool failed = !allowed && answer->error.len;

	if (!failed)
		audit_annotate(
			r, "authorization.k8s.io/decision", allowed ? STR("allow") : STR("forbid"));
	audit_annotate(
		r, "authorization.k8s.io/reason", failed ? STR("internal error") : answer->reason);
}

static void count(struct api_request *r, const struct access_answer *answer)
{
	struct metrics *m = r->server->metrics;
	int64_t spent = loop_now(r->server->env->loop) - r->authorizing;
	struct str result = answer->decision == ACCESS_ALLOW  ? STR("result=\"allowed\"")
			    : answer->error.len               ? STR("result=\"error\"")
			    : answer->decision == ACCESS_DENY ? STR("result=\"denied\"")
							      : STR("result=\"no-opinion\"");

	++*metrics_number(m, METRIC_AUTHORIZED, result);
	metrics_observe(m, METRIC_AUTHORIZATION, result, (double)spent / (double)SEC);
}

void stage_authorize(struct api_request *r)
{
	struct access_query q = access_query_of(r);
	struct access_answer answer;
	bool allowed;

	if (!r->authorizing)
		r->authorizing = loop_now(r->server->env->loop);
	q.explain = r->audit;
	authz_decide(r->server->authz, r->arena, &q, &answer);
	if (answer.decision == ACCESS_WAIT) {
		access_wait_again(r, stage_authorize);
		return;
	}
	allowed = answer.decision == ACCESS_ALLOW;
	annotate(r, &answer);
	count(r, &answer);
	if (allowed)
		request_next(r);
	else if (answer.error.len)
		fail_asking(r, answer.error);
	else
		request_fail(r, access_forbidden(r->arena, &q, answer.reason));
}
