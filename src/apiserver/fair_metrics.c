/* What the levels have, need and lend, as Prometheus reads it. */
#include "fair_private.h"

#include <kube/metric.h>

/* ---- ratios, and for how long they were so ---- */

#define BOUNDS(...)                                                                                \
	{                                                                                          \
		(const double[]){__VA_ARGS__}, ARRAY_LEN(((const double[]){__VA_ARGS__}))          \
	}
static const struct metric_bounds of_seats = BOUNDS(0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9,
					  0.95, 0.99, 1),
				  of_requests = BOUNDS(
					  0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75, 1),
				  of_demand = BOUNDS(
					  0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.7, 2, 2.8, 4, 6);

/* A level that lends all it has is held against a tenth of the server. */
static double seats_of(const struct fair *f, const struct fair_level *l)
{
	return l->current > 0 ? (double)l->current : MAX(1.0, (double)f->seats / 10);
}

void fair_level_observe(struct fair *f, struct fair_level *l)
{
	const struct fair_queues *q = &l->queues;
	int64_t now = loop_now(f->server->env->loop);
	double seats = seats_of(f, l), room = (double)(q->shape.queues * q->shape.length);

	fair_ratio_set(&l->seats_taken, &of_seats, (double)q->seats / seats, now);
	fair_ratio_set(&l->executing, &of_requests, (double)q->executing / seats, now);
	fair_ratio_set(&l->waiting, &of_requests, (double)q->waiting / MAX(1.0, room), now);
	fair_ratio_set(
		&l->demanded, &of_demand, (double)(q->seats + q->waiting_seats) / seats, now);
}

static const struct {
	const char *name, *help, *phase;
	size_t place; /* in struct fair_level */
	const struct metric_bounds *bounds;
} ratios[] = {
	{"apiserver_flowcontrol_priority_level_seat_utilization",
		"For how many nanoseconds which part of a level's seats was taken.",
		"phase=\"executing\",", offsetof(struct fair_level, seats_taken), &of_seats},
	{"apiserver_flowcontrol_priority_level_request_utilization",
		"For how many nanoseconds requests of a level took how much of its seats and "
		"queues.",
		"phase=\"executing\",", offsetof(struct fair_level, executing), &of_requests},
	{"apiserver_flowcontrol_priority_level_request_utilization", NULL, "phase=\"waiting\",",
		offsetof(struct fair_level, waiting), &of_requests},
	{"apiserver_flowcontrol_demand_seats",
		"For how many nanoseconds a level could have used how much of the seats it had.",
		"", offsetof(struct fair_level, demanded), &of_demand},
};

static void print_ratios(struct fair *f, struct buf *out)
{
	int64_t now = loop_now(f->server->env->loop);

	for (size_t i = 0; i < ARRAY_LEN(ratios); i++) {
		if (ratios[i].help) /* or it goes on */
			metric_head(out, ratios[i].name, "histogram", ratios[i].help);
		list_each (at, &f->levels) {
			struct fair_level *l = LIST_ENTRY(at, struct fair_level, in_all);
			_cleanup_(buf_done) struct buf labels = BUF_INIT(4 * KIB);

			buf_print(&labels, "%spriority_level=\"%s\"", ratios[i].phase, l->name);
			fair_ratio_print((struct fair_ratio *)((char *)l + ratios[i].place),
				ratios[i].bounds, now, out, ratios[i].name, buf_str(&labels));
		}
	}
}

/* ---- numbers ---- */

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
	print_ratios(f, out);
}
