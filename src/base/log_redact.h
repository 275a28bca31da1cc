/* Inside of base/: which fields the log must not show. */
#ifndef KUBE_BASE_LOG_REDACT_H
#define KUBE_BASE_LOG_REDACT_H

#include <kube/str.h>

/* Does the key name a secret ("token", "clientPassword"; not "secretName")? */
bool log_key_is_secret(struct str key);
/* Does the text contain a bearer token, a JWT or a PEM private key? */
bool log_text_is_secret(struct str text);

#endif
