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
	json_add_borrowed(tree, STR("groups"), groups);
	for (size_t i = 0; i < u->extra_count; i++) {
		struct cJSON *values = json_new(a, JSON_ARRAY);

		for (size_t j = 0; j < u->extra[i].count; j++)
			json_append(values, json_new_str(a, u->extra[i].values[j]));
		json_add(a, extra, u->extra[i].key, values);
	}
	json_add_borrowed(tree, STR("extra"), extra);
	return tree;
}

void review_self_subject(struct api_request *r)
{
	struct cJSON *tree = review_read(r), *status;
	_cleanup_(buf_done) struct buf now = BUF_INIT(64);

	if (!tree)
		return;
	tree_set(r->arena, tree, "metadata", json_new(r->arena, JSON_OBJECT));
	status = json_new(r->arena, JSON_OBJECT);
	json_add_borrowed(status, STR("userInfo"), access_user_tree(r->arena, r->user));
	tree_set(r->arena, tree, "status", status);
	time_print(&now, r->now / SEC * SEC);
	tree_set_str(r->arena, tree, "metadata.creationTimestamp", buf_str(&now));
	review_answer(r, tree);
}

void review_token(struct api_request *r)
{
	struct cJSON *tree = review_read(r), *status;
	struct str *found = NULL;
	size_t found_count = 0;
	_cleanup_(err_done) struct err err = {0};

	if (!tree)
		return;
	struct str token = tree_str(tree, "spec.token");
	const struct cJSON *wanted = json_path(tree, "spec.audiences");
	struct str *audiences = arena_new(r->arena, (json_count(wanted) + 1) * sizeof(*audiences));
	size_t audience_count = 0;
	if (!token.len) {
		request_fail(r, status_new(r->arena, ERR_BAD_REQUEST,
					"token is required for TokenReview in authentication"));
		return;
	}
	json_each (audience, wanted)
		audiences[audience_count++] = json_str(audience);
	status = json_new(r->arena, JSON_OBJECT);
	const struct api_user *user = token_review(r->server->authn, r->arena, token, audiences,
		audience_count, &found, &found_count, &err);
	if (user) {
		struct cJSON *list = json_new(r->arena, JSON_ARRAY);

		json_add_borrowed(status, STR("authenticated"), json_new_bool(r->arena, true));
		json_add_borrowed(status, STR("user"), access_user_tree(r->arena, user));
		for (size_t i = 0; i < found_count; i++)
			json_append(list, json_new_str(r->arena, found[i]));
		json_add_borrowed(status, STR("audiences"), list);
	} else {
		json_add_borrowed(status, STR("user"), json_new(r->arena, JSON_OBJECT));
		json_add_borrowed(
			status, STR("error"), json_new_str(r->arena, str_from(err_text(&err))));
	}
	tree_set(r->arena, tree, "status", status);
	review_answer(r, tree);
}
