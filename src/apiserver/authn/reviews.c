/* The reviews of who somebody is: of a token, of oneself. */
#include "authn.h"
#include "review.h"

#include <kube/mem.h>
#include <kube/time.h>

struct cJSON *access_user_tree(struct arena *a, const struct api_user *u)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *groups = json_new(a, JSON_ARRAY);
	struct cJSON *extra = json_new(a, JSON_OBJECT);

	json_add_borrowed(tree, STR("username"), json_new_str(a, u->name));
	if (u->uid.len)
		json_add_borrowed(tree, STR("uid"), json_new_str(a, u->uid));
	for (size_t i = 0; i < u->group_count; i++)
		json_append(groups, json_new_str(a, u->groups[i]));
	if (u->group_count)
		json_add_borrowed(tree, STR("groups"), groups);
	for (size_t i = 0; i < u->extra_count; i++) {
		struct cJSON *values = json_new(a, JSON_ARRAY);

		for (size_t j = 0; j < u->extra[i].count; j++)
			json_append(values, json_new_str(a, u->extra[i].values[j]));
		json_add(a, extra, u->extra[i].key, values);
	}
	if (u->extra_count)
		json_add_borrowed(tree, STR("extra"), extra);
	return tree;
}

static void tell_self(struct api_request *r, struct cJSON *tree)
{
	struct cJSON *status;
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	tree_set(r->arena, tree, "metadata", json_new(r->arena, JSON_OBJECT));
	status = json_new(r->arena, JSON_OBJECT);
	json_add_borrowed(status, STR("userInfo"), access_user_tree(r->arena, r->user));
	tree_set(r->arena, tree, "status", status);
	time_print(&now, r->now / SEC * SEC);
	tree_set_str(r->arena, tree, "metadata.creationTimestamp", buf_str(&now));
	review_answer(r, tree);
}

void review_self_subject(struct api_request *r)
{
	review_run(r, NULL, tell_self);
}

/* What waits while somebody elsewhere is asked. */
struct token_reviewing {
	struct api_request *r;
	struct cJSON *tree;
	struct token_question question;
	struct op op;
};

static void decide(struct token_reviewing *v);

static void asked(struct op *op, struct err *err)
{
	struct token_reviewing *v = CONTAINER_OF(op, struct token_reviewing, op);

	if (err->code)
		request_fail_err(v->r, err);
	else
		decide(v);
}

static struct cJSON *good_status(struct arena *a, const struct token_found *found)
{
	struct cJSON *status = json_new(a, JSON_OBJECT), *list = json_new(a, JSON_ARRAY);

	json_add_borrowed(status, STR("authenticated"), json_new_bool(a, true));
	json_add_borrowed(status, STR("user"), access_user_tree(a, found->user));
	for (size_t i = 0; i < found->audience_count; i++)
		json_append(list, json_new_str(a, found->audiences[i]));
	json_add_borrowed(status, STR("audiences"), list);
	return status;
}

static struct cJSON *bad_status(struct arena *a, const struct err *err)
{
	struct cJSON *status = json_new(a, JSON_OBJECT);

	json_add_borrowed(status, STR("user"), json_new(a, JSON_OBJECT));
	json_add_borrowed(status, STR("error"), json_new_str(a, str_from(err_text(err))));
	return status;
}

static void decide(struct token_reviewing *v)
{
	struct api_request *r = v->r;
	struct token_found found = {0};
	_cleanup_(err_done) struct err err = {0};
	enum token_outcome outcome = token_review(r->server->authn, &v->question, &found, &err);

	if (outcome == TOKEN_WAIT) {
		op_init(&v->op, &r->x->scope, asked, r->deadline);
		authn_wait(r, &v->op);
		return;
	}
	tree_set(r->arena, v->tree, "status",
		outcome == TOKEN_GOOD ? good_status(r->arena, &found) : bad_status(r->arena, &err));
	review_answer(r, v->tree);
}

static struct status *check_token(struct api_request *r, struct cJSON *tree)
{
	if (tree_str(tree, "spec.token").len)
		return NULL;
	return status_new(
		r->arena, ERR_BAD_REQUEST, "token is required for TokenReview in authentication");
}

static void review_it(struct api_request *r, struct cJSON *tree)
{
	struct token_reviewing *v = arena_new(r->arena, sizeof(*v));
	const struct cJSON *wanted = json_path(tree, "spec.audiences");
	struct str *audiences = arena_new(r->arena, (json_count(wanted) + 1) * sizeof(*audiences));

	v->r = r;
	v->tree = tree;
	v->question = (struct token_question){.arena = r->arena,
		.request = r,
		.token = tree_str(tree, "spec.token"),
		.audiences = audiences};
	json_each (audience, wanted)
		audiences[v->question.audience_count++] = json_str(audience);
	decide(v);
}

void review_token(struct api_request *r)
{
	review_run(r, check_token, review_it);
}
