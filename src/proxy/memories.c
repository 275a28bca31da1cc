#include "memories.h"
#include "compile_parts.h"
#include "installed.h"

#include <kube/hash.h>

#define NUMBERS      ((NFT_NUMBER_BITS >> MEMORY_PLACE_BITS) + 1) /* of memories, of a family */
#define NOT_YET      UINT32_MAX
#define NUMBER_OF(n) (NFT_NUMBER | (n) << MEMORY_PLACE_BITS)

void memories_init(struct memories *m)
{
	map_init(&m->taken);
}

void memories_done(struct memories *m)
{
	map_done(&m->taken);
}

/* ---- which is which ---- */

static bool same_memory(const struct memory *a, const struct memory *b)
{
	return a->v6 == b->v6 && a->protocol == b->protocol && str_eq(a->port_name, b->port_name);
}

/* Mostly they stand where they stood. */
static const struct memory *find_memory(
	const struct installed *i, const struct memory *like, size_t at)
{
	if (!i)
		return NULL;
	if (at < i->memory_count && same_memory(&i->memories[at], like))
		return &i->memories[at];
	for (size_t n = 0; n < i->memory_count; n++)
		if (same_memory(&i->memories[n], like))
			return &i->memories[n];
	return NULL;
}

/* ---- numbers of memories ---- */

struct taken_key {
	uint32_t number, v6;
};

static struct str taken_key(const struct taken_key *k)
{
	return str_make((const char *)k, sizeof(*k));
}

/* By its name, so that the same services always make the same table. */
static bool take_number(struct memories *m, struct str key, struct memory *memory)
{
	uint64_t h = hash_bytes(hash_bytes(memory->protocol, key), memory->port_name);

	for (uint32_t tries = 0; tries < NUMBERS; tries++, h++) {
		struct taken_key k = {NUMBER_OF((uint32_t)h & (NUMBERS - 1)), memory->v6};

		if (map_has(&m->taken, taken_key(&k)))
			continue;
		map_set(&m->taken, taken_key(&k), m);
		memory->number = k.number;
		return true;
	}
	return false;
}

void memories_release(struct memories *m, const struct installed *old, const struct installed *now)
{
	for (size_t n = 0; old && n < old->memory_count; n++) {
		const struct memory *was = &old->memories[n];
		struct taken_key k = {was->number, was->v6};

		if (!find_memory(now, was, n))
			map_remove(&m->taken, taken_key(&k));
	}
}

/* ---- numbers of endpoints ---- */

#define WORD_BITS 64
struct taken_places {
	uint64_t words[MEMORY_PLACES / WORD_BITS];
};

static bool take_place(struct taken_places *t, uint32_t n)
{
	uint64_t bit = 1ull << n % WORD_BITS, *word = &t->words[n / WORD_BITS];
	bool free = !(*word & bit);

	*word |= bit;
	return free;
}

static void keep_places(const struct memory *was, struct memory *is, struct taken_places *taken)
{
	size_t at = 0;

	for (size_t i = 0; i < is->count; i++) {
		struct place *p = &is->places[i];

		p->number = NOT_YET;
		while (was && at < was->count && place_cmp(&was->places[at], p) < 0)
			at++;
		if (!was || at == was->count || place_cmp(&was->places[at], p))
			continue;
		p->number = was->places[at].number;
		take_place(taken, p->number & (MEMORY_PLACES - 1));
	}
}

/* Who goes and comes back has the same number again, where nobody else has got it meanwhile. */
static void number_places(const struct memory *was, struct memory *is)
{
	struct taken_places taken = {0};

	keep_places(was, is, &taken);
	for (size_t i = 0; i < is->count; i++) {
		struct place *p = &is->places[i];
		uint64_t h = hash_bytes(p->port, str_make((char *)p->ip.bytes, p->ip.len));

		if (p->number != NOT_YET)
			continue;
		while (!take_place(&taken, h & (MEMORY_PLACES - 1)))
			h++;
		p->number = is->number | (h & (MEMORY_PLACES - 1));
	}
}

static void tell_ways(struct compiled *fresh, size_t memory)
{
	const struct memory *m = &fresh->memories[memory];

	for (size_t n = 0; n < fresh->way_count; n++) {
		struct way *w = &fresh->ways[n];

		if (!w->class.affinity || w->memory != memory)
			continue;
		w->memory_number = m->number;
		if (!m->number)
			w->class.affinity = 0;
		for (size_t i = 0, at = 0; i < w->class.count && m->number; i++) {
			while (place_cmp(&m->places[at], &w->places[i]))
				at++;
			w->places[i].number = m->places[at].number;
		}
	}
}

void memories_number(
	struct memories *m, struct str key, const struct installed *old, struct compiled *fresh)
{
	for (size_t n = 0; n < fresh->memory_count; n++) {
		struct memory *is = &fresh->memories[n];
		const struct memory *was = find_memory(old, is, n);

		if (was)
			is->number = was->number;
		if (is->number || take_number(m, key, is))
			number_places(was, is);
		tell_ways(fresh, n);
	}
}

/* ---- elements ---- */

static struct nft_element to_place(const struct memory *m, const struct place *p)
{
	return (struct nft_element){.protocol = m->protocol,
		.number = p->number,
		.other = p->ip,
		.other_port = p->port};
}

static bool offers(const struct memory *m, const struct place *p, bool here)
{
	return m->number && (here ? p->here : p->all);
}

/* Either may be NULL. */
static void change_memory(
	struct nft_batch *b, const struct memory *old, const struct memory *now, bool here)
{
	struct difference d = {
		.set = (here ? SET_HERE_REMEMBERED4 : SET_REMEMBERED4) + (now ? now : old)->v6};
	size_t was = 0, is = 0, was_count = old ? old->count : 0, is_count = now ? now->count : 0;

	while (was < was_count || is < is_count) {
		const struct place *o = was < was_count ? &old->places[was] : NULL,
				   *n = is < is_count ? &now->places[is] : NULL;
		int order = !o ? 1 : !n ? -1 : place_cmp(o, n);

		was += order <= 0;
		is += order >= 0;
		bool goes = order <= 0 && offers(old, o, here),
		     comes = order >= 0 && offers(now, n, here);
		if (goes && comes && o->number == n->number)
			continue;
		if (goes)
			*LIST_ADD(b->arena, d.gone, d.gone_count) = to_place(old, o);
		if (comes)
			*LIST_ADD(b->arena, d.come, d.come_count) = to_place(now, n);
	}
	difference_put(b, &d);
}

void memories_change(struct nft_batch *b, const struct installed *old, const struct installed *now)
{
	for (int here = 0; here < 2; here++) {
		for (size_t n = 0; old && n < old->memory_count; n++)
			if (!find_memory(now, &old->memories[n], n))
				change_memory(b, &old->memories[n], NULL, here);
		for (size_t n = 0; now && n < now->memory_count; n++)
			change_memory(
				b, find_memory(old, &now->memories[n], n), &now->memories[n], here);
	}
}
