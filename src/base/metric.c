#include <kube/metric.h>

#include "go_text.h"

size_t histogram_size(const struct metric_bounds *b)
{
	return sizeof(struct histogram) + b->count * sizeof(uint64_t);
}

void histogram_observe(struct histogram *h, const struct metric_bounds *b, double value)
{
	for (size_t i = 0; i < b->count; i++)
		h->below[i] += value <= b->at[i];
	h->count++;
	h->sum += value;
}

void metric_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_print(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_name(struct buf *out, const char *name, const char *suffix, struct str labels)
{
	if (labels.len)
		buf_print(out, "%s%s{%.*s} ", name, suffix, STRF(labels));
	else
		buf_print(out, "%s%s ", name, suffix);
}

void metric_print_number(struct buf *out, double value)
{
	go_print_float(out, value, 64);
}

void metric_print(struct buf *out, const char *name, struct str labels, double value)
{
	print_name(out, name, "", labels);
	metric_print_number(out, value);
	buf_add_char(out, '\n');
}

void metric_print_histogram(struct buf *out, const char *name, struct str labels,
	const struct metric_bounds *b, const struct histogram *h)
{
	const char *comma = labels.len ? "," : "";

	for (size_t i = 0; i < b->count; i++)
		buf_print(out, "%s_bucket{%.*s%sle=\"%g\"} %llu\n", name, STRF(labels), comma,
			b->at[i], (unsigned long long)h->below[i]);
	buf_print(out, "%s_bucket{%.*s%sle=\"+Inf\"} %llu\n", name, STRF(labels), comma,
		(unsigned long long)h->count);
	print_name(out, name, "_sum", labels);
	metric_print_number(out, h->sum);
	buf_add_char(out, '\n');
	print_name(out, name, "_count", labels);
	buf_print(out, "%llu\n", (unsigned long long)h->count);
}
