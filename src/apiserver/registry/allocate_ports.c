/* Node ports of Services, and the port that balancers ask. */
#include "allocate_private.h"
#include "api_options.h"

#include <kube/map.h>

#define TRIES 64 /* at random, before a walk from the start */

/* Of node ports at the low end of the range: a thirty-second of it within these. */
#define LOW_MIN 16
#define LOW_MAX 128

static struct str number(struct choice *c, int64_t port)
{
	return arena_print(c->r->arena, "%lld", (long long)port);
}

/* The low end of the range is for people who choose by themselves, as long as there are others. */
static uint32_t low_ports(uint32_t size)
{
	uint32_t low = size / 32 > LOW_MAX ? LOW_MAX : size / 32;

	if (low < LOW_MIN)
		low = LOW_MIN;
	return size > low ? low : 0;
}

static bool any_port(struct choice *c, int64_t *port)
{
	const struct api_options *o = c->r->server->options;
	uint32_t size = (uint32_t)(o->node_port_last - o->node_port_first + 1), random;
	uint32_t low = low_ports(size);

	for (uint32_t i = 0; i < TRIES + size; i++) {
		env_random(c->r->server->env, &random, sizeof(random));
		*port = o->node_port_first +
			(i < TRIES ? low + random % (size - low) : (low + i - TRIES) % size);
		if (!choice_is_free(c, number(c, *port)))
			continue;
		choice_reserve(c, number(c, *port));
		return true;
	}
	return false;
}

static bool old_has_port(const struct choice *c, int64_t port)
{
	json_each (was, json_path(c->old, "spec.ports"))
		if (tree_int(was, "nodePort", 0) == port)
			return true;
	return tree_int(c->old, "spec.healthCheckNodePort", 0) == port;
}

static bool taken_here(const struct choice *c, struct str name)
{
	for (size_t i = 0; i < c->taken->count; i++)
		if (str_eq(c->taken->names[i], name))
			return true;
	return false;
}

/* Before this port of the service; one protocol has a number once. */
static bool repeated(const struct choice *c, const struct cJSON *port)
{
	json_each (other, json_path(c->service, "spec.ports")) {
		if (other == port)
			return false;
		if (tree_int(other, "nodePort", 0) == tree_int(port, "nodePort", 0) &&
			str_eq(tree_str(other, "protocol"), tree_str(port, "protocol")))
			return true;
	}
	return false;
}

static void take_port(struct choice *c, const struct path *at, int64_t port)
{
	const struct api_options *o = c->r->server->options;
	struct str name = number(c, port);

	if (port < o->node_port_first || port > o->node_port_last)
		field_invalid_int(&c->errors, at, port,
			"provided port is not in the valid range. The range of valid ports is "
			"%u-%u",
			o->node_port_first, o->node_port_last);
	else if (!choice_is_free(c, name))
		field_invalid_int(&c->errors, at, port, "provided port is already allocated");
	else
		choice_reserve(c, name);
}

static void give_port(struct choice *c, const struct path *at, struct cJSON *port)
{
	int64_t chosen;

	if (any_port(c, &chosen))
		tree_set_int(c->r->arena, port, "nodePort", chosen);
	else
		field_internal(&c->errors, at, "failed to allocate a nodePort: range is full");
}

/* ---- of a new service ---- */

/* What the first of the ports of this number has, in order up to `end` (NULL: of all). */
static int64_t shared_port(
	const struct choice *c, const struct cJSON *port, const struct cJSON *end)
{
	json_each (other, json_path(c->service, "spec.ports")) {
		if (other == end)
			break;
		if (tree_int(other, "port", 0) == tree_int(port, "port", 0) &&
			tree_int(other, "nodePort", 0))
			return tree_int(other, "nodePort", 0);
	}
	return 0;
}

/* TCP and UDP of one number come to the same node port, unless it is said otherwise. */
static void new_port(struct choice *c, const struct path *at, struct cJSON *port, bool any)
{
	int64_t wanted = tree_int(port, "nodePort", 0), before = shared_port(c, port, port);

	if (!wanted && !any)
		return;
	if (before && (!wanted || wanted == before)) {
		tree_set_int(c->r->arena, port, "nodePort", before);
		return;
	}
	if (!wanted)
		wanted = shared_port(c, port, NULL);
	if (!wanted) {
		give_port(c, at, port);
		return;
	}
	take_port(c, at, wanted);
	tree_set_int(c->r->arena, port, "nodePort", wanted);
}

/* ---- of one that changes ---- */

static void kept_port(struct choice *c, const struct path *at, const struct cJSON *port)
{
	int64_t wanted = tree_int(port, "nodePort", 0);

	if (old_has_port(c, wanted))
		return;
	if (repeated(c, port))
		field_invalid_int(&c->errors, at, wanted, "provided port is already allocated");
	else if (!taken_here(c, number(c, wanted))) /* TCP and UDP of one service share */
		take_port(c, at, wanted);
}

static void change_ports(struct choice *c, const struct path *ports, bool any)
{
	size_t i = 0;

	json_each (port, json_path(c->service, "spec.ports")) {
		struct path item = PATH_INDEX(ports, i++), at = PATH(&item, "nodePort");

		if (tree_int(port, "nodePort", 0))
			kept_port(c, &at, port);
	}
	i = 0;
	json_each (port, json_path(c->service, "spec.ports")) {
		struct path item = PATH_INDEX(ports, i++), at = PATH(&item, "nodePort");

		if (any && !c->errors.count && !tree_int(port, "nodePort", 0))
			give_port(c, &at, port);
	}
}

/* Who wants none given may still ask for some. */
void choice_take_ports(struct choice *c)
{
	struct path spec = PATH(NULL, "spec"), ports = PATH(&spec, "ports");
	bool any = service_needs_node_ports(c->service);
	size_t i = 0;

	if (!any && !str_eq_text(tree_str(c->service, "spec.type"), "LoadBalancer"))
		return;
	if (c->old) {
		change_ports(c, &ports, any);
		return;
	}
	json_each (port, json_path(c->service, "spec.ports")) {
		struct path item = PATH_INDEX(&ports, i++), at = PATH(&item, "nodePort");

		if (!c->errors.count)
			new_port(c, &at, port, any);
	}
}

/* ---- the health port ---- */

/* Upstream hides what is wrong with a wished-for port in an error of its own. */
struct status *choice_take_health_port(struct choice *c)
{
	const struct api_options *o = c->r->server->options;
	int64_t port = tree_int(c->service, "spec.healthCheckNodePort", 0);
	const char *why = NULL;

	if (!port && !any_port(c, &port))
		return status_internal(c->r->arena, "failed to allocate a HealthCheck NodePort %s",
			"range is full");
	if (!tree_int(c->service, "spec.healthCheckNodePort", 0)) {
		tree_set_int(c->r->arena, c->service, "spec.healthCheckNodePort", port);
		return NULL;
	}
	if (old_has_port(c, port))
		return NULL;
	if (port < o->node_port_first || port > o->node_port_last)
		why = arena_print(c->r->arena,
			"provided port is not in the valid range. The range of valid ports is "
			"%u-%u",
			o->node_port_first, o->node_port_last)
			      .at;
	else if (!choice_is_free(c, number(c, port)))
		why = "provided port is already allocated";
	if (!why) {
		choice_reserve(c, number(c, port));
		return NULL;
	}
	return status_internal(c->r->arena,
		"failed to allocate requested HealthCheck NodePort %lld: %s", (long long)port, why);
}
