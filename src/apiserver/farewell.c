/*
 * What answers say of their connection. Over HTTP/2 one connection carries as many requests as
 * somebody likes. Who does not say who they are gets one for each connection, as over HTTP/1.0;
 * everybody else may be asked by chance to connect anew, so that clients spread over several
 * servers.
 */
#include "farewell.h"
#include "api_options.h"

static bool is_nobody(const struct api_request *r)
{
	return !r->real_user || str_eq_text(r->real_user->name, "system:anonymous");
}

static bool falls_to(struct api_request *r, double chance)
{
	uint32_t number;

	if (chance <= 0)
		return false;
	env_random(r->server->env, &number, sizeof(number));
	return number < chance * UINT32_MAX;
}

void farewell_add_headers(struct api_request *r, struct http_headers *h)
{
	const struct api_options *o = r->server->options;

	if (r->local || r->x->request.version != HTTP_2)
		return;
	if ((is_nobody(r) && api_gate(o, "UnauthenticatedHTTP2DOSMitigation")) ||
		falls_to(r, o->goaway_chance))
		http_headers_add(r->arena, h, STR("Connection"), STR("close"));
}
