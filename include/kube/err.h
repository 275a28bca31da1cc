/*
 * What went wrong: a code and a sentence, set where it happened. Functions that can fail return
 * 0 or a negative code and take a `struct err *` that may be NULL when the caller wants only the
 * code. On success the err is untouched.
 *
 *	return err_set(err, ERR_NOT_FOUND, "pods \"%s\" not found", name);
 *	return err_wrap(err, code, "reading %s", path);	-> "reading /x: permission denied"
 */
#ifndef KUBE_ERR_H
#define KUBE_ERR_H

#include <kube/str.h>

enum err_code {
	ERR_NONE = 0,
	ERR_BEFORE_FIRST_ = -1000,
#define E(name, reason, status, text) ERR_##name,
#include <kube/errors.def>
#undef E
	ERR_AFTER_LAST_
};

struct err {
	int code;   /* 0: nothing happened */
	char *text; /* heap, or NULL: the code's own text is meant */
};

/* Replaces what stood there. Returns the code. At most 1 KiB of text is kept. */
int err_set(struct err *err, int code, const char *format, ...) KUBE_PRINTF(3, 4);
/* From an errno value: the fitting code, "what: strerror". Returns the code. */
int err_set_errno(struct err *err, int errnum, const char *format, ...) KUBE_PRINTF(3, 4);
/* Puts "context: " before the text. `code` is what the failed call gave, and is given back. */
int err_wrap(struct err *err, int code, const char *format, ...) KUBE_PRINTF(3, 4);
/* Moves *from into *to (to may be NULL: dropped); returns the code. */
int err_move(struct err *to, struct err *from);
void err_copy(struct err *to, const struct err *from);
void err_done(struct err *err); /* frees, back to nothing */

const char *err_text(const struct err *err); /* never NULL */
const char *err_code_name(int code);         /* "NOT_FOUND" */
const char *err_code_reason(int code);       /* "NotFound", "" where the API has none */
int err_code_status(int code);               /* 404 */
int err_code_from_errno(int errnum);

#endif
