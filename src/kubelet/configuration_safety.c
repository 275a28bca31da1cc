#include "configuration_safety.h"

#include <kube/api_codec.h>
#include <kube/time.h>

/* What was said at `path`, or the default, which is then written there. */
static struct str text_at(
	struct arena *a, struct cJSON *tree, const char *path, const char *fallback)
{
	struct str said = json_str(json_path(tree, path));

	if (said.len)
		return said;
	tree_set_str(a, tree, path, str_from(fallback));
	return str_from(fallback);
}

static int duration_at(struct arena *a, struct cJSON *tree, const char *path, const char *fallback,
	int64_t *ns, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	if (duration_parse(text_at(a, tree, path, fallback), ns, err))
		return err_wrap(err, ERR_SYNTAX, "%s", path);
	/* As in Go's structs nothing is as good as unsaid. */
	if (!*ns && duration_parse(str_from(fallback), ns, err))
		return err->code;
	duration_print(&text, *ns);
	tree_set_str(a, tree, path, arena_str(a, buf_str(&text)));
	return 0;
}

static int read_back_off(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	static const char *const path = "crashLoopBackOff.maxContainerRestartPeriod";
	int code = duration_at(a, tree, path, "5m0s", &c->restart_most, err);

	if (code)
		return code;
	if (c->restart_most < SEC || c->restart_most > 300 * SEC)
		return err_set(err, ERR_INVALID,
			"invalid configuration: CrashLoopBackOff.MaxContainerRestartPeriod (got: "
			"%g seconds) must be set between 1s and 300s",
			(double)c->restart_most / (double)SEC);
	return 0;
}

static int read_authorization(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	struct str mode = text_at(a, tree, "authorization.mode", "Webhook");

	c->callers.may_all = str_eq_text(mode, "AlwaysAllow");
	if (!c->callers.may_all && !str_eq_text(mode, "Webhook"))
		return err_set(err, ERR_INVALID, "unknown authorization mode %.*s", STRF(mode));
	return 0;
}

static int read_authentication(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	static const char tokens[] = "authentication.webhook.enabled";
	struct caller_rules *r = &c->callers;
	int code = duration_at(
		a, tree, "authentication.webhook.cacheTTL", "2m0s", &r->token_kept, err);

	if (code ||
		(code = duration_at(a, tree, "authorization.webhook.cacheAuthorizedTTL", "5m0s",
			 &r->allowed_kept, err)) ||
		(code = duration_at(a, tree, "authorization.webhook.cacheUnauthorizedTTL", "30s",
			 &r->denied_kept, err)))
		return code;
	r->anonymous = tree_true(tree, "authentication.anonymous.enabled");
	tree_set(a, tree, "authentication.anonymous.enabled", json_new_bool(a, r->anonymous));
	r->no_tokens = tree_has(tree, tokens) && !tree_true(tree, tokens);
	tree_set(a, tree, tokens, json_new_bool(a, !r->no_tokens));
	return 0;
}

static int read_address(struct arena *a, struct cJSON *tree, const char *name, const char *fallback,
	struct ip *ip, struct err *err)
{
	struct str said = text_at(a, tree, name, fallback);

	if (!ip_parse(said, ip))
		return err_set(err, ERR_INVALID,
			"invalid configuration: %s: \"%.*s\" is no address", name, STRF(said));
	return 0;
}

static int read_trusted(
	struct arena *a, const struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	const struct cJSON *list = json_get(tree, STR("preloadedImagesVerificationAllowlist"));
	struct str *items = arena_alloc(a, (json_count(list) + 1) * sizeof(*items));

	json_each (item, list) {
		struct str text = json_str(item);

		if (!text.len)
			return err_set(err, ERR_INVALID,
				"invalid configuration: preloadedImagesVerificationAllowlist: an "
				"image is wanted");
		items[c->trusted_image_count++] = text;
	}
	c->trusted_images = items;
	if (c->trusted_image_count && c->image_check != IMAGES_LISTED_ARE)
		return err_set(err, ERR_INVALID,
			"invalid configuration: can't set preloadedImagesVerificationAllowlist if "
			"imagePullCredentialsVerificationPolicy is not "
			"\"NeverVerifyAllowlistedImages\"");
	return 0;
}

static int read_images(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	static const char *const policies[] = {
		[IMAGES_PRELOADED_ARE] = "NeverVerifyPreloadedImages",
		[IMAGES_ARE_EVERYBODYS] = "NeverVerify",
		[IMAGES_LISTED_ARE] = "NeverVerifyAllowlistedImages",
		[IMAGES_ARE_ASKED_FOR] = "AlwaysVerify"};
	struct str policy = text_at(
		a, tree, "imagePullCredentialsVerificationPolicy", policies[IMAGES_PRELOADED_ARE]);

	for (size_t i = 0; i < ARRAY_LEN(policies); i++)
		if (str_eq_text(policy, policies[i])) {
			c->image_check = (enum image_check)i;
			return read_trusted(a, tree, c, err);
		}
	return err_set(err, ERR_INVALID,
		"invalid configuration: option \"%.*s\" specified for "
		"imagePullCredentialsVerificationPolicy is not supported",
		STRF(policy));
}

static int check_swap(const struct cJSON *tree, struct err *err)
{
	struct str how = json_str(json_path(tree, "memorySwap.swapBehavior"));

	if (!how.len || str_eq_text(how, "NoSwap"))
		return 0;
	if (str_eq_text(how, "LimitedSwap"))
		return err_set(err, ERR_INVALID,
			"invalid configuration: memorySwap.swapBehavior: \"LimitedSwap\" is not "
			"supported: only NoSwap is");
	return err_set(err, ERR_INVALID,
		"invalid configuration: memorySwap.swapBehavior \"%.*s\" must be one of: \"\", "
		"\"LimitedSwap\" or \"NoSwap\"",
		STRF(how));
}

static int check_run_once(const struct cJSON *tree, struct err *err)
{
	if (!tree_true(tree, "runOnce"))
		return 0;
	return err_set(err, ERR_INVALID,
		"invalid configuration: runOnce (--runOnce) true, Runonce mode has been deprecated "
		"and should not be set");
}

static int check_logs(const struct kubelet_configuration *c, struct err *err)
{
	if (str_starts(c->pod_logs_dir, STR("/")))
		return 0;
	return err_set(err, ERR_INVALID,
		"invalid configuration: podLogsDir \"%.*s\" must be an absolute path",
		STRF(c->pod_logs_dir));
}

int configuration_read_safety(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	int code = read_back_off(a, tree, c, err);

	if (code || (code = read_authorization(a, tree, c, err)) ||
		(code = read_authentication(a, tree, c, err)) ||
		(code = read_address(a, tree, "address", "0.0.0.0", &c->address, err)) ||
		(code = read_address(
			 a, tree, "healthzBindAddress", "127.0.0.1", &c->health_address, err)) ||
		(code = check_swap(tree, err)) || (code = read_images(a, tree, c, err)) ||
		(code = check_run_once(tree, err)))
		return code;
	return check_logs(c, err);
}
