/*
 * Regular expressions as RE2 has them: their syntax with Go's error texts, matched in time linear
 * in the text (a set of states walks over it), the leftmost match, earlier alternatives first.
 */
#ifndef KUBE_REGEX_H
#define KUBE_REGEX_H

#include <kube/arena.h>

struct regex;
/* In the arena. NULL: *why is "error parsing regexp: …". */
struct regex *regex_compile(struct arena *a, struct str pattern, struct str *why);
/* What matching needs: made once for any number of texts. */
struct regex_run;
struct regex_run *regex_start(const struct regex *r, struct arena *a);
/* The leftmost match at or behind `from`; false: there is none. */
bool regex_find(struct regex_run *run, struct str text, size_t from, size_t *start, size_t *end);

#endif
