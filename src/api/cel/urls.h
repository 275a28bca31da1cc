/* URLs as requests have them, for functions and formats. */
#ifndef KUBE_CEL_URLS_H
#define KUBE_CEL_URLS_H

#include "opaque.h"

/* false: *why is Go's error. */
bool url_read(struct arena *a, struct str text, struct cel_url *u, struct str *why);

#endif
