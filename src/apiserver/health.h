/* /healthz, /livez, /readyz and the checks below them. */
#ifndef KUBE_APISERVER_HEALTH_H
#define KUBE_APISERVER_HEALTH_H

#include "request.h"

stage_fn serve_health;
/* Each check as a sample of kubernetes_healthcheck. */
void health_add_metrics(const struct api_server *s, struct buf *out);
/* Whether that path is one of health's; "/healthz/" is not. */
bool health_has(const struct api_server *s, struct str path);
/* Their paths, for the list at "/": from 0 until empty. */
struct str health_path(const struct api_server *s, struct arena *a, size_t index);

#endif
