/*
 * zones: the machine's time zones by name, each file read once, when it is first asked for. On
 * one thread; a small file is read in place.
 */
#ifndef KUBE_ZONES_H
#define KUBE_ZONES_H

#include <kube/env.h>
#include <kube/zone.h>

struct zones;
struct zones *zones_new(struct disk *disk);
void zones_free(struct zones *z); /* NULL is fine */
/* Lives as long as `z`. NULL: the API knows no such zone, or the machine has no such file. */
const struct zone *zones_find(struct zones *z, struct str name);

#endif
