/*
 * The rules that are in force are the store's worker's: it changes them itself, between writes.
 * What is sealed by rules of before is opened by them until all of it has been sealed anew.
 */
#include "encryption.h"
#include "api_options.h"
#include "config_reload.h"
#include "encryption_counts.h"
#include "encryption_private.h"
#include "watched_file.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/log.h>
#include <kube/mem.h>
#include <kube/time.h>

#define FILE_MAX_ (1 * MIB)

struct encryption {
	struct store_sealer sealer; /* the store gives it back */
	struct api_server *server;
	struct arena arena;
	struct sealing_rules *now;   /* the worker's, once the store is open */
	struct sealing_rules *next;  /* read, and waits for its turn */
	struct sealing_rules *taken; /* on its way to the worker */
	struct config_hash next_hash, taken_hash;
	struct watched_file *file;
	struct op changing;
	struct encryption_counts *counts;
};

/* ---- for the store ---- */

static int seal(const struct store_sealer *s, struct str bucket, struct str place, struct str text,
	struct buf *out, struct err *err)
{
	const struct encryption *e = CONTAINER_OF(s, struct encryption, sealer);
	const struct sealing_rule *rule = sealing_rules_find(e->now, bucket);
	int64_t began = clock_mono();
	bool seals = sealing_rule_seals(rule);
	int code = 0;

	if (seals) {
		buf_add_str(out, rule->keys[0].prefix);
		code = seal_close(rule->keys[0].key, place, text, out, err);
	}
	if (rule)
		encryption_counts_note(e->counts, true, bucket,
			seals ? rule->keys[0].prefix : STR(""), !code, began);
	return code ? code : seals;
}

/* 1: opened by one of the rule's keys, *index; 0: by none of them. */
static int open_by(const struct sealing_rule *rule, struct str place, struct str text,
	struct buf *out, size_t *index, struct err *err)
{
	for (size_t i = 0; rule && i < rule->count; i++) {
		const struct sealing_key *k = &rule->keys[i];
		int code;

		if (!str_starts(text, k->prefix))
			continue;
		*index = i;
		code = seal_open(k->key, place, str_skip(text, k->prefix.len), out, err);
		return code ? err_wrap(err, code, "%.*s", STRF(place)) : 1;
	}
	return 0;
}

/* A key of another word may have the name of an older one. */
static int open_by_older(const struct sealing_rules *older, struct str bucket, struct str place,
	struct str text, struct buf *out)
{
	size_t index, before = out->len;

	for (; older; older = older->older) {
		if (open_by(sealing_rules_find(older, bucket), place, text, out, &index, NULL) > 0)
			return 1;
		out->len = before;
	}
	return 0;
}

static int unseal(const struct store_sealer *s, struct str bucket, struct str place,
	struct str text, struct buf *out, bool *stale, struct err *err)
{
	const struct encryption *e = CONTAINER_OF(s, struct encryption, sealer);
	const struct sealing_rule *rule = sealing_rules_find(e->now, bucket);
	size_t index = 0, before = out->len;
	int64_t began = clock_mono();
	int code;

	*stale = false;
	if (!str_starts(text, STR(SEALED))) {
		*stale = sealing_rule_seals(rule);
		if (rule)
			encryption_counts_note(e->counts, false, bucket, STR(""), true, began);
		return 0;
	}
	code = open_by(rule, place, text, out, &index, err);
	if (code)
		encryption_counts_note(
			e->counts, false, bucket, rule->keys[index].prefix, code > 0, began);
	if (code > 0) {
		*stale = index || !sealing_rule_seals(rule);
		return 1;
	}
	out->len = before;
	if (open_by_older(e->now->older, bucket, place, text, out)) {
		*stale = true;
		err_done(err);
		return 1;
	}
	return code; /* 0: the store says that a key is missing */
}

/* ---- a file of our own ---- */

static int make_file(struct api_server *s, const char *path, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);
	unsigned char secret[32];

	seal_random(secret);
	buf_add_text(&text, "# How Secrets lie in this cluster's store. A new key goes in front of "
			    "the old one;\n"
			    "# once the server has started with both, the old one can go.\n"
			    "apiVersion: apiserver.config.k8s.io/v1\nkind: "
			    "EncryptionConfiguration\nresources:\n"
			    "- resources: [secrets]\n  providers:\n  - secretbox:\n      keys:\n"
			    "      - name: key1\n        secret: ");
	base64_encode(&text, str_make((const char *)secret, sizeof(secret)));
	buf_add_text(&text, "\n  - identity: {}\n");
	memset(secret, 0, sizeof(secret));
	return disk_write_file(s->env->disk, path, buf_str(&text), 0600, err);
}

static int find_file(struct encryption *e, const char **path, struct err *err)
{
	struct api_server *s = e->server;
	const struct api_options *o = s->options;
	const char *dir = arena_print(&e->arena, "%.*s/pki", STRF(o->data_dir)).at;

	if (o->encryption_config.len) {
		*path = arena_print(&e->arena, "%.*s", STRF(o->encryption_config)).at;
		return 0;
	}
	*path = arena_print(&e->arena, "%s/encryption.yaml", dir).at;
	if (s->env->disk->ops->changed(s->env->disk, *path, NULL) >= 0)
		return 0;
	int code = disk_make_dirs(s->env->disk, dir, 0700, err);
	return code ? code : make_file(s, *path, err);
}

/* ---- while it runs ---- */

static void go_on(struct encryption *e);

/* On the store's worker. */
static void change(void *ctx)
{
	struct encryption *e = ctx;
	struct sealing_rules *fresh = TAKE(e->taken);

	fresh->older = e->now;
	e->now = fresh;
}

static void changed(struct op *op, struct err *err)
{
	struct encryption *e = CONTAINER_OF(op, struct encryption, changing);

	config_reloaded(e->server, CONFIG_OF_ENCRYPTION, err->code ? NULL : &e->taken_hash);
	sealing_rules_free(TAKE(e->taken)); /* if the worker never came to it */
	if (err->code) {
		/* what is not sealed anew is opened by the older keys still */
		log_error(err, "objects stay sealed as they were");
	} else {
		log_info("encryption configuration read again", LOG_INT("sealed-anew", op->n));
		/* nobody but the worker looks at them, and it has nothing to open now */
		sealing_rules_free(TAKE(e->now->older));
	}
	go_on(e);
}

static void go_on(struct encryption *e)
{
	if (!e->next || op_active(&e->changing) || !e->server->store)
		return;
	e->taken = TAKE(e->next);
	e->taken_hash = e->next_hash;
	op_init(&e->changing, &e->server->scope, changed, OP_NO_DEADLINE);
	store_seal_anew(e->server->store, &e->changing, change, e);
}

static void file_changed(void *ctx, struct str text, const struct err *why)
{
	struct encryption *e = ctx;
	_cleanup_(err_done) struct err err = {0};
	struct sealing_rules *fresh = NULL;

	if (why)
		err_copy(&err, why);
	else
		sealing_rules_read(text, &fresh, &err);
	if (!fresh) {
		config_reloaded(e->server, CONFIG_OF_ENCRYPTION, NULL);
		log_error(&err, "the encryption configuration stays as it was");
		return;
	}
	sealing_rules_free(e->next);
	e->next = fresh;
	config_hash(&e->next_hash, CONFIG_OF_ENCRYPTION, text);
	go_on(e);
}

/* ---- life ---- */

static int read_file(struct encryption *e, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX_);
	struct api_server *s = e->server;
	const char *path = NULL;
	int code = find_file(e, &path, err);

	if (!code)
		code = disk_read_file(s->env->disk, path, &text, err);
	if (!code)
		code = sealing_rules_read(buf_str(&text), &e->now, err);
	if (code)
		return err_wrap(
			err, code, "encryption provider configuration %s", path ? path : "");
	config_hash(&e->taken_hash, CONFIG_OF_ENCRYPTION, buf_str(&text));
	config_loaded(s, CONFIG_OF_ENCRYPTION, &e->taken_hash);
	if (s->options->encryption_reload)
		e->file = watched_file_new(
			s->env, &s->scope, str_from(path), buf_str(&text), file_changed, e);
	return 0;
}

int encryption_new(struct api_server *s, struct encryption **encryption, struct err *err)
{
	struct encryption *e;
	int code;

	*encryption = NULL;
	if (!s->options->encryption_config.len && !s->options->seals_secrets)
		return 0;
	e = mem_new(sizeof(*e));
	e->server = s;
	e->sealer = (struct store_sealer){.seal = seal, .open = unseal};
	e->counts = encryption_counts_new();
	arena_init(&e->arena);
	code = read_file(e, err);
	if (code)
		encryption_free(e);
	else
		*encryption = e;
	return code;
}

void encryption_start(struct encryption *e)
{
	if (e)
		go_on(e);
}

void encryption_stop(struct encryption *e)
{
	if (e)
		watched_file_drop(TAKE(e->file));
}

void encryption_free(struct encryption *e)
{
	if (!e)
		return;
	encryption_stop(e);
	sealing_rules_free(e->now);
	sealing_rules_free(e->next);
	sealing_rules_free(e->taken);
	encryption_counts_free(e->counts);
	arena_done(&e->arena);
	mem_free(e);
}

void encryption_print_metrics(const struct encryption *e, struct buf *out)
{
	if (e)
		encryption_counts_print(e->counts, out);
}

const struct store_sealer *encryption_sealer(const struct encryption *e)
{
	return e ? &e->sealer : NULL;
}
