/*
 * sim: a small world on virtual time. Hosts with names and addresses, each an env of its own
 * (wall clock that can jump, disk that can lose what was not synced, transport that delays,
 * drops and parts), all decided by one seed: the same seed gives the same run.
 */
#ifndef KUBE_SIM_H
#define KUBE_SIM_H

#include <kube/env.h>
#include <kube/random.h>

struct sim;

struct sim_faults {
	int64_t delay_min, delay_max; /* of each segment */
	double loss;       /* a lost segment is sent again after a time-out: more delay */
	double reset;      /* chance per segment that the connection breaks */
	double refuse;     /* chance that a connect is refused */
	double split;      /* chance that a segment arrives in pieces */
	double disk_error; /* chance that a disk call fails with ERR_IO */
	double torn; /* chance that a sector is on the disk after a crash though never synced */
};

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *sim); /* the root scope must be empty */
struct loop *sim_loop(struct sim *sim);
struct rng *sim_rng(struct sim *sim);
void sim_set_faults(struct sim *sim, const struct sim_faults *faults);

struct env *sim_host(struct sim *sim, const char *name, struct ip ip);
void sim_part(struct sim *sim, struct env *a, struct env *b, bool parted); /* both directions */
void sim_jump_clock(struct env *host, int64_t ns); /* wall clock only, either way */
/* Power cut: every stream of the host breaks, its disk falls back to what was synced. */
void sim_crash(struct env *host);
/* The disk fails its k-th call from now with the code (0: off). */
void sim_disk_fail(struct env *host, uint64_t k, int code);
/*
 * The power goes in the disk's k-th call from now (0: it stays): the disk falls back as in a
 * crash, and every call fails until sim_crash, which then finds it as it was left.
 */
void sim_disk_cut(struct env *host, uint64_t k);
/* How much all its files may hold together; -1: as much as one likes. */
void sim_disk_limit(struct env *host, int64_t bytes);

/* A hash of everything that happened, in order: equal for equal seeds. */
uint64_t sim_trace(const struct sim *sim);

#endif
