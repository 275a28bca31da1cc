/* How requests get into the pipeline. */
#ifndef KUBE_APISERVER_PIPELINE_H
#define KUBE_APISERVER_PIPELINE_H

#include "request.h"

http_handler_fn pipeline_handle; /* ctx: struct api_server */

#endif
