/* What a hook answers: an AdmissionReview, checked as upstream does, in its words. */
#include "body.h"
#include "hooks.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/json.h>

#define INVALID   "received invalid webhook response: "
#define FAILED    "failed to call webhook: "
#define PATCH_MAX (16 * MIB)

/* ---- the document ---- */

/* Go's words for a document of which not even kind and version can be read. */
static int not_an_object(const struct cJSON *tree, struct err *err)
{
	return err_set(err, ERR_SYNTAX,
		FAILED "couldn't get version/kind; json parse error: json: cannot unmarshal %s "
		       "into Go value of type struct { APIVersion string "
		       "\"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
		       "\"json:\\\"kind,omitempty\\\"\" }",
		json_type_name(json_type(tree)));
}

static int parse(struct arena *a, struct str text, struct str type, int status, struct cJSON **tree,
	struct err *err)
{
	_cleanup_(err_done) struct err why = {0};

	if (!text.len)
		return err_set(err, ERR_SYNTAX,
			FAILED "0-length response with status code: %d and content type: %.*s",
			status, STRF(type));
	if (body_parse(a, text, false, NULL, tree, &why))
		return err_set(err, ERR_SYNTAX,
			FAILED "couldn't get version/kind; json parse error: %s", err_text(&why));
	if (!json_is(*tree, JSON_OBJECT))
		return not_an_object(*tree, err);
	return 0;
}

/* ---- what it says ---- */

/* A denial has a code of one, whatever the hook says. */
static struct status *denial_of(
	struct arena *a, const struct hook *hook, const struct cJSON *result)
{
	struct status *s = arena_new(a, sizeof(*s));
	int64_t code = tree_int(result, "code", 0);
	struct str message = tree_str(result, "message");
	const struct cJSON *details = json_get(result, STR("details"));

	s->reason = tree_str(result, "reason");
	s->code = code >= 400 && code < 1000 ? (int)code : 400;
	if (!message.len)
		message = s->reason;
	s->message = message.len ? arena_print(a, "admission webhook %.*s denied the request: %.*s",
					   STRF(field_quote(a, hook->name)), STRF(message))
				 : arena_print(a,
					   "admission webhook %.*s denied the request without "
					   "explanation",
					   STRF(field_quote(a, hook->name)));
	if (json_is(details, JSON_OBJECT))
		status_read_details(a, s, details);
	return s;
}

/* v1 is held to all of it; v1beta1 was never. */
static int check_v1(
	const struct cJSON *review, const struct cJSON *response, const char *uid, struct err *err)
{
	struct str version = tree_str(review, "apiVersion"), group, rest;
	struct str kind = tree_str(review, "kind"), said = tree_str(response, "uid");

	if (!str_eq_text(said, uid))
		return err_set(err, ERR_SYNTAX,
			INVALID "expected response.uid=\"%s\", got \"%.*s\"", uid, STRF(said));
	if (str_eq_text(version, "admission.k8s.io/v1") && str_eq_text(kind, "AdmissionReview"))
		return 0;
	api_version_split(version, &group, &rest);
	return err_set(err, ERR_SYNTAX,
		INVALID "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, "
			"got %.*s/%.*s, Kind=%.*s",
		STRF(group), STRF(rest), STRF(kind));
}

static int check_patch(struct str patch, const struct cJSON *type, bool mutating, struct err *err)
{
	if (!mutating && patch.len)
		return err_set(err, ERR_SYNTAX,
			INVALID "validating webhook may not return response.patch");
	if (!mutating)
		return !type ? 0
			     : err_set(err, ERR_SYNTAX,
				       INVALID
				       "validating webhook may not return response.patchType");
	if (patch.len && !type)
		return err_set(err, ERR_SYNTAX,
			INVALID "webhook returned response.patch but not response.patchType");
	if (!patch.len && type)
		return err_set(err, ERR_SYNTAX,
			INVALID "webhook returned response.patchType but not response.patch");
	if (type && !json_str(type).len)
		return err_set(err, ERR_SYNTAX,
			INVALID "webhook returned invalid response.patchType of \"\"");
	return 0;
}

/* ---- */

static int read_patch(
	struct arena *a, const struct cJSON *response, struct str *patch, struct err *err)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT(PATCH_MAX);
	struct str text = tree_str(response, "patch");

	*patch = STR("");
	if (!text.len)
		return 0;
	if (base64_decode(&bytes, text, NULL))
		return err_set(err, ERR_SYNTAX, FAILED "illegal base64 data in response.patch");
	*patch = arena_str(a, buf_str(&bytes));
	return 0;
}

/* A version that was not asked for cannot become the one that was. */
static int check_version(const struct cJSON *review, bool v1, struct err *err)
{
	struct str version = tree_str(review, "apiVersion");
	bool other = str_eq_text(version, v1 ? "admission.k8s.io/v1beta1" : "admission.k8s.io/v1");

	if (!other || !str_eq_text(tree_str(review, "kind"), "AdmissionReview"))
		return 0;
	return err_set(err, ERR_SYNTAX,
		FAILED "converting (%s.AdmissionReview) to (%s.AdmissionReview): unknown "
		       "conversion",
		v1 ? "v1beta1" : "v1", v1 ? "v1" : "v1beta1");
}

int hook_answer_read(struct arena *a, struct str text, struct str content_type, int status,
	const struct hook *hook, const char *uid, bool mutating, struct hook_answer *answer,
	struct err *err)
{
	bool v1 = hook_asks_v1(hook);
	_cleanup_(err_done) struct err why = {0};
	const struct cJSON *response;
	struct cJSON *review, *decoded;
	int code = parse(a, text, content_type, status, &review, err);

	*answer = (struct hook_answer){0};
	if (!code)
		code = check_version(review, v1, err);
	if (code)
		return code;
	if (json_get(review, STR("request")))
		json_remove(review, json_get(review, STR("request"))); /* ours, maybe sent back */
	if (api_decode(a, schema_find(STR("io.k8s.api.admission.v1.AdmissionReview")), review, NULL,
		    &decoded, &why))
		return err_set(err, ERR_SYNTAX, FAILED "%s", err_text(&why));
	response = json_get(decoded, STR("response"));
	if (!response)
		return err_set(err, ERR_SYNTAX, INVALID "webhook response was absent");
	code = v1 ? check_v1(review, response, uid, err) : 0;
	if (!code)
		code = read_patch(a, response, &answer->patch, err);
	if (!code && v1)
		code = check_patch(
			answer->patch, json_get(response, STR("patchType")), mutating, err);
	if (code)
		return code;
	answer->patch_type = v1 ? tree_str(response, "patchType") : STR("JSONPatch");
	if (!mutating)
		answer->patch = STR("");
	answer->allowed = json_bool(json_get(response, STR("allowed")));
	answer->warnings = json_get(response, STR("warnings"));
	answer->annotations = json_get(response, STR("auditAnnotations"));
	if (!answer->allowed)
		answer->denial = denial_of(a, hook, json_get(response, STR("status")));
	return 0;
}
