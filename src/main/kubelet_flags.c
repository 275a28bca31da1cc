#include "kubelet_flags.h"

enum flag_shape { MAP, THRESHOLDS, TEXT, NUMBER, LIST };

static const struct {
	const char *flag, *field;
	enum flag_shape shape;
	const char *help;
} table[KUBELET_FLAGS] = {
	{"eviction-hard", "evictionHard", THRESHOLDS,
		"Below these pods are evicted: memory.available<100Mi,nodefs.available<10%."},
	{"eviction-soft", "evictionSoft", THRESHOLDS,
		"Below these they are, too, when their grace is over."},
	{"eviction-soft-grace-period", "evictionSoftGracePeriod", MAP,
		"How long each of these has to be met: memory.available=1m30s."},
	{"eviction-minimum-reclaim", "evictionMinimumReclaim", MAP,
		"How much more is freed then: memory.available=500Mi."},
	{"eviction-pressure-transition-period", "evictionPressureTransitionPeriod", TEXT,
		"How long the node counts as short of something after it was; without it, 5m."},
	{"eviction-max-pod-grace-period", "evictionMaxPodGracePeriod", NUMBER,
		"Seconds that pods get at most when a soft threshold is met."},
	{"image-gc-high-threshold", "imageGCHighThresholdPercent", NUMBER,
		"A disk so full, in per cent, that unused images go; without it, 85."},
	{"image-gc-low-threshold", "imageGCLowThresholdPercent", NUMBER,
		"Until it is as full as this; without it, 80."},
	{"container-log-max-size", "containerLogMaxSize", TEXT,
		"A log of this size is put away; without it, 10Mi."},
	{"container-log-max-files", "containerLogMaxFiles", NUMBER,
		"Files that a container's log has at most; without it, 5."},
	{"pod-max-pids", "podPidsLimit", NUMBER, "Processes of one pod at most."},
	{"max-parallel-image-pulls", "maxParallelImagePulls", NUMBER,
		"Images that are pulled at a time; without it, 1."},
	{"allowed-unsafe-sysctls", "allowedUnsafeSysctls", LIST,
		"What pods may set of the kernel besides what is safe: "
		"kernel.msg*,net.core.somaxconn."},
	{"volume-stats-agg-period", "volumeStatsAggPeriod", TEXT,
		"How often volumes are measured; without it, 1m; negative: never."},
	{"system-reserved", "systemReserved", MAP, "What pods do not get: cpu=200m,memory=1Gi."},
	{"kube-reserved", "kubeReserved", MAP, "What they do not get, either."},
};

void kubelet_flags_add(struct kubelet_flags *f, struct flag *flags)
{
	static const char *const values[] = {
		"NAME=VALUE,...", "NAME<AMOUNT,...", "VALUE", "COUNT", "NAME,..."};

	for (size_t i = 0; i < KUBELET_FLAGS; i++) {
		flags[i] = (struct flag)FLAG_LIST(
			table[i].flag, &f->values[i], NULL, values[table[i].shape], table[i].help);
		flags[i].group = "Configuration";
	}
}

static int add_pairs(struct arena *a, size_t i, const struct flag_list *list, struct cJSON *tree,
	struct err *err)
{
	char separator = table[i].shape == MAP ? '=' : '<';
	struct cJSON *map = json_new(a, JSON_OBJECT);

	for (size_t k = 0; k < list->count; k++) {
		struct str name, value;

		if (!str_cut(list->items[k], separator, &name, &value))
			return err_set(err, ERR_USAGE, "--%s: \"%.*s\" lacks a '%c'", table[i].flag,
				STRF(list->items[k]), separator);
		json_set(a, map, name, json_new_str(a, value));
	}
	json_set(a, tree, str_from(table[i].field), map);
	return 0;
}

static int add_list(struct arena *a, size_t i, const struct flag_list *list, struct cJSON *tree,
	struct err *err)
{
	struct cJSON *items = json_new(a, JSON_ARRAY);

	(void)err;
	for (size_t k = 0; k < list->count; k++)
		json_append(items, json_new_str(a, list->items[k]));
	json_set(a, tree, str_from(table[i].field), items);
	return 0;
}

static int add_value(struct arena *a, size_t i, const struct flag_list *list, struct cJSON *tree,
	struct err *err)
{
	struct str last = list->items[list->count - 1], field = str_from(table[i].field);
	int64_t number;

	if (table[i].shape == TEXT)
		json_set(a, tree, field, json_new_str(a, last));
	else if (str_to_i64(last, &number))
		json_set(a, tree, field, json_new_int(a, number));
	else
		return err_set(
			err, ERR_USAGE, "--%s: \"%.*s\" is no number", table[i].flag, STRF(last));
	return 0;
}

int kubelet_flags_print(
	struct arena *a, const struct kubelet_flags *f, struct str *text, struct err *err)
{
	struct cJSON *tree = json_new(a, JSON_OBJECT);
	_cleanup_(buf_done) struct buf out = BUF_INIT(MIB);
	int code = 0;

	*text = STR("");
	for (size_t i = 0; i < KUBELET_FLAGS && !code; i++) {
		bool pairs = table[i].shape == MAP || table[i].shape == THRESHOLDS;

		if (f->values[i].count)
			code = (pairs ? add_pairs
				: table[i].shape == LIST
					? add_list
					: add_value)(a, i, &f->values[i], tree, err);
	}
	if (code || !json_count(tree))
		return code;
	json_set(a, tree, STR("apiVersion"), json_new_str(a, STR("kubelet.config.k8s.io/v1beta1")));
	json_set(a, tree, STR("kind"), json_new_str(a, STR("KubeletConfiguration")));
	json_print(&out, tree, JSON_COMPACT);
	*text = arena_str(a, buf_str(&out));
	return 0;
}
