/* KubeSchedulerConfiguration: which profiles there are, and what each asks of which plugin. */
#include "plugins.h"

#include <kube/api_codec.h>
#include <kube/scheduler.h>
#include <kube/time.h>
#include <kube/yaml.h>

#define API_VERSION "kubescheduler.config.k8s.io/v1"

/* ---- fields ---- */

static int check_fields(
	const struct cJSON *tree, const char *const *known, const char *where, struct err *err)
{
	json_each (field, tree) {
		bool found = false;

		for (size_t i = 0; known[i]; i++)
			found |= str_eq_text(json_key(field), known[i]);
		if (!found)
			return err_set(err, ERR_SYNTAX,
				"strict decoding error: unknown field \"%s%.*s\"", where,
				STRF(json_key(field)));
	}
	return 0;
}

static int read_duration(const struct cJSON *tree, const char *path, int64_t *to, struct err *err)
{
	struct str text = tree_str(tree, path);

	if (!text.len)
		return 0;
	if (duration_parse(text, to, err))
		return err_wrap(err, ERR_SYNTAX, "%s", path);
	return 0;
}

static int read_percent(const struct cJSON *tree, int *to, struct err *err)
{
	int64_t value = tree_int(tree, "percentageOfNodesToScore", *to);

	if (value < 0 || value > 100)
		return err_set(err, ERR_SYNTAX,
			"percentageOfNodesToScore: Invalid value: %lld: not in valid range [0-100]",
			(long long)value);
	*to = (int)value;
	return 0;
}

/* ---- plugins ---- */

/* Several of upstream's points are one of ours: who takes part in filters prepares them too. */
enum point_flag {
	POINT_QUEUE = 1,
	POINT_FILTERS = 2,
	POINT_POST_FILTERS = 4,
	POINT_SCORES = 8,
	POINT_BINDS = 16,
};
static const struct {
	const char *name;
	int flags;
} points[] = {
	{"preEnqueue", POINT_QUEUE},
	{"queueSort", POINT_QUEUE},
	{"preFilter", POINT_FILTERS},
	{"filter", POINT_FILTERS},
	{"postFilter", POINT_POST_FILTERS},
	{"preScore", POINT_SCORES},
	{"score", POINT_SCORES},
	{"reserve", POINT_FILTERS},
	{"permit", POINT_FILTERS},
	{"preBind", POINT_FILTERS},
	{"bind", POINT_BINDS},
	{"postBind", POINT_BINDS},
	{"multiPoint",
		POINT_QUEUE | POINT_FILTERS | POINT_POST_FILTERS | POINT_SCORES | POINT_BINDS},
};

static void turn(struct profile_plugin *p, int flags, bool on)
{
	p->queue = flags & POINT_QUEUE ? on : p->queue;
	p->filters = flags & POINT_FILTERS ? on : p->filters;
	p->post_filters = flags & POINT_POST_FILTERS ? on : p->post_filters;
	p->scores = flags & POINT_SCORES ? on : p->scores;
	p->binds = flags & POINT_BINDS ? on : p->binds;
}

static int turn_named(
	struct profile *p, struct str name, int flags, bool on, int64_t weight, struct err *err)
{
	bool found = false, all = !on && str_eq_text(name, "*");

	for (size_t i = 0; i < p->count; i++) {
		struct profile_plugin *one = &p->plugins[i];

		if (!all && !str_eq_text(name, one->plugin->name))
			continue;
		found = true;
		turn(one, flags, on);
		one->weight = weight ? weight : one->weight;
	}
	if (found)
		return 0;
	return err_set(err, ERR_NOT_FOUND,
		"initializing profiles: creating profile for scheduler name %.*s: %.*s does not "
		"exist",
		STRF(p->name), STRF(name));
}

static int read_plugins(struct profile *p, const struct cJSON *plugins, struct err *err)
{
	static const char *const known[] = {"preEnqueue", "queueSort", "preFilter", "filter",
		"postFilter", "preScore", "score", "reserve", "permit", "preBind", "bind",
		"postBind", "multiPoint", NULL};
	int code = check_fields(plugins, known, "profiles.plugins.", err);

	/* Single points have the last word: multiPoint comes first. */
	for (size_t i = ARRAY_LEN(points); i-- > 0 && !code;) {
		const struct cJSON *set = json_get(plugins, str_from(points[i].name));

		json_each (off, json_get(set, STR("disabled")))
			if (!code)
				code = turn_named(
					p, tree_str(off, "name"), points[i].flags, false, 0, err);
		json_each (on, json_get(set, STR("enabled")))
			if (!code)
				code = turn_named(p, tree_str(on, "name"), points[i].flags, true,
					tree_int(on, "weight", 0), err);
	}
	return code;
}

/* Arguments that say what is so anyway are fine. */
static int read_arguments(struct profile *p, const struct cJSON *list, struct err *err)
{
	json_each (item, list) {
		struct str name = tree_str(item, "name");
		const struct cJSON *args = json_get(item, STR("args"));
		struct str strategy = tree_str(args, "scoringStrategy.type");

		if (str_eq_text(name, "PodTopologySpread")) {
			if (json_count(json_get(args, STR("defaultConstraints"))))
				return err_set(err, ERR_UNSUPPORTED,
					"pluginConfig: defaultConstraints are not supported");
			p->no_default_spreading =
				str_eq_text(tree_str(args, "defaultingType"), "List");
		} else if (str_eq_text(name, "NodeResourcesFit") && strategy.len &&
			   !str_eq_text(strategy, "LeastAllocated")) {
			return err_set(err, ERR_UNSUPPORTED,
				"pluginConfig: the scoring strategy %.*s is not supported",
				STRF(strategy));
		}
	}
	return 0;
}

/* ---- profiles ---- */

static int read_profile(struct profile *p, const struct cJSON *tree, int percent, struct err *err)
{
	static const char *const known[] = {
		"schedulerName", "percentageOfNodesToScore", "plugins", "pluginConfig", NULL};
	struct str name = tree_str(tree, "schedulerName");
	int code = check_fields(tree, known, "profiles.", err);

	if (code)
		return code;
	profile_init(p, name.len ? name : STR("default-scheduler"));
	p->percent_scored = percent;
	if ((code = read_percent(tree, &p->percent_scored, err)) ||
		(code = read_plugins(p, json_get(tree, STR("plugins")), err)))
		return code;
	return read_arguments(p, json_get(tree, STR("pluginConfig")), err);
}

static int read_profiles(struct arena *a, const struct cJSON *list,
	struct scheduler_options *options, struct err *err)
{
	size_t count = json_count(list);
	struct profile *profiles;

	if (count > PROFILES_MAX)
		return err_set(err, ERR_TOO_LARGE, "profiles: at most %d", PROFILES_MAX);
	options->profiles = profiles = arena_new(a, (count + 1) * sizeof(*profiles));
	json_each (item, list) {
		struct profile *p = &profiles[options->profile_count];
		int code = read_profile(p, item, options->percent_scored, err);

		if (code)
			return code;
		for (size_t i = 0; i < options->profile_count; i++)
			if (str_eq(profiles[i].name, p->name))
				return err_set(err, ERR_SYNTAX,
					"profiles[%zu].schedulerName: Duplicate value: \"%.*s\"",
					options->profile_count, STRF(p->name));
		options->profile_count++;
	}
	if (count)
		return 0;
	profile_init(&profiles[0], STR("default-scheduler"));
	profiles[0].percent_scored = options->percent_scored;
	options->profile_count = 1;
	return 0;
}

/* ---- the rest ---- */

static int read_backoffs(
	const struct cJSON *tree, struct scheduler_options *options, struct err *err)
{
	int64_t first = tree_int(tree, "podInitialBackoffSeconds", 1);
	int64_t most = tree_int(tree, "podMaxBackoffSeconds", 10);

	if (first <= 0)
		return err_set(err, ERR_SYNTAX,
			"podInitialBackoffSeconds: Invalid value: %lld: must be greater than 0",
			(long long)first);
	if (most < first || most > INT32_MAX)
		return err_set(err, ERR_SYNTAX,
			"podMaxBackoffSeconds: Invalid value: %lld: must be greater than or equal "
			"to "
			"PodInitialBackoffSeconds",
			(long long)most);
	options->min_backoff = first * SEC;
	options->max_backoff = most * SEC;
	return 0;
}

static int read_surroundings(
	const struct cJSON *tree, struct scheduler_surroundings *around, struct err *err)
{
	const struct cJSON *client = json_get(tree, STR("clientConnection"));
	const struct cJSON *lead = json_get(tree, STR("leaderElection"));
	const struct cJSON *elect = json_get(lead, STR("leaderElect"));
	int code;

	around->kubeconfig = tree_str(client, "kubeconfig");
	around->qps = json_double(json_get(client, STR("qps")));
	around->burst = tree_int(client, "burst", 0);
	around->says_leader_elect = elect;
	around->leader_elect = json_bool(elect);
	around->lease_name = tree_str(lead, "resourceName");
	around->lease_namespace = tree_str(lead, "resourceNamespace");
	if ((code = read_duration(lead, "leaseDuration", &around->lease_duration, err)) ||
		(code = read_duration(lead, "renewDeadline", &around->renew_deadline, err)))
		return code;
	return read_duration(lead, "retryPeriod", &around->retry_period, err);
}

int scheduler_configure(struct arena *a, struct str text, struct scheduler_options *options,
	struct scheduler_surroundings *around, struct err *err)
{
	static const char *const known[] = {"apiVersion", "kind", "clientConnection",
		"leaderElection", "percentageOfNodesToScore", "podInitialBackoffSeconds",
		"podMaxBackoffSeconds", "profiles", "parallelism", "enableProfiling",
		"enableContentionProfiling", "delayCacheUntilActive", "extenders", NULL};
	struct cJSON *tree;
	int code = yaml_read_any(a, text, NULL, &tree, err);

	*around = (struct scheduler_surroundings){0};
	if (code)
		return code;
	if (!str_eq_text(tree_str(tree, "apiVersion"), API_VERSION) ||
		!str_eq_text(tree_str(tree, "kind"), "KubeSchedulerConfiguration"))
		return err_set(err, ERR_SYNTAX,
			"no kind \"%.*s\" is registered for version \"%.*s\": wanted is "
			"KubeSchedulerConfiguration in " API_VERSION,
			STRF(tree_str(tree, "kind")), STRF(tree_str(tree, "apiVersion")));
	if (json_count(json_get(tree, STR("extenders"))))
		return err_set(err, ERR_UNSUPPORTED, "extenders are not supported");
	if ((code = check_fields(tree, known, "", err)) ||
		(code = read_percent(tree, &options->percent_scored, err)) ||
		(code = read_backoffs(tree, options, err)) ||
		(code = read_surroundings(tree, around, err)))
		return code;
	return read_profiles(a, json_get(tree, STR("profiles")), options, err);
}
