/* Sums of resources. */
#include "amounts.h"

#include <kube/mem.h>

static struct scalar *find(const struct amounts *a, struct str name)
{
	for (uint32_t i = 0; i < a->scalar_count; i++)
		if (str_eq(a->scalars[i].name, name))
			return &a->scalars[i];
	return NULL;
}

int64_t sched_amounts_scalar(const struct amounts *a, struct str name)
{
	const struct scalar *s = find(a, name);

	return s ? s->value : 0;
}

static struct scalar *find_or_add(struct amounts *a, struct str name)
{
	struct scalar *s = find(a, name);

	if (s)
		return s;
	if (a->scalar_count == a->scalar_cap) {
		a->scalar_cap = a->scalar_cap ? 2 * a->scalar_cap : 4;
		a->scalars = mem_resize(a->scalars, a->scalar_cap * sizeof(*a->scalars));
	}
	s = &a->scalars[a->scalar_count++];
	*s = (struct scalar){.name = {str_dup(name), name.len}};
	return s;
}

/* Sums that no machine has must not wrap around. */
static int64_t sum(int64_t a, int64_t b)
{
	int64_t total;

	if (__builtin_add_overflow(a, b, &total))
		return b > 0 ? INT64_MAX : INT64_MIN;
	return total;
}

void sched_amounts_add(struct amounts *to, const struct amounts *what, int sign)
{
	to->cpu = sum(to->cpu, sign * what->cpu);
	to->memory = sum(to->memory, sign * what->memory);
	to->storage = sum(to->storage, sign * what->storage);
	for (uint32_t i = 0; i < what->scalar_count; i++) {
		struct scalar *s = find_or_add(to, what->scalars[i].name);

		s->value = sum(s->value, sign * what->scalars[i].value);
	}
}

void sched_amounts_raise(struct amounts *to, const struct amounts *what)
{
	to->cpu = MAX(to->cpu, what->cpu);
	to->memory = MAX(to->memory, what->memory);
	to->storage = MAX(to->storage, what->storage);
	for (uint32_t i = 0; i < what->scalar_count; i++) {
		struct scalar *s = find_or_add(to, what->scalars[i].name);

		s->value = MAX(s->value, what->scalars[i].value);
	}
}

void sched_amounts_set(struct amounts *to, struct str name, const struct quantity *q)
{
	if (str_eq_text(name, "cpu"))
		to->cpu = quantity_milli(*q);
	else if (str_eq_text(name, "memory"))
		to->memory = quantity_value(*q);
	else if (str_eq_text(name, "ephemeral-storage"))
		to->storage = quantity_value(*q);
	else
		find_or_add(to, name)->value = quantity_value(*q);
}

void sched_amounts_read(struct amounts *to, const struct cJSON *list)
{
	struct quantity q;

	json_each (item, list)
		if (!quantity_parse(json_str(item), &q, NULL))
			sched_amounts_set(to, json_key(item), &q);
}

struct amounts sched_amounts_keep(struct arena *a, const struct amounts *from)
{
	struct amounts kept = *from;

	kept.scalar_cap = 0;
	kept.scalars = arena_new(a, (from->scalar_count + 1) * sizeof(*kept.scalars));
	for (uint32_t i = 0; i < from->scalar_count; i++)
		kept.scalars[i] = (struct scalar){
			arena_str(a, from->scalars[i].name), from->scalars[i].value};
	return kept;
}

void sched_amounts_copy(struct amounts *to, const struct amounts *from)
{
	*to = (struct amounts){0};
	sched_amounts_add(to, from, 1);
}

void sched_amounts_done(struct amounts *a)
{
	for (uint32_t i = 0; i < a->scalar_count; i++)
		mem_free((char *)a->scalars[i].name.at);
	mem_free(a->scalars);
	*a = (struct amounts){0};
}
