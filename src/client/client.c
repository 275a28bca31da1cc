#include "send.h"

#include <kube/mem.h>

#define DEFAULT_AGENT "kube"

struct client *client_new(
	struct env *env, struct client_transport *transport, const struct client_options *options)
{
	struct client *c = mem_new(sizeof(*c));
	const char *agent = options->user_agent ? options->user_agent : DEFAULT_AGENT;
	struct str first, rest;

	c->env = env;
	c->transport = transport;
	arena_init(&c->arena);
	c->user_agent = arena_str(&c->arena, str_from(agent));
	str_cut(c->user_agent, '/', &first, &rest);
	c->field_manager = arena_str(&c->arena, str_sub(first, 0, 128));
	rate_init(&c->rate, options->qps, MAX(options->burst, 1), loop_now(env->loop));
	return c;
}

void client_stop(struct client *c, struct op *op)
{
	c->transport->ops->stop(c->transport, op);
}

void client_free(struct client *c)
{
	if (!c)
		return;
	c->transport->ops->free(c->transport);
	arena_done(&c->arena);
	mem_free(c);
}

bool client_shows(const struct client *c)
{
	return c->transport->ops->show != NULL;
}

int client_show(struct client *c, struct str certificate, struct str key, struct err *err)
{
	if (!client_shows(c))
		return err_set(err, ERR_UNSUPPORTED, "this server asks for no certificate");
	return c->transport->ops->show(c->transport, certificate, key, err);
}

struct env *client_env(const struct client *c)
{
	return c->env;
}
