#include "pod_preemption.h"
#include "eviction.h"

#include <kube/api_codec.h>
#include <kube/pods.h>
#include <kube/quantity.h>

enum class { BEST_EFFORT, BURSTABLE, GUARANTEED, CLASSES };

/* What is still missing once some have gone. */
struct shortages {
	struct pod_shortage *items;
	size_t count;
};

struct members {
	const struct cJSON **pods;
	size_t count;
};

int64_t pod_asks(const struct cJSON *pod, struct str resource)
{
	struct quantity q = {0};
	struct arena a;

	if (str_eq(resource, STR("pods")))
		return 1;
	arena_init(&a);
	const struct cJSON *sum = pod_sum(&a, json_get(pod, STR("spec")), "resources.requests");
	if (quantity_parse(json_str(json_get(sum, resource)), &q, NULL))
		q = (struct quantity){0};
	arena_done(&a);
	return str_eq(resource, STR("cpu")) ? quantity_milli(q) : quantity_value(q);
}

/* ---- shortages ---- */

static struct shortages less(
	struct arena *a, const struct shortages *from, const struct members *gone)
{
	struct shortages left = {.items = arena_alloc(a, (from->count + 1) * sizeof(*left.items))};

	for (size_t i = 0; i < from->count; i++) {
		struct pod_shortage one = from->items[i];

		for (size_t k = 0; k < gone->count && one.amount > 0; k++)
			one.amount -= pod_asks(gone->pods[k], one.name);
		if (one.amount > 0)
			left.items[left.count++] = one;
	}
	return left;
}

/* How far one's leaving stays behind what is missing: each resource weighs the same. */
static double distance(const struct shortages *s, const struct cJSON *pod)
{
	double sum = 0;

	for (size_t i = 0; i < s->count; i++) {
		double all = (double)s->items[i].amount;
		double left = all - (double)pod_asks(pod, s->items[i].name);

		if (left > 0)
			sum += left / all * (left / all);
	}
	return sum;
}

static struct str shown(struct arena *a, const struct shortages *s)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);

	buf_add_char(&text, '[');
	for (size_t i = 0; i < s->count; i++)
		buf_print(&text, "(res: %.*s, q: %lld), ", STRF(s->items[i].name),
			(long long)s->items[i].amount);
	buf_add_char(&text, ']');
	return arena_str(a, buf_str(&text));
}

/* ---- who may go ---- */

static bool may_take_from(const struct cJSON *preemptor, const struct cJSON *pod)
{
	if (!pod_is_critical(pod))
		return true;
	return tree_has(preemptor, "spec.priority") && tree_has(pod, "spec.priority") &&
	       tree_int(preemptor, "spec.priority", 0) > tree_int(pod, "spec.priority", 0);
}

static enum class class_of(const struct cJSON *pod) {
	const char *qos = pod_qos(json_get(pod, STR("spec")));

	return strcmp(qos, "BestEffort") == 0   ? BEST_EFFORT
	       : strcmp(qos, "Guaranteed") == 0 ? GUARANTEED
						: BURSTABLE;
}

static bool is_smaller(const struct cJSON *one, const struct cJSON *other)
{
	static const struct str order[] = {STR_INIT("memory"), STR_INIT("cpu")};

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		int64_t first = pod_asks(one, order[i]), second = pod_asks(other, order[i]);

		if (first != second)
			return first < second;
	}
	return true;
}

static size_t nearest(const struct members *from, const struct shortages *missing)
{
	double best = (double)missing->count + 1;
	size_t at = 0;

	for (size_t i = 0; i < from->count; i++) {
		double one = distance(missing, from->pods[i]);

		if (one < best || (!(one > best) && is_smaller(from->pods[i], from->pods[at]))) {
			best = one;
			at = i;
		}
	}
	return at;
}

static void add(struct members *to, const struct members *more)
{
	for (size_t i = 0; i < more->count; i++)
		to->pods[to->count++] = more->pods[i];
}

/* Moves from one to the other until nothing is missing: there are enough of them. */
static void take(
	struct arena *a, struct members *from, struct shortages missing, struct members *taken)
{
	while (missing.count && from->count) {
		size_t at = nearest(from, &missing);
		struct members one = {.pods = &from->pods[at], .count = 1};

		missing = less(a, &missing, &one);
		taken->pods[taken->count++] = from->pods[at];
		from->pods[at] = from->pods[--from->count];
	}
}

bool pod_victims_choose(struct arena *a, const struct cJSON *preemptor,
	const struct cJSON *const *others, size_t other_count, const struct pod_shortage *shortages,
	size_t shortage_count, struct pod_victims *victims, struct str *failure)
{
	const struct shortages all = {(struct pod_shortage *)(uintptr_t)shortages, shortage_count};
	struct members of[CLASSES], taken[CLASSES], staying = {0};

	for (int c = 0; c < CLASSES; c++) {
		of[c] = (struct members){
			.pods = arena_alloc(a, (other_count + 1) * sizeof(*of[c].pods))};
		taken[c] = (struct members){
			.pods = arena_alloc(a, (other_count + 1) * sizeof(*taken[c].pods))};
	}
	for (size_t i = 0; i < other_count; i++) {
		struct members *m = &of[class_of(others[i])];

		if (may_take_from(preemptor, others[i]))
			m->pods[m->count++] = others[i];
	}
	staying.pods = arena_alloc(a, (2 * other_count + 1) * sizeof(*staying.pods));
	for (int c = 0; c < CLASSES; c++)
		add(&staying, &of[c]);
	struct shortages unmet = less(a, &all, &staying);
	if (unmet.count) {
		*failure = arena_print(a, "no set of running pods found to reclaim resources: %.*s",
			STRF(shown(a, &unmet)));
		return false;
	}
	/* From the best class down: of it as many as would still be needed were all below gone. */
	for (int c = CLASSES - 1; c >= 0; c--) {
		staying.count = 0;
		for (int below = 0; below < c; below++)
			add(&staying, &of[below]);
		for (int above = c + 1; above < CLASSES; above++)
			add(&staying, &taken[above]);
		take(a, &of[c], less(a, &all, &staying), &taken[c]);
	}
	victims->pods = arena_alloc(a, (other_count + 1) * sizeof(*victims->pods));
	victims->count = 0;
	for (int c = 0; c < CLASSES; c++)
		for (size_t i = 0; i < taken[c].count; i++)
			victims->pods[victims->count++] = taken[c].pods[i];
	return true;
}
