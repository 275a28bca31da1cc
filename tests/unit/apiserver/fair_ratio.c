/* For how long a ratio was how large. */
#include "test.h"

#include "apiserver/fair_ratio.c"

static const double at[] = {0, 0.5, 1};
static const struct metric_bounds bounds = {at, ARRAY_LEN(at)};

TEST(each_nanosecond_is_an_observation)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);
	struct fair_ratio r = {.since = 1000};

	fair_ratio_set(&r, &bounds, 0.5, 1010);
	fair_ratio_set(&r, &bounds, 2, 1030);
	fair_ratio_set(&r, &bounds, 0.7, 1130);
	fair_ratio_print(&r, &bounds, 1135, &out, "m", STR("a=\"b\""));
	EXPECT_STR(buf_str(&out),
		"m_bucket{a=\"b\",le=\"0\"} 10\nm_bucket{a=\"b\",le=\"0.5\"} 30\n"
		"m_bucket{a=\"b\",le=\"1\"} 35\nm_bucket{a=\"b\",le=\"+Inf\"} 135\n"
		"m_sum{a=\"b\"} 213.5\nm_count{a=\"b\"} 135\n");
}

TEST(what_is_shown_twice_is_counted_once)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(KIB);
	struct fair_ratio r = {0};

	fair_ratio_set(&r, &bounds, 1, 0);
	fair_ratio_print(&r, &bounds, 5, &out, "m", STR(""));
	buf_clear(&out);
	fair_ratio_print(&r, &bounds, 5, &out, "m", STR(""));
	EXPECT(str_find(buf_str(&out), STR("m_count 5\n")) >= 0);
}
