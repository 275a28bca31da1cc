/* kubeconfig files: reading, merging, choosing. client-go's words where something is wrong. */
#include "kubeconfig_exec.h"

#include <kube/api_codec.h>
#include <kube/codec.h>
#include <kube/yaml.h>

#include <stdarg.h>

#define DATA_MAX MIB

/* ---- reading ---- */

struct list_row {
	const char *list, *item, *go_type;
	const char *files[4];    /* members that name files */
	const char *strings[12]; /* members that are strings */
	const char *flag;        /* a member that is a boolean */
};

static const struct list_row lists[] = {
	{"clusters", "cluster", "Cluster", {"certificate-authority"},
		{"server", "certificate-authority", "certificate-authority-data", "tls-server-name",
			"proxy-url"},
		"insecure-skip-tls-verify"},
	{"users", "user", "AuthInfo", {"client-certificate", "client-key", "tokenFile"},
		{"client-certificate", "client-certificate-data", "client-key", "client-key-data",
			"token", "tokenFile", "as", "as-uid", "username", "password"},
		NULL},
	{"contexts", "context", "Context", {NULL}, {"cluster", "user", "namespace"}, NULL},
};

static int check_type(const struct cJSON *value, enum json_type type, struct err *err,
	const char *format, ...) KUBE_PRINTF(4, 5);
static int check_type(
	const struct cJSON *value, enum json_type type, struct err *err, const char *format, ...)
{
	_cleanup_(buf_done) struct buf field = BUF_INIT(KIB);
	va_list args;

	if (!value || json_is(value, type) || json_is(value, JSON_NULL))
		return 0;
	va_start(args, format);
	buf_vprint(&field, format, args);
	va_end(args);
	return err_set(err, ERR_SYNTAX,
		"error loading config file: json: cannot unmarshal %s into Go struct field %s of "
		"type %s",
		json_type_name(json_type(value)), buf_text(&field), json_type_name(type));
}

static int check_item(const struct cJSON *item, const struct list_row *row, struct err *err)
{
	for (size_t i = 0; row->strings[i]; i++) {
		const char *name = row->strings[i];
		int code = check_type(json_get(item, str_from(name)), JSON_STRING, err,
			"%s.%s.%s.%s", row->go_type, row->list, row->item, name);

		if (code)
			return code;
	}
	if (!row->flag)
		return 0;
	return check_type(json_get(item, str_from(row->flag)), JSON_BOOL, err, "%s.%s.%s.%s",
		row->go_type, row->list, row->item, row->flag);
}

static void make_absolute(struct arena *a, struct cJSON *item, const char *member, struct str dir)
{
	struct str key = str_from(member), path = json_str(json_get(item, key));

	if (!path.len || !dir.len || path.at[0] == '/')
		return;
	json_set(a, item, key, json_new_str(a, arena_print(a, "%.*s/%.*s", STRF(dir), STRF(path))));
}

static int check_list(struct arena *a, struct cJSON *root, const struct list_row *row,
	struct str dir, struct err *err)
{
	const struct cJSON *list = json_get(root, str_from(row->list));

	if (list && !json_is(list, JSON_ARRAY) && !json_is(list, JSON_NULL))
		return err_set(err, ERR_SYNTAX, "%s of a kubeconfig is no list", row->list);
	json_each (named, list) {
		struct cJSON *item = json_get(named, str_from(row->item));

		if (!json_is(named, JSON_OBJECT) ||
			(item && !json_is(item, JSON_OBJECT) && !json_is(item, JSON_NULL)))
			return err_set(
				err, ERR_SYNTAX, "%s of a kubeconfig: malformed entry", row->list);
		int code = check_type(json_get(named, STR("name")), JSON_STRING, err,
			"Named%s.%s.name", row->go_type, row->list);
		if (!code)
			code = check_item(item, row, err);
		if (code)
			return code;
		struct cJSON *exec = json_get(item, STR("exec"));
		if (row == &lists[1] && json_is(item, JSON_OBJECT) && exec)
			code = kubeconfig_exec_check(exec, err);
		if (code)
			return code;
		for (size_t i = 0; row->files[i]; i++)
			make_absolute(a, item, row->files[i], dir);
		if (row == &lists[1] && json_is(exec, JSON_OBJECT))
			kubeconfig_exec_place(a, exec, dir);
	}
	return 0;
}

int kubeconfig_parse(
	struct arena *a, struct str text, struct str dir, struct kubeconfig *k, struct err *err)
{
	struct cJSON *root = NULL;
	int code = yaml_read_any(a, text, NULL, &root, err);

	if (code)
		return err_wrap(err, code, "error loading config file");
	if (json_is(root, JSON_NULL))
		root = json_new(a, JSON_OBJECT);
	if (!json_is(root, JSON_OBJECT))
		return err_set(err, ERR_SYNTAX, "error loading config file: no mapping");
	struct str kind = tree_str(root, "kind");
	if (kind.len && !str_eq_text(kind, "Config"))
		return err_set(err, ERR_SYNTAX,
			"error loading config file: no kind \"%.*s\" is registered for version "
			"\"%.*s\"",
			STRF(kind), STRF(tree_str(root, "apiVersion")));
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		code = check_list(a, root, &lists[i], dir, err);
		if (code)
			return code;
	}
	code = check_type(
		json_get(root, STR("current-context")), JSON_STRING, err, "Config.current-context");
	if (code)
		return code;
	*k = (struct kubeconfig){
		.root = root, .current_context = json_str(json_get(root, STR("current-context")))};
	return 0;
}

/* ---- looking ---- */

static const struct cJSON *find_named(
	const struct cJSON *root, const struct list_row *row, struct str name)
{
	json_each (named, json_get(root, str_from(row->list)))
		if (str_eq(json_str(json_get(named, STR("name"))), name))
			return named;
	return NULL;
}

/* An entry without a body is there, and empty. */
static const struct cJSON *body_of(
	struct arena *a, const struct cJSON *named, const struct list_row *row)
{
	const struct cJSON *body = json_get(named, str_from(row->item));

	return json_is(body, JSON_OBJECT) ? body : json_new(a, JSON_OBJECT);
}

/* ---- merging ---- */

static void merge_list(
	struct arena *a, struct cJSON *to, const struct cJSON *from, const struct list_row *row)
{
	struct str key = str_from(row->list);
	struct cJSON *into = json_get(to, key);

	if (!json_is(into, JSON_ARRAY)) {
		into = json_new(a, JSON_ARRAY);
		json_set(a, to, key, into);
	}
	json_each (named, json_get(from, key))
		if (!find_named(to, row, json_str(json_get(named, STR("name")))))
			json_append(into, json_copy(a, named));
}

void kubeconfig_merge(struct arena *a, struct kubeconfig *to, const struct kubeconfig *from)
{
	if (!to->root)
		to->root = json_new(a, JSON_OBJECT);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		merge_list(a, to->root, from->root, &lists[i]);
	if (!to->current_context.len)
		to->current_context = arena_str(a, from->current_context);
}

/* ---- choosing ---- */

static struct str member(const struct cJSON *body, const char *name)
{
	return json_str(json_get(body, str_from(name)));
}

static int decode_member(struct arena *a, const struct cJSON *body, const char *name,
	struct str *out, struct err *err)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT(DATA_MAX);
	struct str text = member(body, name);

	if (!text.len)
		return 0;
	int code = base64_decode(&bytes, text, err);
	if (!code && buf_over(&bytes))
		code = err_set(err, ERR_TOO_LARGE, "more than %zu bytes", (size_t)DATA_MAX);
	if (code)
		return err_wrap(err, code, "%s of a kubeconfig", name);
	*out = arena_str(a, buf_str(&bytes));
	return 0;
}

static int take_cluster(
	struct arena *a, const struct cJSON *cluster, struct client_config *out, struct err *err)
{
	out->server = member(cluster, "server");
	out->ca_file = member(cluster, "certificate-authority");
	out->tls_server_name = member(cluster, "tls-server-name");
	out->proxy_url = member(cluster, "proxy-url");
	out->insecure = json_bool(json_get(cluster, STR("insecure-skip-tls-verify")));
	out->disable_compression = json_bool(json_get(cluster, STR("disable-compression")));
	return decode_member(a, cluster, "certificate-authority-data", &out->ca_data, err);
}

static void take_groups(struct arena *a, const struct cJSON *user, struct client_config *out)
{
	const struct cJSON *groups = json_get(user, STR("as-groups"));
	const struct cJSON *extra = json_get(user, STR("as-user-extra"));

	out->as_groups = arena_new(a, (json_count(groups) + 1) * sizeof(*out->as_groups));
	json_each (group, groups)
		out->as_groups[out->as_group_count++] = json_str(group);
	out->as_extra = json_is(extra, JSON_OBJECT) ? extra : NULL;
}

static int take_user(
	struct arena *a, const struct cJSON *user, struct client_config *out, struct err *err)
{
	out->cert_file = member(user, "client-certificate");
	out->key_file = member(user, "client-key");
	out->token = member(user, "token");
	out->token_file = member(user, "tokenFile");
	out->username = member(user, "username");
	out->password = member(user, "password");
	out->as = member(user, "as");
	out->as_uid = member(user, "as-uid");
	take_groups(a, user, out);
	int code = decode_member(a, user, "client-certificate-data", &out->cert_data, err);
	if (!code)
		code = decode_member(a, user, "client-key-data", &out->key_data, err);
	return code;
}

/* ---- is it usable: client-go's checks, in its order ---- */

#define EMPTY_CLUSTER "cluster has no server defined"
#define EMPTY_CONFIG                                                                               \
	"no configuration has been provided, try setting KUBERNETES_MASTER environment variable"

struct faults {
	struct arena *arena;
	struct str items[12];
	size_t count;
};

static void fault(struct faults *f, const char *format, ...) KUBE_PRINTF(2, 3);
static void fault(struct faults *f, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);
	va_list args;

	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	if (f->count < ARRAY_LEN(f->items))
		f->items[f->count++] = arena_str(f->arena, buf_str(&text));
}

static void check_certificate(struct faults *f, const struct client_config *c, struct str user)
{
	if (!c->cert_file.len && !c->cert_data.len)
		return;
	if (c->cert_file.len && c->cert_data.len)
		fault(f,
			"client-cert-data and client-cert are both specified for %.*s. "
			"client-cert-data will override.",
			STRF(user));
	if (c->key_file.len && c->key_data.len)
		fault(f,
			"client-key-data and client-key are both specified for %.*s; "
			"client-key-data will override",
			STRF(user));
	if (!c->key_file.len && !c->key_data.len)
		fault(f,
			"client-key-data or client-key must be specified for %.*s to use the "
			"clientCert authentication method.",
			STRF(user));
}

static void exec_fault(void *ctx, struct str text)
{
	fault(ctx, "%.*s", STRF(text));
}

static void check_user(struct faults *f, const struct client_config *c, struct str user)
{
	check_certificate(f, c, user);
	if (c->exec)
		kubeconfig_exec_faults(c->exec, user, exec_fault, f);
	if (c->token.len && (c->username.len || c->password.len))
		fault(f,
			"more than one authentication method found for %.*s; found [token "
			"basicAuth], only one is allowed",
			STRF(user));
	if (!c->as.len && (c->as_uid.len || c->as_group_count || c->as_extra))
		fault(f,
			"requesting uid, groups or user-extra for %.*s without impersonating a "
			"user",
			STRF(user));
}

static void check_cluster(
	struct faults *f, const struct client_config *c, const struct cJSON *body, struct str name)
{
	if (!json_count(body)) {
		fault(f, EMPTY_CLUSTER);
		return;
	}
	if (!c->server.len && !name.len)
		fault(f, "default cluster has no server defined");
	else if (!c->server.len)
		fault(f, "no server found for cluster \"%.*s\"", STRF(name));
	if (c->ca_file.len && c->ca_data.len)
		fault(f,
			"certificate-authority-data and certificate-authority are both specified "
			"for %.*s. certificate-authority-data will override.",
			STRF(name));
}

static int tell_faults(const struct faults *f, const struct client_config *c, struct err *err)
{
	_cleanup_(buf_done) struct buf all = BUF_INIT(KIB);

	if (f->count == 1 && str_eq(f->items[0], STR(EMPTY_CLUSTER)))
		return err_set(err, ERR_INVALID, "invalid configuration: " EMPTY_CONFIG);
	if (f->count == 1)
		return err_set(err, ERR_INVALID, "invalid configuration: %.*s", STRF(f->items[0]));
	for (size_t i = 0; i < f->count; i++)
		buf_print(&all, "%s%.*s", i ? ", " : "", STRF(f->items[i]));
	if (f->count)
		return err_set(err, ERR_INVALID, "invalid configuration: [%s]", buf_text(&all));
	if (c->insecure && (c->ca_file.len || c->ca_data.len))
		return err_set(err, ERR_INVALID,
			"specifying a root certificates file with the insecure flag is not "
			"allowed");
	return 0;
}

/* What the caller has named must be there; what the context names may be missing, and is empty. */
static int check_named(
	const struct cJSON *named, struct str wanted, const char *what, struct err *err)
{
	if (!wanted.len || named)
		return 0;
	return err_set(err, ERR_NOT_FOUND, "%s \"%.*s\" does not exist", what, STRF(wanted));
}

int kubeconfig_resolve(struct arena *a, const struct kubeconfig *k,
	const struct kubeconfig_choice *choice, struct client_config *out, struct err *err)
{
	struct str name = choice->context.len ? choice->context : k->current_context;
	const struct cJSON *context = find_named(k->root, &lists[2], name);
	const struct cJSON *body = body_of(a, context, &lists[2]);
	struct str cluster = choice->cluster.len ? choice->cluster : member(body, "cluster");
	struct str user = choice->user.len ? choice->user : member(body, "user");
	const struct cJSON *one = find_named(k->root, &lists[1], user);
	const struct cJSON *other = find_named(k->root, &lists[0], cluster);
	struct client_config c = {.namespace = member(body, "namespace")};
	struct faults faults = {.arena = a};

	int code = check_named(one, choice->user, "auth info", err);
	if (!code)
		code = check_named(context, choice->context, "context", err);
	if (!code)
		code = check_named(other, choice->cluster, "cluster", err);
	if (!code && name.len && !context)
		code = err_set(err, ERR_NOT_FOUND,
			"context was not found for specified context: %.*s", STRF(name));
	if (!code)
		code = take_user(a, body_of(a, one, &lists[1]), &c, err);
	if (!code)
		code = take_cluster(a, body_of(a, other, &lists[0]), &c, err);
	if (code)
		return code;
	c.exec = kubeconfig_exec_take(
		a, json_get(body_of(a, one, &lists[1]), STR("exec")), body_of(a, other, &lists[0]));
	check_user(&faults, &c, user);
	check_cluster(&faults, &c, body_of(a, other, &lists[0]), cluster);
	code = tell_faults(&faults, &c, err);
	if (!code)
		*out = c;
	return code;
}

/* ---- inside a pod ---- */

#define POD_DIR "/var/run/secrets/kubernetes.io/serviceaccount"

int client_config_in_cluster(struct arena *a, struct str host, struct str port, struct str dir,
	struct client_config *out, struct err *err)
{
	bool v6 = str_find_char(host, ':') >= 0;

	if (!host.len || !port.len)
		return err_set(err, ERR_NOT_FOUND,
			"unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
			"KUBERNETES_SERVICE_PORT must be defined");
	if (!dir.len)
		dir = STR(POD_DIR);
	*out = (struct client_config){
		.server = arena_print(a, v6 ? "https://[%.*s]:%.*s" : "https://%.*s:%.*s",
			STRF(host), STRF(port)),
		.ca_file = arena_print(a, "%.*s/ca.crt", STRF(dir)),
		.token_file = arena_print(a, "%.*s/token", STRF(dir))};
	return 0;
}
