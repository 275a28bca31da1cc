/* What the levels have, need and lend, as Prometheus reads it. */
#include "fair_private.h"

#include <kube/metric.h>

static double nominal(const struct fair_level *l)
{
	return (double)l->nominal;
}

static double least(const struct fair_level *l)
{
	return (double)l->least;
}

static double most(const struct fair_level *l)
{
	return (double)l->most;
}

static double current(const struct fair_level *l)
{
	return (double)l->current;
}

static double needed_most(const struct fair_level *l)
{
	return l->needs.most;
}

static double needed_average(const struct fair_level *l)
{
	return l->needs.average;
}

static double needed_deviation(const struct fair_level *l)
{
	return l->needs.deviation;
}

static double needed_smooth(const struct fair_level *l)
{
	return l->needs.smooth;
}

static double target(const struct fair_level *l)
{
	return l->target;
}

static double progress(const struct fair_level *l)
{
	return (double)l->queues.progress / 1e8;
}

static const struct {
	const char *name, *help;
	double (*of)(const struct fair_level *l);
} gauges[] = {
	{"nominal_limit_seats", "Seats that a level is given by its shares.", nominal},
	{"lower_limit_seats", "Seats that it never lends.", least},
	{"upper_limit_seats", "Seats that it has at most, with borrowed ones.", most},
	{"current_limit_seats", "Seats that it has now.", current},
	{"demand_seats_high_watermark", "The most seats asked for, in the last period.",
		needed_most},
	{"demand_seats_average", "Seats asked for, on average of the last period.", needed_average},
	{"demand_seats_stdev", "How much that varied.", needed_deviation},
	{"demand_seats_smoothed", "Seats asked for, slowly forgotten.", needed_smooth},
	{"target_seats", "Seats that it should have.", target},
	{"current_r", "How far a queue has come that is always served.", progress},
};

void fair_print_metrics(struct fair *f, struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(gauges); i++) {
		buf_print(out, "# HELP apiserver_flowcontrol_%s %s\n", gauges[i].name,
			gauges[i].help);
		buf_print(out, "# TYPE apiserver_flowcontrol_%s gauge\n", gauges[i].name);
		list_each (at, &f->levels) {
			const struct fair_level *l = LIST_ENTRY(at, struct fair_level, in_all);

			buf_print(out, "apiserver_flowcontrol_%s{priority_level=\"%s\"} %.9g\n",
				gauges[i].name, l->name, gauges[i].of(l));
		}
	}
	metric_head(out, "apiserver_flowcontrol_seat_fair_frac", "gauge",
		"Part of its target that each level has.");
	metric_print(out, "apiserver_flowcontrol_seat_fair_frac", STR(""), f->proportion);
}
