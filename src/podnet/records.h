/*
 * What is known on disk: a file an address, named so, with the sandbox that has it and its host
 * ports; the CIDRs; which addresses were given last. All of it blocks.
 *
 *	DIRECTORY/cidrs			10.42.0.0/24 fd42::/64
 *	DIRECTORY/last			10.42.0.7 fd42::7
 *	DIRECTORY/addresses/10.42.0.7	SANDBOX
 *	                             	tcp 8080 80 0.0.0.0
 */
#ifndef PODNET_RECORDS_H
#define PODNET_RECORDS_H

#include <kube/arena.h>
#include <kube/env.h>
#include <kube/runtime.h>

#define RECORD_ID_MAX    128
#define RECORD_PORTS_MAX 1024

struct record {
	struct ip ip;
	struct str sandbox;
	struct runtime_ports ports;
};

void record_print(const struct record *r, struct buf *out);
/* `text` as record_print wrote it; false: it is none. Lives in the arena. */
bool record_parse(struct str text, struct arena *a, struct record *r);

struct records {
	struct arena *arena;
	struct record *items;
	size_t count, cap;
	struct cidr cidrs[2];
	size_t cidr_count;
	struct ip last[2];
	size_t last_count;
};

/* Makes the directories; removes what no crash should have left. */
int records_read(struct disk *d, const char *directory, struct records *all, struct err *err);
/* On disk when it returns. */
int records_add(struct disk *d, const char *directory, const struct record *r, struct err *err);
/* What is gone is done. */
int records_remove(
	struct disk *d, const char *directory, const struct ip *ips, size_t count, struct err *err);
int records_set_cidrs(struct disk *d, const char *directory, const struct cidr *cidrs, size_t count,
	struct err *err);
/* Not worth waiting for a disk: after a power cut somebody gets an address early. */
void records_note_last(struct disk *d, const char *directory, const struct ip *ips, size_t count);

#endif
