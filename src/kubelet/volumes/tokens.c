#include "tokens.h"

#include <kube/api_codec.h>
#include <kube/mem.h>
#include <kube/time.h>

/* However long a token lives, it is made anew once a day. */
#define AGE_MAX (24 * HOUR)
/* A token that could not be made anew is asked for again, as upstream does at each sync. */
#define RETRY MINUTE

static void drop_text(struct volume_token *t)
{
	if (t->text.at)
		mem_free_secret((void *)t->text.at, t->text.len);
	t->text = (struct str){0};
}

static void drop(struct volume_token *t)
{
	drop_text(t);
	mem_free((void *)t->account.at);
	mem_free((void *)t->audience.at);
	mem_free(t->problem);
}

void tokens_done(struct volume_tokens *t)
{
	for (size_t i = 0; i < t->count; i++)
		drop(&t->items[i]);
	mem_free(t->items);
	*t = (struct volume_tokens){0};
}

/* ---- which ---- */

struct wish {
	struct str account, audience;
	int64_t seconds;
};

static struct wish wish_of(const struct cJSON *pod, const struct cJSON *source)
{
	struct str account = tree_str(pod, "spec.serviceAccountName");

	return (struct wish){.account = account.len ? account : STR("default"),
		.audience = tree_str(source, "audience"),
		.seconds = tree_int(source, "expirationSeconds", 3600)};
}

static struct volume_token *find(const struct volume_tokens *t, const struct wish *wish)
{
	for (size_t i = 0; i < t->count; i++) {
		struct volume_token *x = &t->items[i];

		if (str_eq(x->account, wish->account) && str_eq(x->audience, wish->audience) &&
			x->seconds == wish->seconds)
			return x;
	}
	return NULL;
}

const struct volume_token *tokens_find(
	const struct volume_tokens *t, const struct cJSON *pod, const struct cJSON *source)
{
	const struct wish wish = wish_of(pod, source);

	return find(t, &wish);
}

static void want(struct volume_tokens *t, const struct wish *wish)
{
	struct volume_token *x = find(t, wish);

	if (!x) {
		t->items = mem_resize(t->items, (t->count + 1) * sizeof(*t->items));
		x = &t->items[t->count++];
		*x = (struct volume_token){
			.account = str_make(str_dup(wish->account), wish->account.len),
			.audience = str_make(str_dup(wish->audience), wish->audience.len),
			.seconds = wish->seconds};
	}
	x->wanted = true;
}

void tokens_want(struct volume_tokens *t, const struct cJSON *pod)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++)
		t->items[i].wanted = t->items[i].asked = false;
	json_each (volume, json_path(pod, "spec.volumes"))
		json_each (source, json_path(volume, "projected.sources")) {
			const struct cJSON *token = json_get(source, STR("serviceAccountToken"));
			const struct wish wish = wish_of(pod, token);

			if (json_is(token, JSON_OBJECT))
				want(t, &wish);
		}
	for (size_t i = 0; i < t->count; i++)
		if (t->items[i].wanted)
			t->items[kept++] = t->items[i];
		else
			drop(&t->items[i]);
	t->count = kept;
}

struct volume_token *tokens_next(struct volume_tokens *t, int64_t now)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->items[i].due <= now && !t->items[i].asked)
			return &t->items[i];
	return NULL;
}

int64_t tokens_when(const struct volume_tokens *t)
{
	int64_t when = INT64_MAX;

	for (size_t i = 0; i < t->count; i++)
		if (t->items[i].text.len)
			when = MIN(when, t->items[i].due);
	return when;
}

/* ---- asking ---- */

struct cJSON *token_request(
	struct arena *a, const struct volume_token *token, const struct cJSON *pod)
{
	struct cJSON *request = json_new(a, JSON_OBJECT), *audiences = json_new(a, JSON_ARRAY);

	tree_set_str(a, request, "apiVersion", STR("authentication.k8s.io/v1"));
	tree_set_str(a, request, "kind", STR("TokenRequest"));
	if (token->audience.len)
		json_append(audiences, json_new_str(a, token->audience));
	tree_set(a, request, "spec.audiences", audiences);
	tree_set_int(a, request, "spec.expirationSeconds", token->seconds);
	tree_set_str(a, request, "spec.boundObjectRef.apiVersion", STR("v1"));
	tree_set_str(a, request, "spec.boundObjectRef.kind", STR("Pod"));
	tree_set_str(a, request, "spec.boundObjectRef.name", tree_str(pod, "metadata.name"));
	tree_set_str(a, request, "spec.boundObjectRef.uid", tree_str(pod, "metadata.uid"));
	return request;
}

int token_take(struct volume_token *token, const struct cJSON *answer, int64_t now, int64_t jitter,
	struct err *err)
{
	struct str text = tree_str(answer, "status.token");
	int64_t life = tree_int(answer, "spec.expirationSeconds", token->seconds) * SEC;
	int64_t expires;

	token->asked = true;
	int code = time_parse(tree_str(answer, "status.expirationTimestamp"), &expires, err);

	if (code || !text.len)
		return err_set(err, ERR_INTERNAL, "the answer holds no token");
	drop_text(token);
	token->text = str_make(str_dup(text), text.len);
	token->expires = expires;
	/* When four fifths of its life are over. */
	token->due = MIN(expires - life / 5 - jitter, expires - life + AGE_MAX - jitter);
	/* One that is due at once would be asked for without end. */
	token->due = MAX(token->due, now + 10 * SEC);
	mem_free(TAKE(token->problem));
	return 0;
}

void token_failed(struct volume_token *token, const struct err *why, int64_t now)
{
	token->asked = true;
	if (token->text.len && now >= token->expires)
		drop_text(token);
	mem_free(token->problem);
	token->problem = mem_copy_text(err_text(why));
	token->due = token->text.len ? now + RETRY : 0;
}
