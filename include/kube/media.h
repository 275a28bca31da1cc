/* Media types and what a client accepts: `Content-Type`, `Accept`, as Go's mime package reads. */
#ifndef KUBE_MEDIA_H
#define KUBE_MEDIA_H

#include <kube/arena.h>
#include <kube/err.h>

struct media_param {
	struct str key, value; /* key in lower case, value unquoted */
};

struct media_type {
	struct str type, subtype; /* lower case: "application", "json"; "*" in ranges */
	struct media_param params[16];
	size_t param_count;
	double q; /* 1 unless given */
};

int media_parse(struct arena *a, struct str text, struct media_type *m, struct err *err);
struct str media_param(const struct media_type *m, const char *key); /* empty when absent */
bool media_is(const struct media_type *m, const char *type_subtype);

/* Ranges of an Accept header, best first (q, then specificity, then order); at most 64. */
int media_parse_accept(struct arena *a, struct str text, struct media_type **ranges, size_t *count,
	struct err *err);
/* The index in offers ("application/json", …) that fits best, or -1. No Accept takes the first. */
int media_negotiate(struct arena *a, struct str accept, const char *const *offers, size_t count);
/* Accept-Encoding: whether gzip is welcome. */
bool media_accepts_gzip(struct str accept_encoding);

#endif
