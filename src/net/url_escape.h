/* Which bytes stand for themselves in which part of a URL. */
#ifndef NET_URL_ESCAPE_H
#define NET_URL_ESCAPE_H

#include <kube/buf.h>
#include <kube/err.h>

enum url_part {
	URL_PATH,
	URL_PATH_SEGMENT,
	URL_HOST,
	URL_USER,
	URL_QUERY,
	URL_FRAGMENT,
};

bool url_must_escape(unsigned char c, enum url_part part);
void url_escape(struct buf *out, struct str s, enum url_part part);
int url_unescape(struct buf *out, struct str s, enum url_part part, struct err *err);

#endif
