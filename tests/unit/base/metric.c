/* Figures as text. */
#include "test.h"

#include <kube/mem.h>
#include <kube/metric.h>

static const double at[] = {0.5, 1, 2};
static const struct metric_bounds bounds = {at, 3};

TEST(a_value_is_in_every_bucket_that_it_is_below)
{
	struct histogram *h = mem_new(histogram_size(&bounds));
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);

	histogram_observe(h, &bounds, 1);
	histogram_observe(h, &bounds, 1.5);
	histogram_observe(h, &bounds, 7);
	metric_print_histogram(&out, "took_seconds", STR("verb=\"GET\""), &bounds, h);
	EXPECT_STR(buf_str(&out), "took_seconds_bucket{verb=\"GET\",le=\"0.5\"} 0\n"
				  "took_seconds_bucket{verb=\"GET\",le=\"1\"} 1\n"
				  "took_seconds_bucket{verb=\"GET\",le=\"2\"} 2\n"
				  "took_seconds_bucket{verb=\"GET\",le=\"+Inf\"} 3\n"
				  "took_seconds_sum{verb=\"GET\"} 9.5\n"
				  "took_seconds_count{verb=\"GET\"} 3\n");
	mem_free(h);
}

TEST(without_labels_there_are_no_braces)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);
	struct histogram *h = mem_new(histogram_size(&bounds));

	metric_head(&out, "up", "gauge", "Whether it is.");
	metric_print(&out, "up", STR(""), 1);
	metric_print_histogram(&out, "t", STR(""), &bounds, h);
	EXPECT_STR(buf_str(&out), "# HELP up Whether it is.\n# TYPE up gauge\nup 1\n"
				  "t_bucket{le=\"0.5\"} 0\nt_bucket{le=\"1\"} 0\n"
				  "t_bucket{le=\"2\"} 0\nt_bucket{le=\"+Inf\"} 0\n"
				  "t_sum 0\nt_count 0\n");
	mem_free(h);
}

TEST(numbers_have_the_fewest_digits_that_say_them)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);

	metric_print(&out, "a", STR(""), 0.006237992);
	metric_print(&out, "b", STR(""), 123456);
	metric_print(&out, "c", STR(""), 17825792);
	metric_print(&out, "d", STR(""), 1700000000.25);
	EXPECT_STR(
		buf_str(&out), "a 0.006237992\nb 123456\nc 1.7825792e+07\nd 1.70000000025e+09\n");
}
