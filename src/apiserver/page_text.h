/* page_text: what stands between the quotes of an attribute in HTML: text with entities. */
#ifndef KUBE_APISERVER_PAGE_TEXT_H
#define KUBE_APISERVER_PAGE_TEXT_H

#include <kube/buf.h>

/* Without entities. false: one has a name that we do not know, or there is no room. */
bool page_text_read(struct str raw, struct buf *out);

#endif
