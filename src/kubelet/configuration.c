/*
 * KubeletConfiguration: a table of fields, each with upstream's default. Defaults are put into the
 * tree first; numbers are read from the tree, so what /configz shows is what counts.
 */
#include "configuration_eviction.h"
#include "configuration_idle.h"
#include "configuration_lists.h"
#include "configuration_safety.h"

#include <kube/api_codec.h>
#include <kube/patch.h>
#include <kube/quantity.h>
#include <kube/time.h>
#include <kube/yaml.h>

#include <stddef.h>

#define API_VERSION "kubelet.config.k8s.io/v1beta1"
#define KIND        "KubeletConfiguration"
#define NAMED_MOST  20 /* unknown fields */
#define USERS_UNIT  65536

enum value_kind { TEXT, FLAG, NUMBER, DURATION, AMOUNT, OTHER };

static const struct known_field {
	const char *name;
	enum value_kind kind;
	size_t offset;
	const char *fallback; /* NULL: none */
	bool zero_is_unset;
} fields[] = {
#define AT(member) offsetof(struct kubelet_configuration, member)
	{"staticPodPath", TEXT, AT(static_pod_path), NULL, false},
	{"resolvConf", TEXT, AT(resolv_conf), "/etc/resolv.conf", false},
	{"cgroupRoot", TEXT, AT(cgroup_root), NULL, false},
	{"clusterDomain", TEXT, AT(cluster_domain), NULL, false},
	{"tlsCertFile", TEXT, AT(tls_cert_file), NULL, false},
	{"tlsPrivateKeyFile", TEXT, AT(tls_key_file), NULL, false},
	{"tlsMinVersion", TEXT, AT(tls_min_version), NULL, false},
	{"registerNode", FLAG, AT(register_node), "true", false},
	{"port", NUMBER, AT(port), "10250", true},
	{"maxPods", NUMBER, AT(max_pods), "110", true},
	{"podPidsLimit", NUMBER, AT(pod_pids_limit), "-1", false},
	{"nodeStatusUpdateFrequency", DURATION, AT(status_update), "10s", true},
	{"nodeStatusReportFrequency", DURATION, AT(status_report), "5m0s", true},
	{"nodeLeaseDurationSeconds", NUMBER, AT(lease_seconds), "40", true},
	{"imageMinimumGCAge", DURATION, AT(image_min_age), "2m0s", true},
	{"imageMaximumGCAge", DURATION, AT(image_max_age), "0s", false},
	{"imageGCHighThresholdPercent", NUMBER, AT(image_high), "85", false},
	{"imageGCLowThresholdPercent", NUMBER, AT(image_low), "80", false},
	{"containerLogMaxSize", AMOUNT, AT(log_max_size), "10Mi", false},
	{"containerLogMaxFiles", NUMBER, AT(log_max_files), "5", false},
	{"containerLogMonitorInterval", DURATION, AT(log_interval), "10s", false},
	{"evictionPressureTransitionPeriod", DURATION, AT(pressure_transition), "5m0s", true},
	{"evictionMaxPodGracePeriod", NUMBER, AT(eviction_max_grace), "0", false},
	{"volumeStatsAggPeriod", DURATION, AT(volume_stats_period), "1m0s", true},
	{"enableSystemLogHandler", FLAG, AT(system_logs), "true", false},
	{"rotateCertificates", FLAG, AT(rotate_certificates), NULL, false},
	{"serverTLSBootstrap", FLAG, AT(server_tls_bootstrap), NULL, false},
	{"singleProcessOOMKill", FLAG, AT(single_oom_kill), NULL, false},
	{"serializeImagePulls", FLAG, AT(serialize_pulls), "true", false},
	{"maxParallelImagePulls", NUMBER, AT(parallel_pulls), NULL, false},
	{"seccompDefault", FLAG, AT(seccomp_default), "true", false},
	{"cpuCFSQuota", FLAG, AT(cpu_quota), "true", false},
	{"cpuCFSQuotaPeriod", DURATION, AT(cpu_period), "100ms", false},
	{"oomScoreAdj", NUMBER, AT(oom_score), NULL, false},
	{"podsPerCore", NUMBER, AT(pods_per_core), "0", false},
	{"nodeStatusMaxImages", NUMBER, AT(images_told), "50", false},
	{"providerID", TEXT, AT(provider_id), NULL, false},
	{"podLogsDir", TEXT, AT(pod_logs_dir), "/var/log/pods", false},
	{"enableServer", FLAG, AT(has_server), "true", false},
	{"enableDebuggingHandlers", FLAG, AT(has_debugging), "true", false},
	{"healthzPort", NUMBER, AT(health_port), "10248", false},
	{"readOnlyPort", NUMBER, AT(read_only_port), "0", false},
	{"failSwapOn", FLAG, AT(fail_swap_on), "false", false},
	{"failCgroupV1", FLAG, AT(fail_cgroup_v1), "false", false},
	{"protectKernelDefaults", FLAG, AT(protect_kernel), "false", false},
#undef AT
	{"clusterDNS", OTHER, 0, NULL, false},
	{"tlsCipherSuites", OTHER, 0, NULL, false},
	{"registerWithTaints", OTHER, 0, NULL, false},
	{"allowedUnsafeSysctls", OTHER, 0, NULL, false},
	{"shutdownGracePeriod", OTHER, 0, NULL, false},
	{"shutdownGracePeriodCriticalPods", OTHER, 0, NULL, false},
	{"shutdownGracePeriodByPodPriority", OTHER, 0, NULL, false},
	{"authentication", OTHER, 0, NULL, false},
	{"authorization", OTHER, 0, NULL, false},
	{"address", OTHER, 0, NULL, false},
	{"healthzBindAddress", OTHER, 0, NULL, false},
	{"crashLoopBackOff", OTHER, 0, NULL, false},
	{"imagePullCredentialsVerificationPolicy", OTHER, 0, NULL, false},
	{"preloadedImagesVerificationAllowlist", OTHER, 0, NULL, false},
	{"memorySwap", OTHER, 0, NULL, false},
	{"runOnce", OTHER, 0, NULL, false},
	{"userNamespaces", OTHER, 0, NULL, false},
	{"evictionHard", OTHER, 0, NULL, false},
	{"evictionSoft", OTHER, 0, NULL, false},
	{"evictionSoftGracePeriod", OTHER, 0, NULL, false},
	{"evictionMinimumReclaim", OTHER, 0, NULL, false},
	{"mergeDefaultEvictionSettings", OTHER, 0, NULL, false},
	{"systemReserved", OTHER, 0, NULL, false},
	{"kubeReserved", OTHER, 0, NULL, false},
};

/* ---- which fields there are ---- */

static bool is_heeded(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_eq_text(name, fields[i].name))
			return true;
	return str_eq_text(name, "apiVersion") || str_eq_text(name, "kind");
}

struct faults {
	struct buf *text;
	int count;
};

static void add_fault(struct faults *d, const char *what, struct str name)
{
	if (d->count++ < NAMED_MOST)
		buf_print(
			d->text, "%s%s field \"%.*s\"", d->count > 1 ? ", " : "", what, STRF(name));
}

static int check_names(const struct cJSON *tree, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(8 * KIB);
	struct faults faults = {.text = &text};

	json_each (field, tree)
		if (!is_heeded(json_key(field)) && !configuration_is_idle(json_key(field)))
			add_fault(&faults, "unknown", json_key(field));
	if (!faults.count)
		return 0;
	return err_set(err, ERR_SYNTAX, "strict decoding error: %s", buf_text(&text));
}

static void add_double(void *ctx, const struct yaml_duplicate *duplicate)
{
	add_fault(ctx, "duplicate", duplicate->path);
}

/* ---- one text ---- */

static int read_text(struct arena *a, struct str text, struct cJSON **tree, struct err *err)
{
	_cleanup_(buf_done) struct buf faults = BUF_INIT(8 * KIB);
	struct faults doubles = {.text = &faults};
	const struct yaml_options options = {.duplicate = add_double, .ctx = &doubles};
	int code = yaml_read_any(a, text, &options, tree, err);

	if (code)
		return code;
	if (!json_is(*tree, JSON_OBJECT) || !str_eq_text(tree_str(*tree, "kind"), KIND) ||
		!str_eq_text(tree_str(*tree, "apiVersion"), API_VERSION))
		return err_set(err, ERR_SYNTAX,
			"no kind \"%.*s\" is registered for version \"%.*s\": wanted is " KIND
			" in " API_VERSION,
			STRF(tree_str(*tree, "kind")), STRF(tree_str(*tree, "apiVersion")));
	if (doubles.count)
		return err_set(err, ERR_SYNTAX, "strict decoding error: %s", buf_text(&faults));
	return check_names(*tree, err);
}

/* ---- values ---- */

static int wrong_type(
	const struct cJSON *value, const struct known_field *f, const char *type, struct err *err)
{
	return err_set(err, ERR_SYNTAX,
		"json: cannot unmarshal %s into Go struct field " KIND ".%s of type %s",
		json_type_name(json_type(value)), f->name, type);
}

static struct cJSON *fallback(struct arena *a, const struct known_field *f)
{
	int64_t number = 0;

	if (f->kind == FLAG)
		return json_new_bool(a, strcmp(f->fallback, "true") == 0);
	if (f->kind != NUMBER)
		return json_new_str(a, str_from(f->fallback));
	str_to_i64(str_from(f->fallback), &number);
	return json_new_int(a, number);
}

static int read_duration(struct arena *a, struct cJSON *tree, const struct known_field *f,
	const struct cJSON *value, int64_t *to, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);

	if (duration_parse(json_str(value), to, err))
		return err_wrap(err, ERR_SYNTAX, "%s", f->name);
	duration_print(&text, *to);
	tree_set_str(a, tree, f->name, arena_str(a, buf_str(&text)));
	return 0;
}

static int read_amount(
	const struct known_field *f, const struct cJSON *value, int64_t *to, struct err *err)
{
	struct quantity q;

	if (quantity_parse(json_str(value), &q, err))
		return err_wrap(err, ERR_SYNTAX, "%s", f->name);
	*to = quantity_value(q);
	return 0;
}

static int read_value(struct arena *a, struct cJSON *tree, const struct known_field *f,
	const struct cJSON *value, void *at, struct err *err)
{
	int64_t number;

	switch (f->kind) {
	case TEXT:
		if (!json_is(value, JSON_STRING))
			return wrong_type(value, f, "string", err);
		*(struct str *)at = json_str(value);
		return 0;
	case FLAG:
		if (!json_is(value, JSON_BOOL))
			return wrong_type(value, f, "bool", err);
		*(bool *)at = json_bool(value);
		return 0;
	case NUMBER:
		if (!json_int(value, &number) || number != (int32_t)number)
			return wrong_type(value, f, "int32", err);
		*(int64_t *)at = number;
		return 0;
	case DURATION:
	case AMOUNT:
		if (!json_is(value, JSON_STRING))
			return wrong_type(value, f, "string", err);
		return f->kind == DURATION ? read_duration(a, tree, f, value, at, err)
					   : read_amount(f, value, at, err);
	case OTHER:
		break;
	}
	return 0;
}

static int read_field(struct arena *a, struct cJSON *tree, const struct known_field *f,
	struct kubelet_configuration *c, struct err *err)
{
	const struct cJSON *value = json_get(tree, str_from(f->name));
	void *at = (char *)c + f->offset;
	int code;

	if (!tree_has(tree, f->name)) {
		if (!f->fallback)
			return 0;
		tree_set(a, tree, f->name, fallback(a, f));
		value = json_get(tree, str_from(f->name));
	}
	code = read_value(a, tree, f, value, at, err);
	if (code || !f->zero_is_unset || *(const int64_t *)at)
		return code;
	tree_set(a, tree, f->name, fallback(a, f));
	return read_value(a, tree, f, json_get(tree, str_from(f->name)), at, err);
}

/* ---- does it make sense ---- */

static int check(const struct kubelet_configuration *c, struct err *err)
{
	bool limits_pulls = tree_has(c->tree, "maxParallelImagePulls");
	const struct {
		bool holds;
		const char *text;
	} rules[] = {
		{c->lease_seconds > 0, "nodeLeaseDurationSeconds must be greater than 0"},
		{c->max_pods >= 0, "maxPods (--max-pods) must not be a negative number"},
		{c->port > 0 && c->port < 65536,
			"port (--port) must be between 1 and 65535, inclusive"},
		{c->image_high >= 0 && c->image_high <= 100,
			"imageGCHighThresholdPercent (--image-gc-high-threshold) must be between 0 "
			"and 100, inclusive"},
		{c->image_low >= 0 && c->image_low <= 100,
			"imageGCLowThresholdPercent (--image-gc-low-threshold) must be between 0 "
			"and 100, inclusive"},
		{c->image_low < c->image_high,
			"imageGCLowThresholdPercent (--image-gc-low-threshold) must be less than "
			"imageGCHighThresholdPercent (--image-gc-high-threshold)"},
		{c->image_min_age >= 0, "imageMinimumGCAge must not be negative"},
		{c->image_max_age >= 0, "imageMaximumGCAge must not be negative"},
		{!c->image_max_age || c->image_max_age > c->image_min_age,
			"imageMaximumGCAge must be greater than imageMinimumGCAge"},
		{c->log_max_files > 1, "containerLogMaxFiles must be greater than 1"},
		{c->log_interval >= 3 * SEC,
			"containerLogMonitorInterval must be a positive time duration greater than "
			"or equal to 3s"},
		{c->status_update > 0 && c->status_report > 0 && c->pressure_transition > 0,
			"durations must be greater than zero"},
		{c->cpu_period >= MSEC && c->cpu_period <= SEC,
			"cpuCFSQuotaPeriod (--cpu-cfs-quota-period) must be between 1ms and 1sec, "
			"inclusive"},
		{c->health_port >= 0 && c->health_port < 65536,
			"healthzPort (--healthz-port) must be between 1 and 65535, inclusive"},
		{c->read_only_port >= 0 && c->read_only_port < 65536,
			"readOnlyPort (--read-only-port) must be between 0 and 65535, inclusive"},
		{c->oom_score >= -1000 && c->oom_score <= 1000,
			"oomScoreAdj (--oom-score-adj) must be between -1000 and 1000, inclusive"},
		{c->pods_per_core >= 0,
			"podsPerCore (--pods-per-core) must not be a negative number"},
		{c->images_told >= -1,
			"nodeStatusMaxImages (--node-status-max-images) must be -1 or greater"},
		{c->eviction_max_grace >= 0, "evictionMaxPodGracePeriod must not be negative"},
		{!limits_pulls || c->parallel_pulls > 0,
			"maxParallelImagePulls must be a positive number"},
		{c->parallel_pulls < 2 || !c->serialize_pulls,
			"maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls "
			"(--serialize-image-pulls) is set to false"},
		{c->users_of_a_pod > 0 && c->users_of_a_pod < UINT32_MAX &&
				c->users_of_a_pod % USERS_UNIT == 0,
			"userNamespaces.idsPerPod must be a multiple of 65536 and less than "
			"4294967296"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		if (!rules[i].holds)
			return err_set(
				err, ERR_INVALID, "invalid configuration: %s", rules[i].text);
	return 0;
}

/* ---- all of it ---- */

/* Several at once need no second word. */
static void settle_pulls(struct arena *a, struct cJSON *tree)
{
	if (!tree_has(tree, "serializeImagePulls"))
		tree_set(a, tree, "serializeImagePulls",
			json_new_bool(a, tree_int(tree, "maxParallelImagePulls", 0) < 2));
}

static int read_tree(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	int code = 0;

	configuration_note_idle(a, tree, c);
	settle_pulls(a, tree);
	for (size_t i = 0; i < ARRAY_LEN(fields) && !code; i++)
		code = read_field(a, tree, &fields[i], c, err);
	if (code || (code = configuration_read_lists(a, tree, c, err)) ||
		(code = configuration_read_eviction(a, tree, c, err)) ||
		(code = configuration_read_safety(a, tree, c, err)))
		return code;
	c->client_ca_file = tree_str(tree, "authentication.x509.clientCAFile");
	c->users_of_a_pod = tree_int(tree, "userNamespaces.idsPerPod", USERS_UNIT);
	c->tree = tree;
	return check(c, err);
}

int kubelet_configuration_read_all(struct arena *a, const struct str *texts, size_t count,
	struct kubelet_configuration *c, struct err *err)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT), *one;

	*c = (struct kubelet_configuration){0};
	for (size_t i = 0; i < count; i++) {
		int code = read_text(a, texts[i], &one, err);

		if (code)
			return code;
		tree = patch_merge(a, tree, one);
	}
	tree_drop(tree, "apiVersion");
	tree_drop(tree, "kind");
	return read_tree(a, tree, c, err);
}

int kubelet_configuration_read(
	struct arena *a, struct str text, struct kubelet_configuration *c, struct err *err)
{
	return kubelet_configuration_read_all(a, &text, text.len ? 1 : 0, c, err);
}
