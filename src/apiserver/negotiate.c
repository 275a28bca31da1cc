#include "negotiate.h"

#include <kube/media.h>

#define TYPES "application/json, application/yaml, application/vnd.kubernetes.protobuf"
#define STREAM_TYPES                                                                               \
	"application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"

static bool writes_patch(const struct api_request *r)
{
	return str_eq(r->method, STR("PATCH"));
}

/* Execs and proxies speak for themselves. */
static bool is_connection(const struct api_request *r)
{
	static const char *const names[] = {"exec", "attach", "portforward", "proxy"};

	for (size_t i = 0; r->sub && i < ARRAY_LEN(names); i++)
		if (str_eq_text(r->subresource, names[i]))
			return true;
	return false;
}

/* ---- the router's look ---- */

static struct str bare(struct str type)
{
	struct str head, rest;

	str_cut(type, ';', &head, &rest);
	return str_trim(head);
}

static bool is_one_of(struct str type, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_text(type, names[i]))
			return true;
	return false;
}

static struct status *with_empty_details(struct status *s)
{
	s->has_details = true;
	return s;
}

static struct status *route_patch_type(struct api_request *r)
{
	static const char *const types[] = {"application/json-patch+json",
		"application/merge-patch+json", "application/strategic-merge-patch+json",
		"application/apply-patch+yaml"};
	struct str rest = request_header(r, "Content-Type"), piece;

	while (str_next(&rest, ',', &piece))
		if (is_one_of(bare(piece), types, ARRAY_LEN(types)))
			return NULL;
	return with_empty_details(
		status_new(r->arena, ERR_UNSUPPORTED_MEDIA_TYPE, "415: Unsupported Media Type"));
}

static struct status *route_accept(struct api_request *r)
{
	static const char *const types[] = {"application/json", "application/yaml",
		"application/vnd.kubernetes.protobuf", "*/*"};
	struct str rest = request_header(r, "Accept"), piece;
	bool log = str_eq(r->subresource, STR("log"));
	bool lists = str_eq(r->method, STR("GET")) && !r->has_name;

	if (!rest.len)
		return NULL;
	while (str_next(&rest, ',', &piece)) {
		struct str type = bare(piece);

		if (is_one_of(type, types, ARRAY_LEN(types)) ||
			(log && str_eq(type, STR("text/plain"))))
			return NULL;
	}
	return with_empty_details(status_new(r->arena, ERR_NOT_ACCEPTABLE,
		"406: Not Acceptable\n\nAvailable representations: %s" TYPES "%s",
		log ? "text/plain, " : "", lists ? ", " STREAM_TYPES : ""));
}

struct status *negotiate_route(struct api_request *r)
{
	if (r->resource->custom || is_connection(r))
		return NULL;
	if (writes_patch(r)) {
		struct status *no = route_patch_type(r);

		if (no)
			return no;
	}
	return route_accept(r);
}

/* ---- the handler's look ---- */

static struct status *not_acceptable(struct api_request *r)
{
	return status_new(r->arena, ERR_NOT_ACCEPTABLE,
		"only the following media types are accepted: %s",
		str_eq(r->verb, STR("watch")) ? STREAM_TYPES : TYPES);
}

/* Reviews and their like have no rows. */
static bool has_table(const struct api_request *r)
{
	return r->resource && (r->resource->verbs & (VERB_GET | VERB_LIST | VERB_UPDATE));
}

/* as, g and v of one range: false when that cannot be given. */
static bool read_transform(
	const struct api_request *r, const struct media_type *m, struct representation *w)
{
	struct str as = {0}, group = {0}, version = {0};
	bool any = false;

	for (size_t i = 0; i < m->param_count; i++) {
		struct str key = m->params[i].key, value = m->params[i].value;

		if (str_eq(key, STR("as")))
			as = value, any = true;
		else if (str_eq(key, STR("g")))
			group = value, any = true;
		else if (str_eq(key, STR("v")))
			version = value, any = true;
		else if (str_eq(key, STR("stream")) && !str_eq(value, STR("watch")) && value.len)
			return false;
		else if (str_eq(key, STR("pretty")))
			w->pretty = str_eq(value, STR("1"));
	}
	if (!any)
		return true;
	if (!r->is_resource || !str_eq(group, STR("meta.k8s.io")) ||
		(!str_eq(version, STR("v1")) && !str_eq(version, STR("v1beta1"))))
		return false;
	w->as_version = version;
	if (str_eq(as, STR("Table"))) {
		w->as = AS_TABLE;
		return w->format != WIRE_PROTOBUF && has_table(r);
	}
	if (str_eq(as, STR("PartialObjectMetadata")))
		w->as = AS_PARTIAL;
	else if (str_eq(as, STR("PartialObjectMetadataList")))
		w->as = AS_PARTIAL_LIST;
	else
		return false;
	return true;
}

static bool range_covers(const struct media_type *m, const char *subtype)
{
	bool all = str_eq(m->type, STR("*"));

	return (all || str_eq(m->type, STR("application"))) &&
	       ((all && str_eq(m->subtype, STR("*"))) || (!all && str_eq(m->subtype, STR("*"))) ||
		       str_eq_text(m->subtype, subtype));
}

static const struct {
	const char *subtype;
	enum wire_format format;
} formats[] = {
	{"json", WIRE_JSON}, {"yaml", WIRE_YAML}, {"vnd.kubernetes.protobuf", WIRE_PROTOBUF}};

static bool accept_range(
	const struct api_request *r, const struct media_type *m, struct representation *w)
{
	bool watch = str_eq(r->verb, STR("watch")) && r->is_resource;
	bool custom = r->resource && r->resource->custom;

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct representation try = {.format = formats[i].format};

		if (!range_covers(m, formats[i].subtype) || (watch && try.format == WIRE_YAML) ||
			!read_transform(r, m, &try))
			continue;
		/* Custom objects have no protobuf; what is made of their metadata has. */
		if (custom && try.format == WIRE_PROTOBUF && try.as == AS_OBJECT)
			continue;
		*w = try;
		return true;
	}
	return false;
}

/* Browsers and people with curl like to see lines. */
static bool wants_pretty(const struct api_request *r)
{
	static const char *const agents[] = {"curl", "Wget", "Mozilla/5.0"};
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	struct str value;

	if (request_query(r, "pretty", &value) && value.len)
		return is_one_of(value, yes, ARRAY_LEN(yes));
	for (size_t i = 0; i < ARRAY_LEN(agents); i++)
		if (str_starts(r->user_agent, str_from(agents[i])))
			return true;
	return false;
}

struct representation negotiate_status(struct api_request *r)
{
	struct representation rep = {.format = WIRE_JSON, .pretty = wants_pretty(r)};
	struct str accept = request_header(r, "Accept");
	struct media_type *ranges;
	size_t count = 0;

	if (!accept.len || media_parse_accept(r->arena, accept, &ranges, &count, NULL))
		return rep;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < ARRAY_LEN(formats); k++)
			if (range_covers(&ranges[i], formats[k].subtype)) {
				rep.format = formats[k].format;
				rep.pretty |= str_eq_text(media_param(&ranges[i], "pretty"), "1");
				return rep;
			}
	return rep;
}

static struct status *read_include_object(struct api_request *r)
{
	struct str value;

	r->wants.objects = TABLE_OBJECT_METADATA;
	if (!request_query(r, "includeObject", &value) || !value.len ||
		str_eq(value, STR("Metadata")))
		return NULL;
	if (str_eq(value, STR("None")))
		r->wants.objects = TABLE_OBJECT_NONE;
	else if (str_eq(value, STR("Object")))
		r->wants.objects = TABLE_OBJECT_FULL;
	else
		return status_new(r->arena, ERR_BAD_REQUEST,
			"Unable to convert to Table as requested: includeObject: Invalid value: "
			"\"%.*s\": must be 'Metadata', 'Object', 'None', or empty",
			STRF(value));
	return NULL;
}

struct status *negotiate_accept(struct api_request *r)
{
	struct str accept = request_header(r, "Accept");
	struct media_type *ranges;
	size_t count = 0;
	bool found = !accept.len;

	r->wants = (struct representation){.format = WIRE_JSON, .resource = r->resource};
	if (is_connection(r))
		return NULL;
	if (accept.len && media_parse_accept(r->arena, accept, &ranges, &count, NULL))
		count = 0;
	for (size_t i = 0; i < count && !found; i++)
		found = accept_range(r, &ranges[i], &r->wants);
	r->wants.resource = r->resource;
	r->wants.now = r->now;
	r->wants.stream = r->is_resource && str_eq(r->verb, STR("watch"));
	r->wants.pretty |= wants_pretty(r);
	if (!found && str_eq(r->subresource, STR("log")))
		return NULL;
	/* Plain paths look for themselves, if they care. */
	if (!found && r->is_resource)
		return not_acceptable(r);
	return r->wants.as == AS_TABLE ? read_include_object(r) : NULL;
}

/* Their types have no strategic merge. */
static struct status *check_custom_patch(struct api_request *r)
{
	static const char *const types[] = {"application/json-patch+json",
		"application/merge-patch+json", "application/apply-patch+yaml"};

	if (is_one_of(r->content_type, types, ARRAY_LEN(types)))
		return NULL;
	return status_new(r->arena, ERR_UNSUPPORTED_MEDIA_TYPE,
		"the body of the request was in an unknown format - accepted media types include: "
		"%s, %s, %s",
		types[0], types[1], types[2]);
}

struct status *negotiate_content_type(struct api_request *r)
{
	static const char *const types[] = {
		"application/json", "application/yaml", "application/vnd.kubernetes.protobuf"};
	struct str header = request_header(r, "Content-Type");
	struct media_type m;

	if (writes_patch(r)) {
		r->content_type = bare(header);
		return r->resource->custom ? check_custom_patch(r) : NULL;
	}
	if (!header.len) {
		r->content_type = STR("application/json");
		return NULL;
	}
	if (!media_parse(r->arena, header, &m, NULL)) {
		struct str type = arena_print(r->arena, "%.*s/%.*s", STRF(m.type), STRF(m.subtype));

		if (is_one_of(type, types, ARRAY_LEN(types)) &&
			!(r->resource->custom && str_eq_text(type, types[2]))) {
			r->content_type = type;
			return NULL;
		}
	}
	return status_new(r->arena, ERR_UNSUPPORTED_MEDIA_TYPE,
		"the body of the request was in an unknown format - accepted media types include: "
		"%s",
		r->resource->custom ? "application/json, application/yaml" : TYPES);
}

void stage_negotiate(struct api_request *r)
{
	struct status *no = negotiate_accept(r);
	bool writes = r->is_resource && !is_connection(r) &&
		      (str_eq(r->method, STR("POST")) || str_eq(r->method, STR("PUT")) ||
			      writes_patch(r) ||
			      (str_eq(r->method, STR("DELETE")) && r->x->request.length));

	if (!no && writes)
		no = negotiate_content_type(r);
	if (no)
		request_fail(r, no);
	else
		request_next(r);
}
