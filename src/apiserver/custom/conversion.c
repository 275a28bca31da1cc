#include "custom_conversion.h"
#include "metrics.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/names.h>
#include <kube/random.h>
#include <kube/time.h>

#define CALL_TIMEOUT (30 * SEC)
#define BODY_MAX     (64 * MIB)

static void random_of_env(void *ctx, void *at, size_t len)
{
	env_random(ctx, at, len);
}

static const struct cJSON *webhook_of(const struct conversion *c)
{
	return custom_version_of(c->to)->kind->webhook;
}

static bool is_there_already(const struct conversion *c, const struct cJSON *tree)
{
	return str_eq(tree_str(tree, "apiVersion"), c->to->api_version);
}

static struct str kind_text(struct arena *a, const struct cJSON *tree)
{
	return arena_print(a, "%.*s, Kind=%.*s", STRF(tree_str(tree, "apiVersion")),
		STRF(tree_str(tree, "kind")));
}

/* ---- asking ---- */

/* The first of those that the webhook reads that is one we write. */
static const char *review_version(const struct conversion *c)
{
	json_each (version, json_get(webhook_of(c), STR("conversionReviewVersions"))) {
		if (str_eq_text(json_str(version), "v1"))
			return "apiextensions.k8s.io/v1";
		if (str_eq_text(json_str(version), "v1beta1"))
			return "apiextensions.k8s.io/v1beta1";
	}
	return NULL;
}

static void print_review(struct conversion *c, const char *version)
{
	struct arena *a = c->arena;
	struct cJSON *review = json_new(a, JSON_OBJECT), *request = json_new(a, JSON_OBJECT);
	struct cJSON *objects = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < c->count; i++)
		if (!is_there_already(c, c->trees[i]))
			json_append(objects, json_copy(a, c->trees[i]));
	json_add(a, request, STR("uid"), json_new_str(a, c->uid));
	json_add(a, request, STR("desiredAPIVersion"), json_new_str(a, c->to->api_version));
	json_add(a, request, STR("objects"), objects);
	json_add(a, review, STR("kind"), json_new_str(a, STR("ConversionReview")));
	json_add(a, review, STR("apiVersion"), json_new_str(a, str_from(version)));
	json_add(a, review, STR("request"), request);
	json_print(&c->body, review, JSON_COMPACT);
}

static int aim(struct conversion *c, struct err *err)
{
	const struct cJSON *client = json_get(webhook_of(c), STR("clientConfig"));
	struct backend_target *t = &c->call.target;

	t->url = tree_str(client, "url");
	t->service.namespace = tree_str(client, "service.namespace");
	t->service.name = tree_str(client, "service.name");
	t->service.path = tree_str(client, "service.path");
	t->service.port = tree_int(client, "service.port", 443);
	if (base64_decode(&c->ca, tree_str(client, "caBundle"), err))
		return err->code;
	t->ca = buf_str(&c->ca);
	return 0;
}

/* ---- what came back ---- */

static const char *go_type(const struct cJSON *value)
{
	static const char *const types[] = {[JSON_NULL] = "<nil>",
		[JSON_BOOL] = "bool",
		[JSON_NUMBER] = "int64",
		[JSON_STRING] = "string",
		[JSON_ARRAY] = "[]interface {}",
		[JSON_OBJECT] = "map[string]interface {}"};

	return types[json_type(value)];
}

static int check_same(const struct cJSON *in, const struct cJSON *out, struct err *err)
{
	static const struct {
		const char *path, *word;
	} same[] = {
		{"kind", "kind"},
		{"metadata.name", "name"},
		{"metadata.namespace", "namespace"},
		{"metadata.uid", "UID"},
	};

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		struct str had = tree_str(in, same[i].path), has = tree_str(out, same[i].path);

		if (!str_eq(had, has))
			return err_set(err, ERR_INTERNAL, "must have the same %s: %.*s != %.*s",
				same[i].word, STRF(had), STRF(has));
	}
	return 0;
}

static int check_strings(const struct cJSON *map, const char *field, struct err *err)
{
	if (!json_is(map, JSON_OBJECT))
		return err_set(err, ERR_INTERNAL,
			"invalid metadata.%s of type %s in converted object", field, go_type(map));
	json_each (value, map)
		if (!json_is(value, JSON_STRING))
			return err_set(err, ERR_INTERNAL,
				"metadata.%s[%.*s] must be a string, but is %s in converted object",
				field, STRF(json_key(value)), go_type(value));
	return 0;
}

/* What it made of labels and annotations must be such. */
static int check_rules(
	struct arena *a, const struct cJSON *now, const struct cJSON *old, struct err *err)
{
	const struct cJSON *labels = json_get(now, STR("labels"));
	const struct cJSON *annotations = json_get(now, STR("annotations"));
	struct field_errors errors = {.arena = a};
	struct path meta = PATH(NULL, "metadata"), labels_at = PATH(&meta, "labels");
	struct path annotations_at = PATH(&meta, "annotation"); /* spelt so upstream */

	if (labels && !json_equal(labels, json_get(old, STR("labels"))))
		check_labels(&errors, &labels_at, labels);
	if (annotations && !json_equal(annotations, json_get(old, STR("annotations"))))
		check_annotations(&errors, &annotations_at, annotations);
	if (!errors.count)
		return 0;
	return err_set(err, ERR_INTERNAL, "%.*s: %.*s", STRF(errors.items[0].path),
		STRF(errors.items[0].body));
}

static int restore_meta(struct arena *a, const struct cJSON *in, struct cJSON *out, struct err *err)
{
	static const char *const fields[] = {"labels", "annotations"};
	const struct cJSON *told = json_get(out, STR("metadata"));
	const struct cJSON *had = json_get(in, STR("metadata"));

	if (!told)
		return err_set(err, ERR_INTERNAL, "missing metadata in converted object");
	if (!json_is(told, JSON_OBJECT))
		return err_set(err, ERR_INTERNAL, "invalid metadata of type %s in converted object",
			go_type(told));
	struct cJSON *meta = had ? json_copy(a, had) : json_new(a, JSON_OBJECT);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct cJSON *value = json_get(told, str_from(fields[i]));

		if (!value || json_is(value, JSON_NULL)) {
			json_remove(meta, json_get(meta, str_from(fields[i])));
			continue;
		}
		if (check_strings(value, fields[i], err))
			return err->code;
		json_set(a, meta, str_from(fields[i]), json_copy(a, value));
	}
	if (check_rules(a, meta, had, err))
		return err->code;
	json_set(a, out, STR("metadata"), meta);
	return 0;
}

static int take_object(struct conversion *c, size_t index, struct cJSON *in,
	const struct cJSON *answer, struct cJSON **out, struct err *err)
{
	_cleanup_(err_done) struct err inner = {0};
	const char *what = "";
	struct str version = tree_str(answer, "apiVersion");

	if (!json_is(answer, JSON_OBJECT) || !tree_str(answer, "kind").len)
		return err_set(err, ERR_INTERNAL,
			"conversion webhook for %.*s returned invalid converted object at index "
			"%zu: Object 'Kind' is missing",
			STRF(c->from), index);
	if (!str_eq(version, c->to->api_version))
		return err_set(err, ERR_INTERNAL,
			"conversion webhook for %.*s returned invalid converted object at index "
			"%zu: invalid groupVersion (expected %.*s, received %.*s)",
			STRF(c->from), index, STRF(c->to->api_version), STRF(version));
	if (!str_eq(tree_str(in, "kind"), tree_str(answer, "kind")))
		return err_set(err, ERR_INTERNAL,
			"conversion webhook for %.*s returned invalid converted object at index "
			"%zu: invalid kind (expected %.*s, received %.*s)",
			STRF(c->from), index, STRF(tree_str(in, "kind")),
			STRF(tree_str(answer, "kind")));
	*out = json_copy(c->arena, answer);
	if (check_same(in, *out, &inner))
		what = "converted object";
	else if (restore_meta(c->arena, in, *out, &inner))
		what = "metadata in object";
	if (!inner.code)
		return 0;
	return err_set(err, ERR_INTERNAL,
		"conversion webhook for %.*s returned invalid %s at index %zu: %s", STRF(c->from),
		what, index, err_text(&inner));
}

static int check_review(
	struct conversion *c, const struct cJSON *review, const char *version, struct err *err)
{
	const struct cJSON *response = json_get(review, STR("response"));
	struct str status = tree_str(response, "result.status");
	struct str message = tree_str(response, "result.message");

	if (!str_eq_text(tree_str(review, "kind"), "ConversionReview") ||
		!str_eq_text(tree_str(review, "apiVersion"), version))
		return err_set(err, ERR_INTERNAL,
			"expected webhook response of %s, Kind=ConversionReview, got %.*s", version,
			STRF(kind_text(c->arena, review)));
	if (!json_is(response, JSON_OBJECT))
		return err_set(err, ERR_INTERNAL, "no response provided");
	if (!str_eq(tree_str(response, "uid"), c->uid))
		return err_set(err, ERR_INTERNAL, "expected response.uid=\"%.*s\", got \"%.*s\"",
			STRF(c->uid), STRF(tree_str(response, "uid")));
	if (str_eq_text(status, "Success"))
		return 0;
	if (message.len)
		return err_set(err, ERR_INTERNAL, "%.*s", STRF(message));
	return err_set(err, ERR_INTERNAL, "response.result.status was '%.*s', not 'Success'",
		STRF(status));
}

/* As metrics name it. */
#define FAILED_CALL   "conversion_webhook_call_failure"
#define FAILED_ANSWER "conversion_webhook_malformed_response_failure"
#define FAILED_COUNT  "conversion_webhook_partial_response_failure"
#define FAILED_OBJECT "conversion_webhook_invalid_converted_object_failure"

static int take_answer(struct conversion *c, const char **failure, struct err *err)
{
	struct json_options options = {.limits.max_bytes = WEBHOOK_ANSWER_MAX};
	_cleanup_(err_done) struct err inner = {0};
	size_t wanted = 0, index = 0;
	struct cJSON *review, *next;
	int code;

	*failure = FAILED_ANSWER;
	code = json_parse(c->arena, buf_str(&c->call.answer), &options, &review, &inner);
	if (!code)
		code = check_review(c, review, review_version(c), &inner);
	if (code)
		return err_set(err, ERR_INTERNAL, "conversion webhook for %.*s failed: %s",
			STRF(c->from), err_text(&inner));
	const struct cJSON *list = json_path(review, "response.convertedObjects");
	for (size_t i = 0; i < c->count; i++)
		wanted += !is_there_already(c, c->trees[i]);
	*failure = FAILED_COUNT;
	if (json_count(list) != wanted)
		return err_set(err, ERR_INTERNAL,
			"conversion webhook for %.*s returned %zu objects, expected %zu",
			STRF(c->from), json_count(list), wanted);
	*failure = FAILED_OBJECT;
	next = json_first(list);
	for (size_t i = 0; i < c->count; i++) {
		if (is_there_already(c, c->trees[i]))
			continue;
		if (take_object(c, index++, c->trees[i], next, &c->trees[i], err))
			return err->code;
		next = json_next(next);
	}
	*failure = "";
	return 0;
}

/* ---- one call ---- */

static void count_call(struct conversion *c, const char *failure)
{
	struct metrics *m = c->server->metrics;
	struct str labels = arena_print(c->arena, "failure_type=\"%s\",result=\"%s\"", failure,
		*failure ? "failure" : "success");

	++*metrics_number(m, METRIC_CONVERSIONS, labels);
	metrics_observe(m, METRIC_CONVERSION_DURATION, labels,
		(double)(loop_now(c->server->env->loop) - c->began) / (double)SEC);
}

static void finish(struct conversion *c, struct err *err)
{
	buf_done(&c->body);
	buf_done(&c->ca);
	if (err->code)
		op_fail(c->op, err);
	else
		op_finish(c->op, (int64_t)c->count);
}

static void answered(struct op *op, struct err *err)
{
	struct conversion *c = CONTAINER_OF(op, struct conversion, wait);
	_cleanup_(err_done) struct err own = {0};
	const char *failure = FAILED_CALL;

	if (err->code == ERR_CANCELLED)
		err_move(&own, err);
	else if (err->code)
		err_set(&own, err->code == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_INTERNAL,
			"conversion webhook for %.*s failed: %s", STRF(c->from), err_text(err));
	else
		take_answer(c, &failure, &own);
	if (own.code != ERR_CANCELLED)
		count_call(c, failure);
	webhook_call_done(&c->call);
	finish(c, &own);
}

static void conversion_cancel(struct op *op)
{
	struct conversion *c = op->ctx;

	op_cancel(&c->wait);
}

static const struct op_kind conversion_kind = {
	.name = "conversion of custom objects", .cancel = conversion_cancel};

void conversion_start(struct conversion *c, struct op *op)
{
	_cleanup_(err_done) struct err err = {0};
	const char *version = review_version(c);
	char uid[37];

	buf_init(&c->body, BODY_MAX);
	buf_init(&c->ca, MIB);
	if (!op_begin(op, &conversion_kind, c))
		return;
	c->op = op;
	uuid_make(uid, random_of_env, c->server->env);
	c->uid = arena_str(c->arena, str_from(uid));
	for (size_t i = 0; i < c->count && !c->from.len; i++)
		if (!is_there_already(c, c->trees[i]))
			c->from = kind_text(c->arena, c->trees[i]);
	if (!c->from.len) {
		finish(c, &err);
		return;
	}
	c->call = (struct webhook_call){.timeout = CALL_TIMEOUT};
	if (!version)
		err_set(&err, ERR_INTERNAL, "no supported conversion review versions");
	if (!version || aim(c, &err)) {
		finish(c, &err);
		return;
	}
	print_review(c, version);
	c->call.body = buf_str(&c->body);
	c->began = loop_now(c->server->env->loop);
	op_init(&c->wait, op->scope, answered, op->deadline);
	webhook_call_start(c->server->backends, &c->wait, &c->call);
}
