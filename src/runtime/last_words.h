/* The last lines of a container's log, for one that ended badly and said nothing else. Pure. */
#ifndef KUBE_RUNTIME_LAST_WORDS_H
#define KUBE_RUNTIME_LAST_WORDS_H

#include <kube/arena.h>

#define LAST_WORDS_LINES 80
#define LAST_WORDS_BYTES 2048
/* What of a log's end is enough to look at. */
#define LAST_WORDS_LOG (64 * KIB)

/* The end of a log as log_lines.h has it; `begins`: it is the whole of it. In the arena. */
struct str last_words(struct arena *a, struct str log, bool begins);

#endif
