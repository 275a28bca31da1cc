/* The simulator's inside: hosts, and what their transport and disk share with the world. */
#ifndef KUBE_LOOP_SIM_WORLD_H
#define KUBE_LOOP_SIM_WORLD_H

#include <kube/map.h>
#include <kube/sim.h>

struct sim_host;

struct sim {
	struct loop *loop;
	struct rng rng;
	struct sim_faults faults;
	struct list hosts;
	uint64_t trace;
};

/* ---- disk ---- */
struct sim_disk {
	struct disk base;
	struct sim *sim;
	struct omap live, durable; /* path → struct sim_inode */
	struct sim_handle *handles;
	size_t handle_count;
	uint64_t fail_in; /* calls until the one that fails; 0: none does */
	int fail_code;
	uint64_t cut_in; /* calls until the power goes; 0: it stays */
	bool dark;       /* it has gone */
	int64_t limit;   /* bytes of all files; -1: none */
	int64_t written; /* the last write's time: no two have the same */
};

void sim_disk_init(struct sim_disk *d, struct sim *sim);
void sim_disk_done(struct sim_disk *d);
/* What was not synced is gone; open handles are dead. */
void sim_disk_crash(struct sim_disk *d);

/* ---- hosts ---- */
struct sim_host {
	struct env env; /* first */
	struct link in_sim;
	struct sim *sim;
	char *name;
	struct ip ip;
	int64_t wall_offset;
	struct sim_disk disk;
	struct list listeners; /* sim_listener.in_host */
	struct list ends;      /* sim_end.in_host */
	struct list parted;    /* sim_parting.in_host, kept by both */
	uint16_t next_port;
};

static inline struct sim_host *sim_host_of(struct env *env)
{
	return (struct sim_host *)env;
}

extern const struct transport_ops sim_transport;

struct sim_host *sim_find_host(struct sim *sim, const struct ip *ip);
bool sim_is_parted(const struct sim_host *a, const struct sim_host *b);
/* Something happened: it goes into the trace, with the time. */
void sim_note(struct sim *sim, const char *what, uint64_t a, uint64_t b);
bool sim_chance(struct sim *sim, double chance);
int64_t sim_delay(struct sim *sim); /* one segment's way, losses included */
/* Breaks every connection of the host; its listeners stay with their owners. */
void sim_break_streams(struct sim_host *host);

#endif
