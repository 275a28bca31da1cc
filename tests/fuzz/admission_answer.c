/*
 * What admission webhooks answer: the first byte says which version was asked and whether patches
 * are expected, the rest is the body. A patch that comes out of it is applied to an object, and
 * what becomes of that is read as its kind.
 */
#include "apiserver/admission/hooks.h"

#include <kube/api_codec.h>
#include <kube/patch.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

#define POD                                                                                        \
	"{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":"  \
	"\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"

static void apply(struct arena *a, struct str text)
{
	_cleanup_(err_done) struct err err = {0};
	struct cJSON *patch, *pod, *patched, *decoded;

	if (json_parse(a, text, NULL, &patch, &err) || json_parse(a, STR(POD), NULL, &pod, &err) ||
		patch_json(a, pod, patch, NULL, &patched, &err))
		return;
	if (!api_decode(
		    a, schema_find(STR("io.k8s.api.core.v1.Pod")), patched, NULL, &decoded, &err))
		api_canonical(a, schema_find(STR("io.k8s.api.core.v1.Pod")), decoded);
}

static void read_one(struct arena *a, bool v1, bool mutating, struct str body)
{
	struct hook hook = {.name = STR("a.example.com")};
	struct hook_answer answer;
	struct cJSON *versions = json_new(a, JSON_ARRAY);
	struct err err = {0};

	json_append(versions, json_new_str(a, v1 ? STR("v1") : STR("v1beta1")));
	hook.versions = versions;
	if (hook_answer_read(
		    a, body, STR("application/json"), 200, &hook, "u", mutating, &answer, &err)) {
		assert(err.code && err_text(&err)[0]);
		err_done(&err);
		return;
	}
	assert(answer.allowed || (answer.denial && answer.denial->code >= 400));
	assert(mutating || !answer.patch.len);
	if (answer.patch.len)
		apply(a, answer.patch);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct arena a;

	if (!len)
		return 0;
	arena_init(&a);
	read_one(&a, at[0] & 1, at[0] & 2, str_make((const char *)at + 1, len - 1));
	arena_done(&a);
	return 0;
}
