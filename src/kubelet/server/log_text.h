/*
 * log_text: what the reader of a container's log wants to see of the file that the runtime
 * writes (CRI's format, see runtime/log_lines.h). Bytes in, text out; pure.
 */
#ifndef KUBE_KUBELET_SERVER_LOG_TEXT_H
#define KUBE_KUBELET_SERVER_LOG_TEXT_H

#include <kube/buf.h>
#include <kube/err.h>

#define LOG_NO_LIMIT INT64_MAX

struct log_wish {
	bool timestamps;
	int64_t since;     /* wall ns: what is older is left out; 0: nothing is */
	int64_t limit;     /* bytes of text; LOG_NO_LIMIT */
	struct str stream; /* "stdout", "stderr"; empty: both */
};

struct log_text {
	struct log_wish wish;
	struct buf rest; /* of a line of the file that has not ended */
	bool inside;     /* the text's line goes on: its last piece was marked P */
	bool newer;      /* since was reached: no time is compared any more */
	bool full;       /* the limit was reached */
};

#define LOG_FILE_LINE_MAX (256 * KIB)

void log_text_start(struct log_text *l, const struct log_wish *wish);
void log_text_stop(struct log_text *l);
/* Adds the text to *out. A line that is none of CRI's format is left out; ERR_LIMIT when none ends.
 */
int log_text_take(struct log_text *l, struct str bytes, struct buf *out, struct err *err);

/*
 * Where the last `count` lines of a piece of a file begin, counting back from its end: *count is
 * what is still to be found before it. `last`: the piece ends the file.
 */
size_t log_text_back(struct str piece, bool last, int64_t *count);

#endif
