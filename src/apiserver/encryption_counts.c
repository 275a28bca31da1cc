#include "encryption_counts.h"

#include <kube/mem.h>
#include <kube/metric.h>
#include <kube/time.h>

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define BOUNDS    25 /* from 5 µs on, each twice the one before */
#define FIRST     5e-6
#define NAME_SIZE 320

struct count {
	struct count *next; /* written before others can see it, as what names it */
	bool to_storage, good;
	char resource[NAME_SIZE], prefix[NAME_SIZE];
	_Atomic(uint64_t) places[BOUNDS + 1]; /* behind that bound and no other; the last: none */
	_Atomic(uint64_t) spent;              /* ns */
};

struct encryption_counts {
	_Atomic(struct count *) first;
};

struct encryption_counts *encryption_counts_new(void)
{
	return mem_new(sizeof(struct encryption_counts));
}

void encryption_counts_free(struct encryption_counts *c)
{
	struct count *next;

	if (!c)
		return;
	for (struct count *n = atomic_load(&c->first); n; n = next) {
		next = n->next;
		mem_free(n);
	}
	mem_free(c);
}

/* ---- counting ---- */

/* "secrets", "things.e.io" */
static void name_resource(char *name, struct str bucket)
{
	struct str path = str_skip(bucket, sizeof("/registry/") - 1), group, plural;

	path = str_sub(path, 0, path.len - (path.len > 0));
	if (str_cut(path, '/', &group, &plural))
		snprintf(name, NAME_SIZE, "%.*s.%.*s", STRF(plural), STRF(group));
	else
		snprintf(name, NAME_SIZE, "%.*s", STRF(path));
}

/* The provider's, without the key's name. */
static void name_provider(char *name, struct str prefix)
{
	size_t colons = 0, end = 0;

	while (end < prefix.len && colons < 4)
		colons += prefix.at[end++] == ':';
	snprintf(name, NAME_SIZE, "%.*s", (int)end, prefix.at);
	if (!prefix.len)
		snprintf(name, NAME_SIZE, "identity");
}

static struct count *count_of(struct encryption_counts *c, const struct count *named)
{
	struct count *n = atomic_load_explicit(&c->first, memory_order_relaxed);

	for (; n; n = n->next)
		if (n->to_storage == named->to_storage && n->good == named->good &&
			!strcmp(n->resource, named->resource) && !strcmp(n->prefix, named->prefix))
			return n;
	n = mem_new(sizeof(*n));
	n->to_storage = named->to_storage;
	n->good = named->good;
	memcpy(n->resource, named->resource, sizeof(n->resource));
	memcpy(n->prefix, named->prefix, sizeof(n->prefix));
	n->next = atomic_load_explicit(&c->first, memory_order_relaxed);
	atomic_store_explicit(&c->first, n, memory_order_release);
	return n;
}

void encryption_counts_note(struct encryption_counts *c, bool to_storage, struct str bucket,
	struct str prefix, bool good, int64_t began)
{
	struct count named = {.to_storage = to_storage, .good = good}, *n;
	int64_t spent = MAX(0, clock_mono() - began);
	double bound = FIRST * (double)SEC;
	size_t place = 0;

	name_resource(named.resource, bucket);
	name_provider(named.prefix, prefix);
	n = count_of(c, &named);
	for (; place < BOUNDS && (double)spent > bound; bound *= 2)
		place++;
	atomic_fetch_add_explicit(&n->places[place], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&n->spent, (uint64_t)spent, memory_order_relaxed);
}

/* ---- telling ---- */

static uint64_t all_of(const struct count *n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i <= BOUNDS; i++)
		sum += atomic_load_explicit(&n->places[i], memory_order_relaxed);
	return sum;
}

static void print_operations(const struct count *first, struct buf *out)
{
	static const char name[] = "apiserver_storage_transformation_operations_total";

	metric_head(out, name, "counter", "Texts sealed and opened, by what came of it.");
	for (const struct count *n = first; n; n = n->next)
		buf_print(out,
			"%s{resource=\"%s\",status=\"%s\",transformation_type=\"%s\","
			"transformer_prefix=\"%s\"} %llu\n",
			name, n->resource, n->good ? "OK" : "unknown-non-grpc",
			n->to_storage ? "to_storage" : "from_storage", n->prefix,
			(unsigned long long)all_of(n));
}

/* Those of one direction and provider, from the first of them on, are one distribution. */
static bool is_same(const struct count *a, const struct count *b)
{
	return a->good && b->good && a->to_storage == b->to_storage &&
	       !strcmp(a->prefix, b->prefix);
}

static bool is_told(const struct count *first, const struct count *n)
{
	while (first != n && !is_same(first, n))
		first = first->next;
	return first != n;
}

static void print_duration(
	const struct count *n, const struct metric_bounds *b, struct buf *out, const char *name)
{
	_cleanup_(buf_done) struct buf labels = BUF_INIT(KIB);
	union {
		struct histogram h;
		uint64_t room[sizeof(struct histogram) / sizeof(uint64_t) + BOUNDS];
	} whole = {0};

	buf_print(&labels, "transformation_type=\"%s\",transformer_prefix=\"%s\"",
		n->to_storage ? "to_storage" : "from_storage", n->prefix);
	for (const struct count *one = n; one; one = one->next) {
		uint64_t sum = 0;

		if (!is_same(n, one))
			continue;
		for (size_t i = 0; i < BOUNDS; i++) {
			sum += atomic_load_explicit(&one->places[i], memory_order_relaxed);
			whole.h.below[i] += sum;
		}
		whole.h.count += all_of(one);
		whole.h.sum += (double)atomic_load_explicit(&one->spent, memory_order_relaxed) /
			       (double)SEC;
	}
	metric_print_histogram(out, name, buf_str(&labels), b, &whole.h);
}

void encryption_counts_print(struct encryption_counts *c, struct buf *out)
{
	static const char name[] = "apiserver_storage_transformation_duration_seconds";
	const struct count *first = atomic_load_explicit(&c->first, memory_order_acquire);
	double bounds[BOUNDS];
	struct metric_bounds b = {bounds, BOUNDS};

	bounds[0] = FIRST;
	for (size_t i = 1; i < BOUNDS; i++)
		bounds[i] = 2 * bounds[i - 1];
	print_operations(first, out);
	metric_head(out, name, "histogram", "Time that sealing and opening a text took.");
	for (const struct count *n = first; n; n = n->next)
		if (n->good && !is_told(first, n))
			print_duration(n, &b, out, name);
}
