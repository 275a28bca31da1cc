/* May they: the authorizers of --authorization-mode or --authorization-config, in their order. */
#include "abac.h"
#include "access.h"
#include "api_options.h"
#include "config_reload.h"
#include "configuration.h"
#include "metrics.h"
#include "node.h"
#include "rbac.h"
#include "watched_file.h"

#include <kube/log.h>
#include <kube/mem.h>

#define FILE_MAX (3 * MIB)

struct authorizer {
	enum authz_type type;
	struct str name;
	struct webhook_authorizer *webhook;
	int64_t *allowed, *denied; /* of metrics; NULL: not asked yet */
};

/* What one configuration says; replaced as a whole. */
struct chain {
	struct arena arena;
	struct expressions *expressions;
	struct authorizer *items;
	size_t count;
};

struct authz {
	struct api_server *server;
	struct rbac *rbac;
	struct node_access *node;
	struct chain *chain;
	struct abac *abac;
	struct watched_file *policies, *configuration;
};

/* ---- the chain ---- */

static void chain_free(struct chain *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++)
		webhook_authorizer_drop(c->items[i].webhook);
	expressions_free(c->expressions);
	arena_done(&c->arena);
	mem_free(c);
}

static int add_authorizer(
	struct authz *a, struct chain *c, const struct authz_entry *e, struct err *err)
{
	struct authorizer *to = &c->items[c->count++];

	to->type = e->type;
	to->name = arena_str(&c->arena, e->name);
	if (e->type == AUTHZ_ABAC && !a->abac)
		return err_set(err, ERR_USAGE,
			"authorization-mode ABAC's authorization policy file not passed");
	if (e->type != AUTHZ_WEBHOOK)
		return 0;
	if (webhook_authorizer_new(a->server, &e->webhook, &to->webhook, err))
		return err_wrap(
			err, err ? err->code : ERR_USAGE, "authorizer \"%.*s\"", STRF(e->name));
	return 0;
}

/* Takes the entries' expressions, on failure, too. */
static int chain_new(
	struct authz *a, const struct authz_entries *entries, struct chain **chain, struct err *err)
{
	struct chain *c = mem_new(sizeof(*c));
	int code = 0;

	arena_init(&c->arena);
	c->expressions = entries->expressions;
	c->items = arena_new(&c->arena, (entries->count + 1) * sizeof(*c->items));
	for (size_t i = 0; i < entries->count && !code; i++)
		code = add_authorizer(a, c, &entries->items[i], err);
	if (code)
		chain_free(c);
	else
		*chain = c;
	return code;
}

/* ---- files ---- */

static void policies_changed(void *ctx, struct str text, const struct err *why)
{
	struct authz *a = ctx;
	_cleanup_(err_done) struct err err = {0};
	struct abac *fresh;

	if (why)
		err_copy(&err, why);
	else
		abac_parse(a->server->options->authorization_policy_file, text, &fresh, &err);
	if (err.code) {
		log_error(&err, "the ABAC policies stay as they were");
		return;
	}
	abac_free(a->abac);
	a->abac = fresh;
	log_info("ABAC policies read again", LOG_INT("count", (int64_t)fresh->count));
}

static void warn_unversioned(const struct authz *a)
{
	if (a->abac->unversioned)
		log_info("the policy file has rules of the format without a version",
			LOG_STR("file", a->server->options->authorization_policy_file));
}

static int open_policies(struct authz *a, struct err *err)
{
	struct str path = a->server->options->authorization_policy_file;
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);
	_cleanup_(arena_done) struct arena scratch;
	int code;

	arena_init(&scratch);
	if (!path.len)
		return 0;
	code = disk_read_file(a->server->env->disk, arena_str(&scratch, path).at, &text, err);
	if (!code)
		code = abac_parse(path, buf_str(&text), &a->abac, err);
	if (code)
		return code;
	warn_unversioned(a);
	a->policies = watched_file_new(
		a->server->env, &a->server->scope, path, buf_str(&text), policies_changed, a);
	return 0;
}

/* Only webhooks may come and go: all else stands or falls with the command line. */
static bool same_types(const struct authz *a, const struct authz_entries *entries)
{
	unsigned is = 0, was = 0;

	for (size_t i = 0; i < entries->count; i++)
		is |= 1u << entries->items[i].type;
	for (size_t i = 0; i < a->chain->count; i++)
		was |= 1u << a->chain->items[i].type;
	return (is & ~(1u << AUTHZ_WEBHOOK)) == (was & ~(1u << AUTHZ_WEBHOOK));
}

static int read_configuration(
	struct authz *a, struct str text, struct chain **chain, struct err *err)
{
	struct authz_entries entries = {.expressions = expressions_new()};
	_cleanup_(arena_done) struct arena scratch;
	int code;

	arena_init(&scratch);
	code = authz_configuration_parse(&scratch, text, &entries, err);
	if (!code && a->chain && !same_types(a, &entries))
		code = err_set(err, ERR_INVALID,
			"authorizers that are no webhooks can only be changed by a restart");
	if (!code)
		return chain_new(a, &entries, chain, err);
	expressions_free(entries.expressions);
	return code;
}

static void configuration_changed(void *ctx, struct str text, const struct err *why)
{
	struct authz *a = ctx;
	struct config_hash hash;
	_cleanup_(err_done) struct err err = {0};
	struct chain *fresh = NULL;

	if (why)
		err_copy(&err, why);
	else
		read_configuration(a, text, &fresh, &err);
	config_hash(&hash, CONFIG_OF_AUTHORIZATION, text);
	config_reloaded(a->server, CONFIG_OF_AUTHORIZATION, fresh ? &hash : NULL);
	if (!fresh) {
		log_error(&err, "the authorization configuration stays as it was");
		return;
	}
	chain_free(a->chain);
	a->chain = fresh;
	log_info("authorization configuration read again");
}

static int open_configuration(struct authz *a, struct err *err)
{
	struct str path = a->server->options->authorization_config;
	struct config_hash hash;
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	_cleanup_(arena_done) struct arena scratch;
	struct authz_entries entries = {0};
	int code;

	arena_init(&scratch);
	if (!path.len) {
		authz_entries_of_flags(&scratch, a->server->options, &entries);
		return chain_new(a, &entries, &a->chain, err);
	}
	code = disk_read_file(a->server->env->disk, arena_str(&scratch, path).at, &text, err);
	if (!code)
		code = read_configuration(a, buf_str(&text), &a->chain, err);
	if (code)
		return err_wrap(err, code, "--authorization-config %.*s", STRF(path));
	config_hash(&hash, CONFIG_OF_AUTHORIZATION, buf_str(&text));
	config_loaded(a->server, CONFIG_OF_AUTHORIZATION, &hash);
	a->configuration = watched_file_new(
		a->server->env, &a->server->scope, path, buf_str(&text), configuration_changed, a);
	return 0;
}

/* ---- life ---- */

int authz_new(struct api_server *s, struct authz **authz, struct err *err)
{
	struct authz *a = mem_new(sizeof(*a));
	int code;

	a->server = s;
	a->rbac = rbac_new(s);
	a->node = node_access_new(s);
	code = open_policies(a, err);
	if (!code)
		code = open_configuration(a, err);
	if (code)
		authz_free(a);
	else
		*authz = a;
	return code;
}

void authz_free(struct authz *a)
{
	if (!a)
		return;
	watched_file_drop(a->policies);
	watched_file_drop(a->configuration);
	chain_free(a->chain);
	abac_free(a->abac);
	rbac_free(a->rbac);
	node_access_free(a->node);
	mem_free(a);
}

/* ---- asking ---- */

static enum access_decision ask_one(struct authz *a, struct authorizer *one, struct arena *arena,
	const struct access_query *q, struct access_answer *answer)
{
	bool yes = false;

	switch (one->type) {
	case AUTHZ_ALLOW:
		return ACCESS_ALLOW;
	case AUTHZ_DENY:
		answer->reason = STR("Everything is forbidden.");
		return ACCESS_NO_OPINION;
	case AUTHZ_RBAC:
		yes = rbac_allows(a->rbac, arena, q, &answer->reason);
		break;
	case AUTHZ_NODE:
		yes = node_allows(a->node, arena, q, &answer->reason);
		break;
	case AUTHZ_ABAC:
		yes = abac_allows(a->abac, q);
		if (!yes)
			answer->reason = STR("No policy matched.");
		break;
	case AUTHZ_WEBHOOK:
		return webhook_ask(one->webhook, arena, q, answer);
	}
	return yes ? ACCESS_ALLOW : ACCESS_NO_OPINION;
}

static void count_decision(struct authz *a, struct authorizer *one, enum access_decision d)
{
	int64_t **number = d == ACCESS_ALLOW ? &one->allowed : &one->denied;

	if (!a->server->metrics)
		return;
	if (!*number)
		*number = metrics_number(a->server->metrics, METRIC_DECISIONS,
			arena_print(&a->chain->arena, "decision=\"%s\",name=\"%.*s\",type=\"%s\"",
				d == ACCESS_ALLOW ? "allowed" : "denied", STRF(one->name),
				authz_type_word(one->type)));
	++**number;
}

static struct str join(struct arena *a, struct str all, struct str more, const char *between)
{
	if (!all.len || !more.len)
		return more.len ? more : all;
	return arena_print(a, "%.*s%s%.*s", STRF(all), between, STRF(more));
}

void authz_decide(struct authz *a, struct arena *arena, const struct access_query *q,
	struct access_answer *answer)
{
	*answer = (struct access_answer){0};
	if (user_in_group(q->user, STR("system:masters"))) {
		answer->decision = ACCESS_ALLOW;
		return;
	}
	for (size_t i = 0; i < a->chain->count; i++) {
		struct authorizer *one = &a->chain->items[i];
		struct access_answer said = {0};
		enum access_decision d = ask_one(a, one, arena, q, &said);

		if (d == ACCESS_ALLOW || d == ACCESS_DENY)
			count_decision(a, one, d);
		if (d != ACCESS_NO_OPINION) {
			said.decision = d;
			*answer = said;
			return;
		}
		answer->reason = join(arena, answer->reason, said.reason, "\n");
		answer->error = join(arena, answer->error, said.error, ", ");
	}
}

enum access_decision authz_ask(
	struct authz *a, struct arena *arena, const struct access_query *q, struct str *reason)
{
	struct access_answer answer;

	authz_decide(a, arena, q, &answer);
	*reason = answer.reason;
	return answer.decision;
}

bool authz_may_wait(const struct authz *a)
{
	for (size_t i = 0; i < a->chain->count; i++)
		if (a->chain->items[i].webhook)
			return true;
	return false;
}

struct rbac *authz_rbac(struct authz *a)
{
	return a->rbac;
}

/* ---- rules ---- */

struct listing {
	struct arena *arena;
	struct access_rules *rules;
};

static void add_rule(struct listing *l, const char *text, struct cJSON *list)
{
	struct cJSON *tree;

	if (!json_parse(l->arena, str_from(text), NULL, &tree, NULL))
		json_append(list, tree);
}

static void add_all(struct listing *l)
{
	add_rule(l, "{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}",
		l->rules->resources);
	add_rule(l, "{\"verbs\":[\"*\"],\"nonResourceURLs\":[\"*\"]}", l->rules->paths);
}

static bool add_copy(void *ctx, const struct cJSON *rule)
{
	struct listing *l = ctx;
	bool path = json_count(json_get(rule, STR("nonResourceURLs"))) > 0;

	json_append(path ? l->rules->paths : l->rules->resources, json_copy(l->arena, rule));
	return false;
}

static void add_fault(struct listing *l, struct str fault)
{
	l->rules->fault = join(l->arena, l->rules->fault, fault, ", ");
}

void authz_list_rules(struct authz *a, struct arena *arena, const struct api_user *user,
	struct str namespace, struct access_rules *rules)
{
	struct listing l = {arena, rules};
	struct str node;

	*rules = (struct access_rules){
		.resources = json_new(arena, JSON_ARRAY), .paths = json_new(arena, JSON_ARRAY)};
	if (user_in_group(user, STR("system:masters")))
		add_all(&l);
	for (size_t i = 0; i < a->chain->count; i++)
		switch (a->chain->items[i].type) {
		case AUTHZ_ALLOW:
			add_all(&l);
			break;
		case AUTHZ_DENY:
			break;
		case AUTHZ_RBAC:
			add_fault(&l, rbac_each_rule(
					      a->rbac, arena, user, namespace, add_copy, &l, NULL));
			break;
		case AUTHZ_NODE:
			if (!node_identity(user, &node))
				break;
			rules->incomplete = true;
			add_fault(&l, STR("node authorizer does not support user rule resolution"));
			break;
		case AUTHZ_ABAC:
			abac_add_rules(
				a->abac, arena, user, namespace, rules->resources, rules->paths);
			break;
		case AUTHZ_WEBHOOK:
			rules->incomplete = true;
			add_fault(&l,
				STR("webhook authorizer does not support user rule resolution"));
			break;
		}
}
