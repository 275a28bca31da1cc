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

static int read_back_off(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	static const char *const path = "crashLoopBackOff.maxContainerRestartPeriod";
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	if (duration_parse(text_at(a, tree, path, "5m0s"), &c->restart_most, err))
		return err_wrap(err, ERR_SYNTAX, "%s", path);
	if (c->restart_most < SEC || c->restart_most > 300 * SEC)
		return err_set(err, ERR_INVALID,
			"invalid configuration: CrashLoopBackOff.MaxContainerRestartPeriod (got: "
			"%g seconds) must be set between 1s and 300s",
			(double)c->restart_most / (double)SEC);
	duration_print(&text, c->restart_most);
	tree_set_str(a, tree, path, arena_str(a, buf_str(&text)));
	return 0;
}

static int read_authorization(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	struct str mode = text_at(a, tree, "authorization.mode", "Webhook");

	c->callers_may_all = str_eq_text(mode, "AlwaysAllow");
	if (!c->callers_may_all && !str_eq_text(mode, "Webhook"))
		return err_set(err, ERR_INVALID, "unknown authorization mode %.*s", STRF(mode));
	return 0;
}

static int read_address(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	struct str said = text_at(a, tree, "address", "0.0.0.0");

	if (!ip_parse(said, &c->address))
		return err_set(err, ERR_INVALID,
			"invalid configuration: address: \"%.*s\" is no address", STRF(said));
	return 0;
}

/* Images pulled with one pod's secrets are looked after by nobody: who wants that is told so. */
static int check_images(const struct cJSON *tree, struct err *err)
{
	struct str policy = tree_str(tree, "imagePullCredentialsVerificationPolicy");

	if (!policy.len || str_eq_text(policy, "NeverVerify"))
		return 0;
	return err_set(err, ERR_INVALID,
		"invalid configuration: imagePullCredentialsVerificationPolicy: \"%.*s\" is not "
		"supported: only NeverVerify is",
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
		(code = read_address(a, tree, c, err)) || (code = check_swap(tree, err)) ||
		(code = check_images(tree, err)) || (code = check_run_once(tree, err)))
		return code;
	return check_logs(c, err);
}
