#include "metrics_private.h"

#include <kube/mem.h>

#define SERIES_MAX 5000

#define BOUNDS(...)                                                                                \
	{                                                                                          \
		(const double[]){__VA_ARGS__}, ARRAY_LEN(((const double[]){__VA_ARGS__}))          \
	}
const struct histogram_kind histogram_kinds[METRIC_HISTOGRAM_COUNT] = {
#define SERIES(id, ...)
#define HISTOGRAM(id, metric, text, ...) [METRIC_##id] = {metric, text, BOUNDS(__VA_ARGS__)},
#include "metrics.def"
#undef SERIES
#undef HISTOGRAM
};

struct metrics *metrics_new(struct api_server *s)
{
	struct metrics *m = mem_new(sizeof(*m));

	m->server = s;
	m->started = env_wall(s->env);
	m->reading = metrics_number(m, METRIC_INFLIGHT, STR("request_kind=\"readOnly\""));
	m->writing = metrics_number(m, METRIC_INFLIGHT, STR("request_kind=\"mutating\""));
	return m;
}

static void free_series(struct omap *map)
{
	omap_each (it, map)
		mem_free(it.value);
	omap_done(map);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < METRIC_SERIES_COUNT; i++)
		free_series(&m->series[i]);
	for (size_t i = 0; i < METRIC_HISTOGRAM_COUNT; i++)
		free_series(&m->histograms[i]);
	bucket_metrics_free(m);
	mem_free(m->known);
	mem_free(m);
}

int64_t metrics_started(const struct metrics *m)
{
	return m->started;
}

/* ---- numbers ---- */

static void *series(struct omap *map, struct str labels, size_t size)
{
	void *at = omap_get(map, labels);

	if (!at && map->count < SERIES_MAX) {
		at = mem_new(size);
		omap_set(map, labels, at);
	}
	return at;
}

int64_t *metrics_number(struct metrics *m, enum metric_series which, struct str labels)
{
	int64_t *number = series(&m->series[which], labels, sizeof(*number));

	return number ? number : &m->beyond;
}

void metrics_clear(struct metrics *m, enum metric_series which)
{
	free_series(&m->series[which]);
	omap_init(&m->series[which]);
}

void metrics_observe(
	struct metrics *m, enum metric_histogram which, struct str labels, double value)
{
	const struct metric_bounds *b = &histogram_kinds[which].bounds;
	struct histogram *h = series(&m->histograms[which], labels, histogram_size(b));

	if (h)
		histogram_observe(h, b, value);
}

struct histogram *metrics_histogram(
	struct metrics *m, enum metric_histogram which, struct str labels)
{
	return series(
		&m->histograms[which], labels, histogram_size(&histogram_kinds[which].bounds));
}

void metrics_observe_in(enum metric_histogram which, struct histogram *h, double value)
{
	if (h)
		histogram_observe(h, &histogram_kinds[which].bounds, value);
}
