#include "configuration_eviction.h"

#include <kube/api_codec.h>
#include <kube/quantity.h>
#include <kube/time.h>

static const struct signal_name {
	const char *name;
	const char *hard; /* the default of evictionHard; NULL: none */
} signals[SIGNALS] = {
	[SIGNAL_MEMORY] = {"memory.available", "100Mi"},
	[SIGNAL_NODEFS] = {"nodefs.available", "10%"},
	[SIGNAL_NODEFS_INODES] = {"nodefs.inodesFree", "5%"},
	[SIGNAL_IMAGEFS] = {"imagefs.available", "15%"},
	[SIGNAL_IMAGEFS_INODES] = {"imagefs.inodesFree", "5%"},
	[SIGNAL_PIDS] = {"pid.available", NULL},
};

const char *eviction_signal_name(enum eviction_signal signal)
{
	return signals[signal].name;
}

int64_t eviction_quantity(const struct eviction_amount *amount, int64_t capacity)
{
	return amount->share > 0 ? (int64_t)((double)capacity * amount->share) : amount->quantity;
}

/* -1: there is none of that name. */
static int find_signal(struct str name)
{
	for (int i = 0; i < SIGNALS; i++)
		if (str_eq_text(name, signals[i].name))
			return i;
	return -1;
}

/* Upstream has these, too, but what they say is what the others say. */
static bool is_derived(struct str name)
{
	return str_starts(name, STR("containerfs.")) ||
	       str_eq_text(name, "allocatableMemory.available");
}

static int read_amount(const struct cJSON *item, struct eviction_amount *to, struct err *err)
{
	struct str text = json_str(item), name = json_key(item);
	struct quantity q;
	double percent;

	*to = (struct eviction_amount){.binary = true};
	if (str_ends(text, STR("%"))) {
		if (!str_to_double(str_sub(text, 0, text.len - 1), &percent) || !(percent >= 0) ||
			percent > 100)
			return err_set(err, ERR_INVALID,
				"eviction percentage threshold %.*s must be >= 0%% and <= 100%%",
				STRF(name));
		to->share = percent / 100;
		return 0;
	}
	if (quantity_parse(text, &q, err))
		return err_wrap(err, ERR_INVALID, "%.*s", STRF(name));
	if (quantity_sign(q) < 0)
		return err_set(err, ERR_INVALID,
			"eviction threshold %.*s cannot be negative, got %.*s", STRF(name),
			STRF(text));
	to->quantity = quantity_value(q);
	to->binary = q.format == QUANTITY_BINARY_SI;
	return 0;
}

/* "0%" and "100%" turn a signal off, as upstream has it. */
static bool is_off(struct str text)
{
	return str_eq_text(text, "0%") || str_eq_text(text, "100%");
}

static int add_thresholds(
	const struct cJSON *list, struct kubelet_configuration *c, struct err *err)
{
	size_t first = c->threshold_count;

	json_each (item, list) {
		int signal = find_signal(json_key(item));
		struct eviction_threshold *t = &c->thresholds[c->threshold_count];

		if (is_derived(json_key(item)) || is_off(json_str(item)))
			continue;
		if (signal < 0)
			return err_set(err, ERR_INVALID, "unsupported eviction signal %.*s",
				STRF(json_key(item)));
		for (size_t i = first; i < c->threshold_count; i++)
			if ((int)c->thresholds[i].signal == signal)
				return err_set(err, ERR_INVALID, "eviction signal %.*s twice",
					STRF(json_key(item)));
		*t = (struct eviction_threshold){.signal = (enum eviction_signal)signal};
		int code = read_amount(item, &t->amount, err);
		if (code)
			return code;
		c->threshold_count++;
	}
	return 0;
}

static int read_graces(
	const struct cJSON *list, struct kubelet_configuration *c, size_t first, struct err *err)
{
	for (size_t i = first; i < c->threshold_count; i++) {
		struct eviction_threshold *t = &c->thresholds[i];
		const char *name = eviction_signal_name(t->signal);
		const struct cJSON *item = json_get(list, str_from(name));

		if (!item)
			return err_set(err, ERR_INVALID,
				"grace period must be specified for the soft eviction threshold %s",
				name);
		if (duration_parse(json_str(item), &t->grace, err))
			return err_wrap(err, ERR_INVALID, "evictionSoftGracePeriod: %s", name);
		if (t->grace < 0)
			return err_set(err, ERR_INVALID,
				"invalid eviction grace period specified: %s, must be a positive "
				"value",
				name);
	}
	return 0;
}

static int read_reclaims(const struct cJSON *list, struct kubelet_configuration *c, struct err *err)
{
	json_each (item, list) {
		int signal = find_signal(json_key(item));
		struct eviction_amount amount;

		if (signal < 0 && !is_derived(json_key(item)))
			return err_set(err, ERR_INVALID, "unsupported eviction signal %.*s",
				STRF(json_key(item)));
		int code = read_amount(item, &amount, err);
		if (code)
			return code;
		for (size_t i = 0; i < c->threshold_count; i++)
			if ((int)c->thresholds[i].signal == signal)
				c->thresholds[i].reclaim = amount;
	}
	return 0;
}

/* Whoever says one hard threshold says all of them, unless defaults are to be merged. */
static void set_hard_defaults(struct arena *a, struct cJSON *tree)
{
	bool merge = tree_true(tree, "mergeDefaultEvictionSettings");
	struct cJSON *hard = json_get(tree, STR("evictionHard"));

	if (hard && json_count(hard) && !merge)
		return;
	if (!json_is(hard, JSON_OBJECT)) {
		tree_set(a, tree, "evictionHard", json_new(a, JSON_OBJECT));
		hard = json_get(tree, STR("evictionHard"));
	}
	for (int i = 0; i < SIGNALS; i++)
		if (signals[i].hard && !json_get(hard, str_from(signals[i].name)))
			json_set(a, hard, str_from(signals[i].name),
				json_new_str(a, str_from(signals[i].hard)));
}

int configuration_read_eviction(
	struct arena *a, struct cJSON *tree, struct kubelet_configuration *c, struct err *err)
{
	int code;

	set_hard_defaults(a, tree);
	if ((code = add_thresholds(json_get(tree, STR("evictionHard")), c, err)))
		return code;
	size_t soft = c->threshold_count;
	if ((code = add_thresholds(json_get(tree, STR("evictionSoft")), c, err)) ||
		(code = read_graces(json_get(tree, STR("evictionSoftGracePeriod")), c, soft, err)))
		return code;
	return read_reclaims(json_get(tree, STR("evictionMinimumReclaim")), c, err);
}
