#include <kube/hash.h>
#include <kube/map.h>
#include <kube/mem.h>
#include <kube/time.h>

#include "internal.h"
#include "sim_world.h"

/* The world begins on 2026-01-01, at a monotonic time that is not zero. */
#define SIM_EPOCH 1767225600
#define SIM_START (1000 * SEC)
/* A lost segment is sent again after this long, then after twice as long, and so on. */
#define SIM_RESEND (200 * MSEC)

struct sim_parting {
	struct link in_host;
	struct sim_host *other;
};

/* ---- the world ---- */

static int64_t work_delay(void *ctx)
{
	struct sim *sim = ctx;

	return (int64_t)rng_below(&sim->rng, (uint64_t)(2 * MSEC));
}

struct sim *sim_new(uint64_t seed)
{
	struct sim *sim = mem_new(sizeof(*sim));

	sim->loop = loop_new_virtual(SIM_START);
	sim->loop->work_delay = work_delay;
	sim->loop->work_delay_ctx = sim;
	rng_init(&sim->rng, seed);
	map_fix_seeds(seed); /* or maps would be walked in another order each run */
	sim->faults = (struct sim_faults){.delay_min = 50 * USEC, .delay_max = 500 * USEC};
	list_init(&sim->hosts);
	return sim;
}

static void forget_partings(struct sim_host *h)
{
	for (struct link *k; (k = list_pop(&h->parted));)
		mem_free(LIST_ENTRY(k, struct sim_parting, in_host));
}

void sim_free(struct sim *sim)
{
	if (!sim)
		return;
	for (struct link *k; (k = list_pop(&sim->hosts));) {
		struct sim_host *h = LIST_ENTRY(k, struct sim_host, in_sim);
		assert(list_empty(&h->listeners) && list_empty(&h->ends));
		forget_partings(h);
		sim_disk_done(&h->disk);
		mem_free(h->name);
		mem_free(h);
	}
	loop_free(sim->loop);
	mem_free(sim);
}

struct loop *sim_loop(struct sim *sim)
{
	return sim->loop;
}

struct rng *sim_rng(struct sim *sim)
{
	return &sim->rng;
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults)
{
	assert(faults->delay_min >= 0 && faults->delay_max >= faults->delay_min);
	sim->faults = *faults;
}

bool sim_chance(struct sim *sim, double chance)
{
	return chance > 0 && rng_unit(&sim->rng) < chance;
}

int64_t sim_delay(struct sim *sim)
{
	const struct sim_faults *f = &sim->faults;
	uint64_t spread = (uint64_t)(f->delay_max - f->delay_min) + 1;
	int64_t delay = f->delay_min + (int64_t)rng_below(&sim->rng, spread);

	/* Even with every segment lost one gets through in the end: that is what TCP promises. */
	for (int64_t again = SIM_RESEND; again < MINUTE && sim_chance(sim, f->loss); again *= 2)
		delay += again;
	return delay;
}

void sim_note(struct sim *sim, const char *what, uint64_t a, uint64_t b)
{
	uint64_t words[3] = {(uint64_t)sim->loop->now, a, b};
	uint64_t seed = hash_bytes(sim->trace, str_from(what));

	sim->trace = hash_bytes(seed, str_make((const char *)words, sizeof(words)));
}

uint64_t sim_trace(const struct sim *sim)
{
	return sim->trace;
}

/* ---- hosts ---- */

static int64_t host_wall(struct env *env)
{
	struct sim_host *h = sim_host_of(env);

	return SIM_EPOCH * SEC + h->sim->loop->now - SIM_START + h->wall_offset;
}

static void host_random(struct env *env, void *at, size_t len)
{
	rng_fill(&sim_host_of(env)->sim->rng, at, len);
}

struct env *sim_host(struct sim *sim, const char *name, struct ip ip)
{
	struct sim_host *h = mem_new(sizeof(*h));

	assert(!sim_find_host(sim, &ip));
	h->sim = sim;
	h->name = mem_copy_text(name);
	h->ip = ip;
	h->next_port = 40000;
	list_init(&h->listeners);
	list_init(&h->ends);
	list_init(&h->parted);
	sim_disk_init(&h->disk, sim);
	h->env = (struct env){
		.loop = sim->loop,
		.wall = host_wall,
		.random = host_random,
		.transport = &sim_transport,
		.disk = &h->disk.base,
		.host = h->name,
	};
	list_push(&sim->hosts, &h->in_sim);
	return &h->env;
}

struct sim_host *sim_find_host(struct sim *sim, const struct ip *ip)
{
	list_each (k, &sim->hosts) {
		struct sim_host *h = LIST_ENTRY(k, struct sim_host, in_sim);
		if (ip_eq(&h->ip, ip))
			return h;
	}
	return NULL;
}

/* ---- what befalls them ---- */

static struct sim_parting *find_parting(const struct sim_host *a, const struct sim_host *b)
{
	list_each (k, &a->parted) {
		struct sim_parting *p = LIST_ENTRY(k, struct sim_parting, in_host);
		if (p->other == b)
			return p;
	}
	return NULL;
}

bool sim_is_parted(const struct sim_host *a, const struct sim_host *b)
{
	return find_parting(a, b) != NULL;
}

static void set_parting(struct sim_host *a, struct sim_host *b, bool parted)
{
	struct sim_parting *p = find_parting(a, b);

	if (parted && !p) {
		p = mem_new(sizeof(*p));
		p->other = b;
		list_push(&a->parted, &p->in_host);
	} else if (!parted && p) {
		link_remove(&p->in_host);
		mem_free(p);
	}
}

void sim_part(struct sim *sim, struct env *a, struct env *b, bool parted)
{
	sim_note(sim, parted ? "part" : "heal", 0, 0);
	set_parting(sim_host_of(a), sim_host_of(b), parted);
	set_parting(sim_host_of(b), sim_host_of(a), parted);
}

void sim_jump_clock(struct env *host, int64_t ns)
{
	sim_host_of(host)->wall_offset += ns;
}

void sim_crash(struct env *host)
{
	struct sim_host *h = sim_host_of(host);

	sim_note(h->sim, "crash", 0, 0);
	sim_break_streams(h);
	sim_disk_crash(&h->disk);
}

void sim_disk_fail(struct env *host, uint64_t k, int code)
{
	sim_host_of(host)->disk.fail_in = k;
	sim_host_of(host)->disk.fail_code = code;
}

void sim_disk_cut(struct env *host, uint64_t k)
{
	sim_host_of(host)->disk.cut_in = k;
}

void sim_disk_limit(struct env *host, int64_t bytes)
{
	sim_host_of(host)->disk.limit = bytes;
}
