/* projected: several sources in one volume; the last one of a path counts. */
#include "tokens.h"
#include "volume_plan.h"

#include <kube/api_codec.h>

/* What was in the way of each source: all of it is told. */
struct complaints {
	struct arena *arena;
	struct str text;
	size_t count;
	int code;
};

static void complain(struct complaints *c, int code, const struct err *err)
{
	const char *text = err_text(err);

	/* As upstream joins errors: "[a, b]". */
	c->text = c->count ? arena_print(c->arena, "%.*s, %s", STRF(c->text), text)
			   : arena_print(c->arena, "%s", text);
	c->count++;
	if (!c->code)
		c->code = code;
}

static int add_reference(const struct volume_planning *in, const struct cJSON *source, bool secret,
	struct volume_payload *out, struct err *err)
{
	struct volume_reference ref = {.secret = secret,
		.name = tree_str(source, "name"),
		.items = json_get(source, STR("items")),
		.optional = tree_true(source, "optional"),
		.mode = volume_default_mode(in->spec)};

	return volume_add_reference(in, &ref, out, err);
}

/*
 * The user that all containers run as; -1: they differ, or it is up to their images. A token that
 * is somebody's need not be everybody's.
 */
static int64_t common_user(const struct cJSON *pod)
{
	static const char *const lists[] = {"spec.initContainers", "spec.containers"};
	int64_t whole = tree_int(pod, "spec.securityContext.runAsUser", -1), found = -1;

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		json_each (container, json_path(pod, lists[i])) {
			int64_t user = tree_int(container, "securityContext.runAsUser", whole);

			if (user < 0 || (found >= 0 && found != user))
				return -1;
			found = user;
		}
	return found;
}

static int add_token(const struct volume_planning *in, const struct cJSON *source,
	const struct volume_owner *owner, struct volume_payload *out, struct err *err)
{
	const struct volume_token *token = tokens_find(in->tokens, in->pod, source);
	int64_t user = common_user(in->pod);
	struct volume_file file = {.path = tree_str(source, "path"),
		.mode = user >= 0 || owner->group >= 0 ? 0600 : volume_default_mode(in->spec),
		.user = user};

	if (!token || !token->text.len)
		return err_set(err, ERR_UNAVAILABLE, "failed to fetch token: %s",
			token && token->problem ? token->problem : "none was asked for");
	file.bytes = token->text;
	payload_add(in->arena, out, &file);
	return 0;
}

static int add_source(const struct volume_planning *in, const struct cJSON *source,
	struct volume_plan *out, struct err *err)
{
	const struct cJSON *of = json_first(source);
	struct str kind = json_key(of);

	while (of && !json_is(of, JSON_OBJECT))
		of = json_next(of);
	if (of)
		kind = json_key(of);
	if (str_eq(kind, STR("configMap")))
		return add_reference(in, of, false, &out->payload, err);
	if (str_eq(kind, STR("secret")))
		return add_reference(in, of, true, &out->payload, err);
	if (str_eq(kind, STR("downwardAPI")))
		return downward_files(in, json_get(of, STR("items")), volume_default_mode(in->spec),
			&out->payload, err);
	if (str_eq(kind, STR("serviceAccountToken")))
		return add_token(in, of, &out->owner, &out->payload, err);
	return err_set(err, ERR_UNSUPPORTED,
		"projected sources of kind \"%.*s\" are not supported by this node", STRF(kind));
}

static int plan(const struct volume_planning *in, struct volume_plan *out, struct err *err)
{
	struct complaints c = {.arena = in->arena};

	json_each (source, json_get(in->spec, STR("sources"))) {
		_cleanup_(err_done) struct err failed = {0};
		int code = add_source(in, source, out, &failed);

		if (code)
			complain(&c, code, &failed);
	}
	if (!c.count)
		return 0;
	return err_set(err, c.code, c.count > 1 ? "[%.*s]" : "%.*s", STRF(c.text));
}

const struct volume_kind volume_projected = {
	.source = "projected",
	.directory = "kubernetes.io~projected",
	.read_only = true,
	.memory = true,
	.files = true,
	.plan = plan,
};
