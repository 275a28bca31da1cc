/* api_flags: the table of flags (api_options_flags), beside the checks of what they say. */
#ifndef KUBE_APISERVER_API_FLAGS_H
#define KUBE_APISERVER_API_FLAGS_H

#include "api_options.h"

/* Logs those that were given and do nothing. */
void api_flags_tell_unheeded(const struct api_options *o);
/* Flags that are known only to be refused: none may have been given. */
int api_flags_check_refused(const struct api_options *o, struct err *err);

#endif
