#include "image_policy.h"
#include "settings.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/mem.h>
#include <kube/time.h>

#define ANSWERS_MAX 1024
#define TIMEOUT     (30 * SEC)

/* ---- configuration ---- */

/* -1: none; 0: the usual. *value: in ns. */
static int read_time(const struct cJSON *config, const char *member, int64_t scale, int64_t least,
	int64_t most, int64_t usual, int64_t *value, struct err *err)
{
	_cleanup_(buf_done) struct buf from = BUF_INIT(64), to = BUF_INIT(64), got = BUF_INIT(64);
	int64_t number = tree_int(config, member, 0);

	*value = number == -1 ? 0 : usual;
	if (number == 0 || number == -1)
		return 0;
	if (__builtin_mul_overflow(number, scale, value))
		*value = INT64_MAX;
	if (*value > least && *value <= most)
		return 0;
	duration_print(&from, least);
	duration_print(&to, most);
	duration_print(&got, *value);
	return err_set(err, ERR_USAGE,
		"ImagePolicyWebhook: valid value is between %s and %s, got %s", buf_text(&from),
		buf_text(&to), buf_text(&got));
}

static int read_config(struct image_policy *p, const struct cJSON *config,
	struct remote_reviewer_options *options, struct err *err)
{
	int code = read_time(
		config, "retryBackoff", MSEC, 1, 5 * MINUTE, 500 * MSEC, &options->pause, err);

	if (!code)
		code = read_time(
			config, "allowTTL", SEC, SEC, 30 * MINUTE, 5 * MINUTE, &p->allow_ttl, err);
	if (!code)
		code = read_time(
			config, "denyTTL", SEC, SEC, 30 * MINUTE, 30 * SEC, &p->deny_ttl, err);
	p->default_allow = tree_true(config, "defaultAllow");
	options->file = tree_str(config, "kubeConfigFile");
	return code;
}

int image_policy_new(struct image_policy **policy, struct api_server *s, const struct cJSON *config,
	struct err *err)
{
	struct remote_reviewer_options options = {.timeout = TIMEOUT};
	struct image_policy *p;
	int code;

	if (!config)
		return err_set(err, ERR_USAGE, "no config specified for ImagePolicyWebhook");
	p = mem_new(sizeof(*p));
	map_init_borrowed(&p->answers); /* the keys stand in the answers */
	list_init(&p->used);
	code = read_config(p, json_get(config, STR("imagePolicy")), &options, err);
	if (!code)
		code = remote_reviewer_new(s->env, &s->scope, &options, &p->reviewer, err);
	if (code) {
		image_policy_free(p);
		return err_wrap(err, code, "ImagePolicyWebhook");
	}
	*policy = p;
	return 0;
}

void image_policy_stop(struct image_policy *p)
{
	if (p)
		remote_reviewer_drop(TAKE(p->reviewer));
}

/* ---- answers ---- */

static void forget(struct image_policy *p, struct image_answer *a)
{
	map_remove(&p->answers, str_make(a->key, a->key_size));
	link_remove(&a->used);
	mem_free(a->reason);
	arena_done(&a->arena);
	mem_free(a);
}

void image_policy_free(struct image_policy *p)
{
	if (!p)
		return;
	image_policy_stop(p);
	while (!list_empty(&p->used))
		forget(p, LIST_ENTRY(list_first(&p->used), struct image_answer, used));
	map_done(&p->answers);
	mem_free(p);
}

const struct image_answer *image_policy_recall(struct image_policy *p, struct str key, int64_t now)
{
	struct image_answer *a = map_get(&p->answers, key);

	if (!a)
		return NULL;
	if (now >= a->until) {
		forget(p, a);
		return NULL;
	}
	link_remove(&a->used);
	list_push_front(&p->used, &a->used);
	return a;
}

void image_policy_remember(
	struct image_policy *p, struct str key, const struct cJSON *status, int64_t now)
{
	bool allowed = json_bool(json_get(status, STR("allowed")));
	int64_t ttl = allowed ? p->allow_ttl : p->deny_ttl;
	struct image_answer *a = map_get(&p->answers, key);

	if (a)
		forget(p, a);
	if (!ttl)
		return;
	if (p->answers.count >= ANSWERS_MAX)
		forget(p, LIST_ENTRY(list_last(&p->used), struct image_answer, used));
	a = mem_new(sizeof(*a) + key.len);
	arena_init(&a->arena);
	a->until = now + ttl;
	a->allowed = allowed;
	a->reason = str_dup(json_str(json_get(status, STR("reason"))));
	a->notes = json_copy(&a->arena, json_get(status, STR("auditAnnotations")));
	a->key_size = key.len;
	memcpy(a->key, key.at, key.len);
	map_set(&p->answers, str_make(a->key, a->key_size), a);
	list_push_front(&p->used, &a->used);
}
