/* URLs as Go's net/url reads them, for the rules that say what a URL in an object may hold. */
#ifndef KUBE_API_GO_URL_H
#define KUBE_API_GO_URL_H

#include <kube/arena.h>

struct go_url {
	struct str scheme; /* lower case */
	struct str host;   /* with its port */
	struct str user;   /* what stands before the '@' */
	bool has_user;
	struct str path, query, fragment; /* as written */
};
/* false: *problem is Go's error (`parse "://x": missing protocol scheme`). */
bool go_url_parse(struct arena *a, struct str text, struct go_url *url, struct str *problem);

#endif
