/* Inside of base/: how Go's time package quotes what it could not read. */
#ifndef KUBE_BASE_TIME_QUOTE_H
#define KUBE_BASE_TIME_QUOTE_H

#include <kube/time.h>

/* In quotes; quotes, backslashes and all bytes that are not plain ASCII are escaped. */
void time_quote(struct buf *b, struct str s);

#endif
