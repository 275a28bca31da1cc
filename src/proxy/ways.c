#include "ways.h"
#include "compile_parts.h"

#define NOT_YET UINT32_MAX

enum table_set way_set(const struct way *w)
{
	bool here = w->class.kind == CLASS_HERE;
	enum table_set set = w->class.node_port ? (here ? SET_NODE_HERE4 : SET_NODE_PORTS4)
						: (here ? SET_HERE4 : SET_SERVICES4);

	return set + w->v6;
}

int way_cmp(const struct way *a, const struct way *b)
{
	int order = (int)way_set(a) - (int)way_set(b);

	if (!order)
		order = ip_cmp(&a->ip, &b->ip);
	if (!order)
		order = a->protocol - b->protocol;
	return order ? order : a->port - b->port;
}

int place_cmp(const struct place *a, const struct place *b)
{
	int order = ip_cmp(&a->ip, &b->ip);

	return order ? order : a->port - b->port;
}

/* ---- choices ---- */

static void keep_choices(const struct way *old, struct way *now)
{
	size_t was = 0;

	for (size_t i = 0; i < now->class.count; i++) {
		struct place *p = &now->places[i];

		p->nth = NOT_YET;
		while (old && was < old->class.count && place_cmp(&old->places[was], p) < 0)
			was++;
		if (old && was < old->class.count && !place_cmp(&old->places[was], p) &&
			old->places[was].nth < now->class.count)
			p->nth = old->places[was].nth;
	}
}

/* Who has none gets what is free; returns the places by their choice. */
static const struct place **give_choices(struct arena *a, const struct way *old, struct way *now)
{
	uint32_t free = 0;
	const struct place **by = arena_new(a, (now->class.count + 1) * sizeof(struct place *));

	keep_choices(old, now);
	for (size_t i = 0; i < now->class.count; i++)
		if (now->places[i].nth != NOT_YET)
			by[now->places[i].nth] = &now->places[i];
	for (size_t i = 0; i < now->class.count; i++) {
		if (now->places[i].nth != NOT_YET)
			continue;
		while (by[free])
			free++;
		now->places[i].nth = free;
		by[free] = &now->places[i];
	}
	return by;
}

static const struct place **by_choice(struct arena *a, const struct way *w)
{
	const struct place **by = arena_new(a, (w->class.count + 1) * sizeof(struct place *));

	for (size_t i = 0; i < w->class.count; i++)
		by[w->places[i].nth] = &w->places[i];
	return by;
}

/* ---- elements ---- */

static void change(struct nft_batch *b, enum nft_change_kind kind, enum table_set set,
	const struct nft_element *elements, size_t count)
{
	if (count)
		nft_batch_add(b, (struct nft_change){.kind = kind,
					 .set = &table_sets[set],
					 .elements = elements,
					 .element_count = count});
}

void difference_put(struct nft_batch *b, const struct difference *d)
{
	change(b, NFT_DELETE_ELEMENTS, d->set, d->gone, d->gone_count);
	change(b, NFT_ADD_ELEMENTS, d->set, d->come, d->come_count);
}

static struct nft_element at_way(const struct way *w)
{
	return (struct nft_element){.ip = w->ip, .protocol = w->protocol, .port = w->port};
}

static uint32_t choice(const struct way *w, const struct place *p)
{
	return (w->class.here ? CHOICES_HERE : CHOICES_OF_ALL) + p->nth;
}

static struct nft_element to_place(const struct way *w, const struct place *p)
{
	struct nft_element e = at_way(w);

	e.number = choice(w, p);
	e.other = p->ip;
	e.other_port = p->port;
	return e;
}

static struct nft_element to_number(const struct way *w, const struct place *p)
{
	struct nft_element e = at_way(w);

	e.number = choice(w, p);
	e.value = p->number;
	return e;
}

static struct nft_element to_value(const struct way *w, uint32_t value)
{
	struct nft_element e = at_way(w);

	e.value = value;
	return e;
}

static enum table_set places_set(const struct way *w)
{
	return (w->class.node_port ? SET_NODE_ENDPOINTS4 : SET_ENDPOINTS4) + w->v6;
}

static enum table_set memories_set(const struct way *w)
{
	return (w->class.node_port ? SET_NODE_MEMORIES4 : SET_MEMORIES4) + w->v6;
}

static enum table_set choices_set(const struct way *w)
{
	return (w->class.node_port ? SET_NODE_CHOICES4 : SET_CHOICES4) + w->v6;
}

/* ---- without affinity, a choice leads to a place; with it, to a number ---- */

static void change_choices(struct nft_batch *b, const struct way *old, const struct place **was_at,
	const struct way *now, const struct place **is_at)
{
	const struct way *either = now ? now : old;
	bool numbered = either->class.affinity;
	struct difference d = {.set = numbered ? choices_set(either) : places_set(either)};
	size_t count = MAX(old ? old->class.count : 0, now ? now->class.count : 0);

	for (size_t i = 0; i < count; i++) {
		const struct place *was = old && i < old->class.count ? was_at[i] : NULL,
				   *is = now && i < now->class.count ? is_at[i] : NULL;

		if (was && is && !place_cmp(was, is) && was->number == is->number)
			continue;
		if (was)
			*LIST_ADD(b->arena, d.gone, d.gone_count) =
				numbered ? to_number(old, was) : to_place(old, was);
		if (is)
			*LIST_ADD(b->arena, d.come, d.come_count) =
				numbered ? to_number(now, is) : to_place(now, is);
	}
	difference_put(b, &d);
}

/* That of CLASS_HERE is said where CLASS_SHORT is, at the same address. */
static uint32_t memory_number(const struct way *w)
{
	return w && w->class.affinity && w->class.kind != CLASS_HERE ? w->memory_number : 0;
}

static void change_value(struct nft_batch *b, enum table_set set, const struct way *old,
	uint32_t was, const struct way *now, uint32_t is)
{
	struct difference d = {.set = set};

	if (was == is)
		return;
	if (was)
		*LIST_ADD(b->arena, d.gone, d.gone_count) = to_value(old, was);
	if (is)
		*LIST_ADD(b->arena, d.come, d.come_count) = to_value(now, is);
	difference_put(b, &d);
}

void way_change(struct nft_batch *b, const struct way *old, struct way *now)
{
	const struct way *either = now ? now : old;
	bool same_form = old && now && !old->class.affinity == !now->class.affinity &&
			 old->class.here == now->class.here;
	const struct place **was_at = old ? by_choice(b->arena, old) : NULL,
			   **is_at =
				   now ? give_choices(b->arena, same_form ? old : NULL, now) : NULL;

	change_value(b, way_set(either), old, old ? old->number : 0, now, now ? now->number : 0);
	change_value(b, memories_set(either), old, memory_number(old), now, memory_number(now));
	if (same_form) {
		change_choices(b, old, was_at, now, is_at);
		return;
	}
	if (old)
		change_choices(b, old, was_at, NULL, NULL);
	if (now)
		change_choices(b, NULL, NULL, now, is_at);
}
