/* Which kind in which version a body says it is, and whether that is what was to be sent. */
#include "body_private.h"

struct status *body_cannot_handle(struct api_request *r, const struct body_identity *who,
	const struct body_kind *kind, struct str why)
{
	return status_new(r->arena, ERR_BAD_REQUEST,
		"%.*s in version \"%.*s\" cannot be handled as a %.*s: %.*s", STRF(who->kind),
		STRF(who->version), STRF(kind->kind), STRF(why));
}

bool body_read_identity(struct arena *a, const struct cJSON *root, struct str *api_version,
	struct str *kind, struct str *why)
{
	enum json_type type = json_type(root);

	*api_version = *kind = STR("");
	if (type != JSON_OBJECT && type != JSON_NULL) {
		*why = arena_print(a,
			"couldn't get version/kind; json parse error: json: cannot unmarshal %s "
			"into Go value of type struct { APIVersion string "
			"\"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
			"\"json:\\\"kind,omitempty\\\"\" }",
			json_type_name(type));
		return false;
	}
	json_each (child, root) {
		struct str key = json_key(child);
		struct str *into = str_eq(key, STR("apiVersion")) ? api_version
				   : str_eq(key, STR("kind"))     ? kind
								  : NULL;

		if (!into || json_is(child, JSON_NULL))
			continue;
		if (!json_is(child, JSON_STRING)) {
			*why = arena_print(a,
				"couldn't get version/kind; json parse error: json: cannot "
				"unmarshal %s into Go struct field .%.*s of type string",
				json_type_name(json_type(child)), STRF(key));
			return false;
		}
		*into = json_str(child);
	}
	return true;
}

bool body_is_custom(const struct body_kind *kind)
{
	return kind->resource && kind->resource->custom;
}

struct body_identity body_complete_identity(
	struct arena *a, struct str api_version, struct str kind, const struct body_kind *want)
{
	struct body_identity who = {.kind = kind.len ? kind : want->kind};

	api_version_split(api_version, &who.group, &who.version);
	if (!who.version.len && !who.group.len && !body_is_custom(want)) {
		who.group = want->group;
		who.version = want->version;
	}
	struct body_kind said = {.group = who.group, .version = who.version};
	who.api_version = body_api_version(a, &said);
	return who;
}

/* Kinds that every group and version has. */
static bool kind_is_general(struct str kind)
{
	static const char *const kinds[] = {"Status", "ListOptions", "GetOptions", "DeleteOptions",
		"CreateOptions", "UpdateOptions", "PatchOptions", "WatchEvent", "APIVersions",
		"APIGroup", "APIGroupList", "APIResourceList"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_eq_text(kind, kinds[i]))
			return true;
	return false;
}

static bool is_registered(const struct body_identity *who)
{
	bool version_known = false;
	const struct resource *res;

	for (size_t i = 0; (res = resource_at(i)); i++) {
		if (!str_eq(res->group, who->group) || !str_eq(res->version, who->version))
			continue;
		version_known = true;
		if (str_eq(res->kind, who->kind) || str_eq(res->list_kind, who->kind))
			return true;
		for (size_t k = 0; k < res->subresource_count; k++) {
			const struct subresource *sub = &res->subresources[k];

			if (str_eq(sub->kind, who->kind) && str_eq(sub->group, who->group) &&
				str_eq(sub->version, who->version))
				return true;
		}
	}
	return version_known && kind_is_general(who->kind);
}

/* "v1.Pod" and "core.Pod": a package is named after the group, or the version. */
static struct str internal_package(struct str group)
{
	struct str head, rest;

	if (!group.len)
		return STR("core");
	str_cut(group, '.', &head, &rest);
	return head;
}

static struct status *wrong_version(
	struct api_request *r, const struct body_identity *who, const struct body_kind *want)
{
	return status_new(r->arena, ERR_BAD_REQUEST,
		"the API version in the data (%.*s) does not match the expected API version (%.*s)",
		STRF(who->api_version), STRF(want->resource->api_version));
}

struct status *body_check_identity(
	struct api_request *r, const struct body_identity *who, const struct body_kind *want)
{
	bool version_fits = str_eq(who->group, want->group) && str_eq(who->version, want->version);
	const struct resource *res;

	if (version_fits && str_eq(who->kind, want->kind))
		return NULL;
	if (body_is_custom(want)) /* the kind is looked at by its rules */
		return version_fits ? NULL : wrong_version(r, who, want);
	if (!is_registered(who))
		return body_cannot_handle(r, who, want,
			arena_print(r->arena,
				"no kind \"%.*s\" is registered for version \"%.*s\" in scheme "
				"\"pkg/api/legacyscheme/scheme.go:30\"",
				STRF(who->kind), STRF(who->api_version)));
	res = resource_find_kind(who->group, who->version, who->kind);
	if (want->resource && res && res->hub == want->resource->hub)
		return wrong_version(r, who, want);
	return body_cannot_handle(r, who, want,
		arena_print(r->arena, "converting (%.*s.%.*s) to (%.*s.%.*s): unknown conversion",
			STRF(who->version), STRF(who->kind), STRF(internal_package(want->group)),
			STRF(want->kind)));
}
