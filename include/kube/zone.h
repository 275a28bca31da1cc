/*
 * zone: how far a time zone is from UTC at any time, read from its TZif file (RFC 8536), as systems
 * keep them below /usr/share/zoneinfo. Pure.
 */
#ifndef KUBE_ZONE_H
#define KUBE_ZONE_H

#include <kube/arena.h>
#include <kube/err.h>

#define ZONE_BYTES_MAX (64 * KIB)

struct zone;

/* In the arena. ERR_SYNTAX when it is no such file, ERR_TOO_LARGE over ZONE_BYTES_MAX. */
int zone_parse(struct arena *a, struct str bytes, struct zone **zone, struct err *err);
/* Seconds east of UTC at that time (wall, ns). NULL: UTC. */
int64_t zone_offset(const struct zone *zone, int64_t wall);
/* The same for a time in seconds, which may be further away. */
int64_t zone_offset_at(const struct zone *zone, int64_t seconds);

#endif
