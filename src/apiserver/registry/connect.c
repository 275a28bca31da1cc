/*
 * What happens inside of a pod: log, exec, attach, portforward, proxy. Options and the pod are
 * judged here; the rest needs a way to the kubelet, which this server does not have yet.
 */
#include "registry.h"

static struct status *unreachable(struct api_request *r)
{
	return status_new(r->arena, ERR_UNAVAILABLE,
		"%.*s of %.*s \"%.*s\" cannot be reached: no kubelet is connected to this server",
		STRF(r->subresource), STRF(r->resource->plural), STRF(r->name));
}

/* ---- which container ---- */

static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers", NULL};

static bool has_container(const struct cJSON *spec, struct str name)
{
	for (size_t i = 0; lists[i]; i++)
		json_each (container, json_get(spec, str_from(lists[i])))
			if (str_eq(tree_str(container, "name"), name))
				return true;
	return false;
}

static struct status *check_container(struct api_request *r, const struct cJSON *pod)
{
	const struct cJSON *spec = json_get(pod, STR("spec"));
	_cleanup_(buf_done) struct buf names = BUF_INIT(1 * MIB);
	struct str name = {0};

	request_query(r, "container", &name);
	if (name.len && !has_container(spec, name))
		return status_new(r->arena, ERR_BAD_REQUEST,
			"container %.*s is not valid for pod %.*s", STRF(name), STRF(r->name));
	if (name.len || json_count(json_get(spec, STR("containers"))) == 1)
		return NULL;
	for (size_t i = 0; lists[i]; i++)
		json_each (container, json_get(spec, str_from(lists[i])))
			buf_print(&names, "%s%.*s", names.len ? " " : "",
				STRF(tree_str(container, "name")));
	return status_new(r->arena, ERR_BAD_REQUEST,
		"a container name must be specified for pod %.*s, choose one of: [%.*s]",
		STRF(r->name), STRF(buf_str(&names)));
}

static struct status *find_pod(struct api_request *r, struct cJSON **pod)
{
	struct object *o = registry_find(r);

	if (!o)
		return status_not_found(r->arena, r->resource, r->name);
	*pod = object_tree(r->arena, o);
	return NULL;
}

/* ---- log ---- */

struct log_options {
	bool has_tail, has_bytes, has_seconds, has_time;
	int64_t tail, bytes, seconds;
};

static struct status *read_number(
	struct api_request *r, const char *name, bool *has, int64_t *number)
{
	struct str text;

	*has = request_query(r, name, &text) && text.len;
	if (!*has || str_to_i64(text, number))
		return NULL;
	return status_new(r->arena, ERR_BAD_REQUEST,
		"strconv.ParseInt: parsing %.*s: invalid syntax",
		STRF(field_quote(r->arena, text)));
}

static struct status *read_log_options(struct api_request *r, struct log_options *o)
{
	struct str since;
	struct status *s = read_number(r, "sinceSeconds", &o->has_seconds, &o->seconds);

	if (!s)
		s = read_number(r, "tailLines", &o->has_tail, &o->tail);
	if (!s)
		s = read_number(r, "limitBytes", &o->has_bytes, &o->bytes);
	o->has_time = request_query(r, "sinceTime", &since) && since.len;
	return s;
}

static struct status *check_log_options(struct api_request *r, const struct log_options *o)
{
	struct field_errors e = {.arena = r->arena};

	if (o->has_tail && o->tail < 0)
		field_invalid_int(&e, &PATH(NULL, "tailLines"), o->tail,
			"must be greater than or equal to 0");
	if (o->has_bytes && o->bytes < 1)
		field_invalid_int(
			&e, &PATH(NULL, "limitBytes"), o->bytes, "must be greater than 0");
	if (o->has_seconds && o->has_time)
		field_forbidden(&e, &PATH_KEY(NULL, STR("")),
			"at most one of `sinceTime` or `sinceSeconds` may be specified");
	else if (o->has_seconds && o->seconds < 1)
		field_invalid_int(
			&e, &PATH(NULL, "sinceSeconds"), o->seconds, "must be greater than 0");
	return status_invalid(r->arena, STR(""), STR("PodLogOptions"), r->name, &e);
}

void handle_log(struct api_request *r)
{
	struct log_options options = {0};
	struct cJSON *pod = NULL;
	struct status *s = read_log_options(r, &options);

	if (!s)
		s = check_log_options(r, &options);
	if (!s)
		s = find_pod(r, &pod);
	if (!s)
		s = check_container(r, pod);
	if (s)
		request_fail(r, s);
	else if (!tree_str(pod, "spec.nodeName").len)
		answer_text(r, 204, NULL, STR("")); /* it has said nothing yet */
	else
		request_fail(r, unreachable(r));
}

/* ---- exec, attach, portforward ---- */

void handle_exec(struct api_request *r)
{
	struct cJSON *pod = NULL;
	struct status *s = find_pod(r, &pod);

	if (!s && !str_eq_text(r->subresource, "portforward"))
		s = check_container(r, pod);
	if (!s && !tree_str(pod, "spec.nodeName").len)
		s = status_new(r->arena, ERR_BAD_REQUEST, "pod %.*s does not have a host assigned",
			STRF(r->name));
	request_fail(r, s ? s : unreachable(r));
}

/* ---- proxy ---- */

/* "scheme:name:port", "name:port" or "name". */
static bool split_name(struct str id, struct str *name)
{
	struct str parts[3], rest = id;
	size_t count = 0;

	while (count < ARRAY_LEN(parts) && str_next(&rest, ':', &parts[count]))
		count++;
	if (rest.at)
		return false;
	*name = parts[count == 3 ? 1 : 0];
	return name->len && (count < 3 || !parts[0].len || str_eq_text(parts[0], "http") ||
				    str_eq_text(parts[0], "https"));
}

/* To a service: one of its ready endpoints, by the name or number of a port. */
void handle_service_proxy(struct api_request *r)
{
	struct str name;

	if (!split_name(r->name, &name)) {
		request_fail(
			r, status_new(r->arena, ERR_BAD_REQUEST, "invalid service request %.*s",
				   STRF(field_quote(r->arena, r->name))));
		return;
	}
	r->name = name;
	if (registry_find(r) &&
		server_read(r->server, r->arena, "", "endpoints", r->namespace, name))
		request_fail(r, status_new(r->arena, ERR_UNAVAILABLE,
					"services \"%.*s\" cannot be reached: this server does not "
					"forward to services yet",
					STRF(name)));
	else
		request_fail(r, status_not_found(r->arena, r->resource, r->name));
}

void handle_pod_proxy(struct api_request *r)
{
	struct cJSON *pod = NULL;
	struct str name;
	struct status *s = NULL;

	if (split_name(r->name, &name))
		r->name = name;
	else
		s = status_new(r->arena, ERR_BAD_REQUEST, "invalid pod request %.*s",
			STRF(field_quote(r->arena, r->name)));
	if (!s)
		s = find_pod(r, &pod);
	if (!s && !tree_str(pod, "status.podIP").len)
		s = status_new(r->arena, ERR_BAD_REQUEST, "address not allowed");
	request_fail(r, s ? s : unreachable(r));
}
