/* Configuration files that count while the server runs: what /metrics says of them. */
#ifndef KUBE_APISERVER_CONFIG_RELOAD_H
#define KUBE_APISERVER_CONFIG_RELOAD_H

#include "server.h"

enum config_of { CONFIG_OF_AUTHENTICATION, CONFIG_OF_AUTHORIZATION, CONFIG_OF_ENCRYPTION };

struct config_hash {
	char text[96];
};
/* Of a file's text, as upstream shows it. */
void config_hash(struct config_hash *hash, enum config_of which, struct str text);
/* It counts since the start. */
void config_loaded(struct api_server *s, enum config_of which, const struct config_hash *hash);
/* It has changed, and counts from now on; NULL: it does not, the one of before does. */
void config_reloaded(struct api_server *s, enum config_of which, const struct config_hash *hash);

#endif
