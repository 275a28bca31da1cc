#include "config_reload.h"
#include "first_objects.h"
#include "metrics.h"

#include <kube/hash.h>
#include <kube/time.h>

#include <stdio.h>

static const struct {
	enum metric_series total, last, info;
} series[] = {
	[CONFIG_OF_AUTHENTICATION] = {METRIC_AUTHN_RELOADS, METRIC_AUTHN_RELOADED,
		METRIC_AUTHN_CONFIG},
	[CONFIG_OF_AUTHORIZATION] = {METRIC_AUTHZ_RELOADS, METRIC_AUTHZ_RELOADED,
		METRIC_AUTHZ_CONFIG},
	[CONFIG_OF_ENCRYPTION] = {METRIC_ENCRYPTION_RELOADS, METRIC_ENCRYPTION_RELOADED,
		METRIC_ENCRYPTION_CONFIG},
};

static void print_hash(struct config_hash *hash, const char *prefix, struct str text)
{
	unsigned char digest[32];
	size_t at;

	sha256_of(text, digest);
	at = (size_t)snprintf(hash->text, sizeof(hash->text), "%s:", prefix);
	for (size_t i = 0; i < sizeof(digest); i++, at += 2)
		snprintf(hash->text + at, sizeof(hash->text) - at, "%02x", digest[i]);
}

void config_hash(struct config_hash *hash, enum config_of which, struct str text)
{
	print_hash(hash, which == CONFIG_OF_ENCRYPTION ? "k8s:enc:unstable:1" : "sha256", text);
}

/* apiserver_id_hash="…", which all of them have. */
static struct str identity(struct arena *a, const struct api_server *s)
{
	struct config_hash hash;

	print_hash(&hash, "sha256", identity_lease_name(a, s));
	return arena_print(a, "apiserver_id_hash=\"%s\"", hash.text);
}

void config_loaded(struct api_server *s, enum config_of which, const struct config_hash *hash)
{
	_cleanup_(arena_done) struct arena a;

	if (!s->metrics)
		return;
	arena_init(&a);
	metrics_clear(s->metrics, series[which].info);
	*metrics_number(s->metrics, series[which].info,
		arena_print(&a, "%.*s,hash=\"%s\"", STRF(identity(&a, s)), hash->text)) = 1;
}

void config_reloaded(struct api_server *s, enum config_of which, const struct config_hash *hash)
{
	_cleanup_(arena_done) struct arena a;
	struct str labels;

	if (!s->metrics)
		return;
	arena_init(&a);
	labels = arena_print(
		&a, "%.*s,status=\"%s\"", STRF(identity(&a, s)), hash ? "success" : "failure");
	++*metrics_number(s->metrics, series[which].total, labels);
	*metrics_number(s->metrics, series[which].last, labels) = env_wall(s->env) / SEC;
	if (hash)
		config_loaded(s, which, hash);
}
