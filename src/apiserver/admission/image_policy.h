/* What the plugin ImagePolicyWebhook was told, and what its webhook has answered. */
#ifndef KUBE_APISERVER_ADMISSION_IMAGE_POLICY_H
#define KUBE_APISERVER_ADMISSION_IMAGE_POLICY_H

#include "remote_review.h"
#include "server.h"

#include <kube/map.h>

struct image_answer {
	struct link used; /* in the policy's, the latest first */
	int64_t until;
	bool allowed;
	char *reason;
	struct arena arena;
	struct cJSON *notes; /* for the audit log */
	size_t key_size;
	char key[];
};

struct image_policy {
	struct remote_reviewer *reviewer;
	int64_t allow_ttl, deny_ttl; /* 0: nothing is remembered */
	bool default_allow;
	struct map answers;
	struct list used;
};

/* config: what the file says to the plugin, or NULL, which is an error. */
int image_policy_new(struct image_policy **policy, struct api_server *s, const struct cJSON *config,
	struct err *err);
/* Ends what is asked, before the server's scope closes. NULL is fine. */
void image_policy_stop(struct image_policy *p);
void image_policy_free(struct image_policy *p);

/* NULL: not known. Good until the next one is remembered. */
const struct image_answer *image_policy_recall(struct image_policy *p, struct str key, int64_t now);
/* The status of a review. */
void image_policy_remember(
	struct image_policy *p, struct str key, const struct cJSON *status, int64_t now);

#endif
