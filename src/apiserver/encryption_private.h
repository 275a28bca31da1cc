/* What an EncryptionConfiguration says, between encryption_configuration.c and encryption.c. */
#ifndef KUBE_APISERVER_ENCRYPTION_PRIVATE_H
#define KUBE_APISERVER_ENCRYPTION_PRIVATE_H

#include <kube/arena.h>
#include <kube/json.h>
#include <kube/map.h>
#include <kube/seal.h>

#define SEALING_KEYS_MAX 64
#define SEALED           "k8s:enc:"

struct sealing_key {
	struct str prefix; /* "k8s:enc:aesgcm:v1:key1:" */
	struct seal_key *key;
};
/* Providers of some resources: their keys one after the other; the first seals. */
struct sealing_rule {
	const struct cJSON *resources;
	struct sealing_key keys[SEALING_KEYS_MAX];
	size_t count;
	bool plain_first; /* identity stands first: nothing is sealed any more */
};
/* Constant once read. */
struct sealing_rules {
	struct arena arena;
	struct sealing_rule **rules;
	size_t count;
	struct map by_bucket;        /* of built-in resources: struct sealing_rule * */
	struct sealing_rules *older; /* that some rows may be sealed by still */
};

int sealing_rules_read(struct str text, struct sealing_rules **rules, struct err *err);
void sealing_rules_free(struct sealing_rules *rules); /* and the older ones */
/* NULL: nothing is sealed there. */
const struct sealing_rule *sealing_rules_find(const struct sealing_rules *rules, struct str bucket);
static inline bool sealing_rule_seals(const struct sealing_rule *rule)
{
	return rule && !rule->plain_first && rule->count;
}

#endif
