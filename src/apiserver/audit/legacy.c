/* Events as single lines of text: what --audit-log-format=legacy writes. */
#include "record.h"

#include <kube/field.h>

static void print_member(struct buf *out, const char *name, struct str value)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	buf_print(out, " %s=%.*s", name, STRF(field_quote(&a, value)));
}

static struct str or_else(struct str value, const char *otherwise)
{
	return value.len ? value : str_from(otherwise);
}

/* Quoted one by one, and then all of them. */
static void print_groups(
	struct buf *out, const char *name, const struct cJSON *groups, const char *otherwise)
{
	_cleanup_(buf_done) struct buf all = BUF_INIT(MIB);
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	json_each (group, groups)
		buf_print(
			&all, "%s%.*s", all.len ? "," : "", STRF(field_quote(&a, json_str(group))));
	print_member(out, name, groups ? buf_str(&all) : str_from(otherwise));
}

void audit_print_legacy(struct buf *out, const struct cJSON *e)
{
	const struct cJSON *user = json_get(e, STR("user")),
			   *as = json_get(e, STR("impersonatedUser"));
	const struct cJSON *status = json_get(e, STR("responseStatus"));
	struct str name = json_str(json_get(user, STR("username")));
	int64_t code = 0;

	buf_print(out, "%.*s AUDIT:", STRF(json_str(json_get(e, STR("requestReceivedTimestamp")))));
	print_member(out, "id", json_str(json_get(e, STR("auditID"))));
	print_member(out, "stage", json_str(json_get(e, STR("stage"))));
	print_member(out, "ip",
		or_else(json_str(json_first(json_get(e, STR("sourceIPs")))), "<unknown>"));
	print_member(out, "method", json_str(json_get(e, STR("verb"))));
	print_member(out, "user", or_else(name, "<none>"));
	print_groups(out, "groups", name.len ? json_get(user, STR("groups")) : NULL, "<none>");
	print_member(out, "as", as ? json_str(json_get(as, STR("username"))) : STR("<self>"));
	print_groups(out, "asgroups", json_get(as, STR("groups")), "<lookup>");
	print_member(out, "user-agent", json_str(json_get(e, STR("userAgent"))));
	print_member(
		out, "namespace", or_else(json_str(json_path(e, "objectRef.namespace")), "<none>"));
	print_member(out, "uri", json_str(json_get(e, STR("requestURI"))));
	if (status && json_int(json_get(status, STR("code")), &code))
		buf_print(out, " response=\"%lld\"", (long long)code);
	else
		buf_add_text(out, " response=\"<deferred>\"");
}
