/* What is said to a credential plugin and what it answers: ExecCredential, both ways. Pure. */
#ifndef KUBE_CLIENT_EXEC_CREDENTIAL_H
#define KUBE_CLIENT_EXEC_CREDENTIAL_H

#include <kube/kubeconfig.h>

/* KUBERNETES_EXEC_INFO. `ca`: what the server's certificate is checked against, PEM, or empty. */
void exec_credential_print(
	struct buf *out, const struct client_config *config, struct str ca, bool interactive);

struct exec_credential {
	struct str token, cert, key; /* the last two together or not at all, sound */
	int64_t expires;             /* wall ns; INT64_MAX: never */
};

/* client-go's words for what is wrong. */
int exec_credential_parse(struct arena *a, struct str text, struct str api_version,
	struct exec_credential *credential, struct err *err);

bool exec_credential_version_known(struct str api_version);

#endif
