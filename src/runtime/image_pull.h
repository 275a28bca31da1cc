/*
 * image_pull: one pull under way (image_pull.c), and its layers (image_pull_layers.c). On the loop.
 */
#ifndef RUNTIME_IMAGE_PULL_H
#define RUNTIME_IMAGE_PULL_H

#include "image_fetch.h"
#include "image_store_private.h"

enum pull_step {
	PULL_BEGIN,
	PULL_HELD,
	PULL_RESOLVED,
	PULL_MANIFEST,
	PULL_MANIFEST_BODY,
	PULL_CONFIG,
	PULL_CONFIG_BODY,
	PULL_LAYERS,
	PULL_ENTERED,
};
struct image_pull {
	struct store_job job;
	struct arena arena;
	struct runtime_pull *asked;
	struct image_reference ref;
	struct str full; /* as it stands in texts */
	struct link in_store;
	struct image_pull_state state;
	/* where */
	struct image_auth auth;
	struct str *urls;
	size_t url_count, url_at, own_from;
	struct registry_session session;
	struct tls_config *tls;
	int hold;
	/* what */
	struct str digest;     /* of what the name means */
	struct str media_type; /* as the registry declared it */
	struct str now;        /* the manifest that is asked for */
	int depth;
	struct image_document document;
	struct image_config config;
	struct str config_text;
	struct registry_call call;
	bool calling;
	struct buf body;
	/* layers */
	struct layer_wait {
		struct image_pull *pull;
		struct op op;
		struct image_fetch fetch;
		size_t same; /* an earlier one with the same diff id; or itself */
	} * layers;
	size_t layer_next, layer_running, layer_done;
	struct err layer_err;
	struct op *all;
	struct image_entry entry;
};

void image_pull_end_call(struct image_pull *p);

/* Awaits all of them as PULL_LAYERS. */
void image_pull_layers(struct image_pull *p);

#endif
