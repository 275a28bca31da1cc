/*
 * Points in time and durations, as numbers and as Kubernetes writes them. Pure: nobody reads a
 * clock here; clocks belong to the env (see env.h). Wall time is nanoseconds since 1970 in UTC,
 * monotonic time nanoseconds since some start; both int64.
 */
#ifndef KUBE_TIME_H
#define KUBE_TIME_H

#include <kube/buf.h>
#include <kube/err.h>

#define NSEC   ((int64_t)1)
#define USEC   (1000 * NSEC)
#define MSEC   (1000 * USEC)
#define SEC    (1000 * MSEC)
#define MINUTE (60 * SEC)
#define HOUR   (60 * MINUTE)

/* RFC 3339. Printing: "2026-01-02T15:04:05Z" and "2026-01-02T15:04:05.123456Z" (always six). */
void time_print(struct buf *b, int64_t wall_ns);
void time_print_micro(struct buf *b, int64_t wall_ns);
/*
 * With any number of fraction digits and any offset, as Go's time.RFC3339 reads it, and with Go's
 * texts for what it does not read. Of years 0 to 9999 an int64 holds 1678 to 2261: what lies
 * outside becomes the nearest end (INT64_MIN or INT64_MAX), so that it still compares rightly.
 * Who must give such a time back keeps its parts.
 */
int time_parse(struct str s, int64_t *wall_ns, struct err *err);
/* "Mon, 02 Jan 2006 15:04:05 GMT" for HTTP's Date header. */
void time_print_http(struct buf *b, int64_t wall_ns);

/* Broken-down UTC, proleptic Gregorian; no locale, no time zone files. */
struct time_parts {
	int year, month, day, hour, minute, second; /* month and day from 1 */
	int nanosecond, weekday;                    /* Sunday is 0 */
};
struct time_parts time_split(int64_t wall_ns);
int64_t time_join(const struct time_parts *parts); /* the nearest end outside of int64 */
/* As time_parse and time_print, for all years 0 to 9999 (an offset may lead just outside). */
int time_parse_parts(struct str s, struct time_parts *parts, struct err *err);
void time_print_parts(struct buf *b, const struct time_parts *parts);

/* Go durations: "1h2m3.5s", "300ms", "-1.5h", "0"; prints as Go's Duration.String. */
void duration_print(struct buf *b, int64_t ns);
int duration_parse(struct str s, int64_t *ns, struct err *err); /* texts as Go's */

/* How kubectl shows ages: "5s", "3m20s", "47h", "5d3h", "2y13d". */
void duration_print_human(struct buf *b, int64_t ns);

/*
 * Does a wait until then go on, that was meant to last `longest` at most? All is wall time: who has
 * longer to wait than that waits since before the clock was set back, and has waited enough.
 */
static inline bool time_waits(int64_t until, int64_t longest, int64_t now)
{
	return until > now && until - now <= longest;
}

/* The process's real clocks, for code outside a loop (logs, start-up). Others use env_*. */
int64_t clock_wall(void);
int64_t clock_mono(void);

#endif
