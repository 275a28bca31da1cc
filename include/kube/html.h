/* html: text as it stands in a page. */
#ifndef KUBE_HTML_H
#define KUBE_HTML_H

#include <kube/buf.h>

/* With entities: between tags, and between quotes of either kind. */
void html_escape(struct buf *out, struct str text);

#endif
