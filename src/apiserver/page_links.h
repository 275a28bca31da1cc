/*
 * page_links: the addresses in a page of HTML, found where browsers find them. For who hands a page
 * on from below another path.
 */
#ifndef KUBE_APISERVER_PAGE_LINKS_H
#define KUBE_APISERVER_PAGE_LINKS_H

#include <kube/buf.h>

/* What is to stand in place of an address, both without entities; the same text: it stays. */
typedef struct str page_link_fn(void *ctx, struct str address);

/* Appends the page with other addresses. What stands between them is copied byte by byte. */
void page_links_change(struct buf *out, struct str page, page_link_fn *change, void *ctx);

#endif
