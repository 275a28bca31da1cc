#include "kubeconfig_exec.h"

#include <kube/api_codec.h>

#include <stdarg.h>

/* ---- reading ---- */

/* go_type: what Go decodes it into, where that is no plain type. */
static int check(const struct cJSON *value, enum json_type type, const char *field,
	const char *go_type, struct err *err)
{
	if (!value || json_is(value, type) || json_is(value, JSON_NULL))
		return 0;
	return err_set(err, ERR_SYNTAX,
		"error loading config file: json: cannot unmarshal %s into Go struct field "
		"%s of type %s",
		json_type_name(json_type(value)), field, go_type ? go_type : json_type_name(type));
}

static int check_lists(const struct cJSON *exec, struct err *err)
{
	const struct cJSON *args = json_get(exec, STR("args")), *env = json_get(exec, STR("env"));
	int code = check(args, JSON_ARRAY, "ExecConfig.users.user.exec.args", "[]string", err);

	if (!code)
		code = check(
			env, JSON_ARRAY, "ExecConfig.users.user.exec.env", "[]v1.ExecEnvVar", err);
	if (code)
		return code;
	json_each (arg, args)
		if (!code)
			code = check(
				arg, JSON_STRING, "ExecConfig.users.user.exec.args", NULL, err);
	json_each (var, env) {
		if (!code)
			code = check(var, JSON_OBJECT, "ExecConfig.users.user.exec.env",
				"v1.ExecEnvVar", err);
		if (!code)
			code = check(json_get(var, STR("name")), JSON_STRING,
				"ExecEnvVar.users.user.exec.env.name", NULL, err);
		if (!code)
			code = check(json_get(var, STR("value")), JSON_STRING,
				"ExecEnvVar.users.user.exec.env.value", NULL, err);
	}
	return code;
}

int kubeconfig_exec_check(const struct cJSON *exec, struct err *err)
{
	static const struct {
		const char *name, *field;
		enum json_type type;
	} members[] = {
		{"command", "ExecConfig.users.user.exec.command", JSON_STRING},
		{"apiVersion", "ExecConfig.users.user.exec.apiVersion", JSON_STRING},
		{"installHint", "ExecConfig.users.user.exec.installHint", JSON_STRING},
		{"interactiveMode", "ExecConfig.users.user.exec.interactiveMode", JSON_STRING},
		{"provideClusterInfo", "ExecConfig.users.user.exec.provideClusterInfo", JSON_BOOL},
	};
	int code = check(exec, JSON_OBJECT, "AuthInfo.users.user.exec", "v1.ExecConfig", err);

	for (size_t i = 0; i < ARRAY_LEN(members) && !code; i++)
		code = check(json_get(exec, str_from(members[i].name)), members[i].type,
			members[i].field, NULL, err);
	return code ? code : check_lists(exec, err);
}

void kubeconfig_exec_place(struct arena *a, struct cJSON *exec, struct str dir)
{
	struct str command = tree_str(exec, "command");

	if (!dir.len || str_find_char(command, '/') <= 0)
		return; /* looked for in PATH, or absolute */
	json_set(a, exec, STR("command"),
		json_new_str(a, arena_print(a, "%.*s/%.*s", STRF(dir), STRF(command))));
}

/* ---- taking ---- */

/* It goes to a terminal: what moves cursors and colours is shown as what it is. */
static struct str clean_hint(struct arena *a, struct str hint)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);

	for (size_t i = 0; i < hint.len; i++) {
		unsigned char c = (unsigned char)hint.at[i];
		unsigned char next = i + 1 < hint.len ? (unsigned char)hint.at[i + 1] : 0;

		if ((c < 0x20 && (c < '\t' || c > '\r')) || c == 0x7f)
			buf_print(&out, "U+%04X", c);
		else if (c == 0xc2 && next >= 0x80 && next < 0xa0)
			buf_print(&out, "U+%04X", (unsigned char)hint.at[++i]);
		else
			buf_add_char(&out, (char)c);
	}
	return arena_str(a, buf_str(&out));
}

static const struct cJSON *extension_of(const struct cJSON *cluster)
{
	json_each (named, json_get(cluster, STR("extensions")))
		if (str_eq(tree_str(named, "name"), STR("client.authentication.k8s.io/exec")))
			return json_get(named, STR("extension"));
	return NULL;
}

/* Said in every version but the first two, where it has a default. */
static struct str mode_of(const struct cJSON *exec)
{
	struct str mode = tree_str(exec, "interactiveMode");
	struct str version = tree_str(exec, "apiVersion");

	if (!mode.len && (str_eq_text(version, "client.authentication.k8s.io/v1beta1") ||
				 str_eq_text(version, "client.authentication.k8s.io/v1alpha1")))
		return STR("IfAvailable");
	return mode;
}

const struct client_exec *kubeconfig_exec_take(
	struct arena *a, const struct cJSON *exec, const struct cJSON *cluster)
{
	const struct cJSON *args = json_get(exec, STR("args")), *env = json_get(exec, STR("env"));

	if (!json_is(exec, JSON_OBJECT))
		return NULL;
	struct client_exec *e = arena_new(a, sizeof(*e));
	e->command = tree_str(exec, "command");
	e->api_version = tree_str(exec, "apiVersion");
	e->interactive_mode = mode_of(exec);
	e->install_hint = clean_hint(a, tree_str(exec, "installHint"));
	e->provide_cluster_info = json_bool(json_get(exec, STR("provideClusterInfo")));
	e->args = arena_new(a, (json_count(args) + 1) * sizeof(*e->args));
	json_each (arg, args)
		e->args[e->arg_count++] = json_str(arg);
	e->env = arena_new(a, (json_count(env) + 1) * sizeof(*e->env));
	json_each (var, env)
		e->env[e->env_count++] = (struct client_exec_env){
			.name = tree_str(var, "name"), .value = tree_str(var, "value")};
	e->cluster_config = extension_of(cluster);
	return e;
}

/* ---- is it usable ---- */

struct fault_list {
	kubeconfig_fault_fn *told;
	void *ctx;
};

static void fault(const struct fault_list *f, const char *format, ...) KUBE_PRINTF(2, 3);
static void fault(const struct fault_list *f, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * KIB);
	va_list args;

	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	f->told(f->ctx, buf_str(&text));
}

void kubeconfig_exec_faults(
	const struct client_exec *e, struct str user, kubeconfig_fault_fn *told, void *ctx)
{
	const struct fault_list f = {told, ctx};

	if (!e->command.len)
		fault(&f, "command must be specified for %.*s to use exec authentication plugin",
			STRF(user));
	if (!e->api_version.len)
		fault(&f, "apiVersion must be specified for %.*s to use exec authentication plugin",
			STRF(user));
	for (size_t i = 0; i < e->env_count; i++)
		if (!e->env[i].name.len)
			fault(&f,
				"env variable name must be specified for %.*s to use exec "
				"authentication plugin",
				STRF(user));
	if (!e->interactive_mode.len)
		fault(&f,
			"interactiveMode must be specified for %.*s to use exec authentication "
			"plugin",
			STRF(user));
	else if (!str_eq_text(e->interactive_mode, "Never") &&
		 !str_eq_text(e->interactive_mode, "IfAvailable") &&
		 !str_eq_text(e->interactive_mode, "Always"))
		fault(&f, "invalid interactiveMode for %.*s: \"%.*s\"", STRF(user),
			STRF(e->interactive_mode));
}

/* ---- keeping ---- */

struct client_exec *client_exec_copy(struct arena *a, const struct client_exec *from)
{
	if (!from)
		return NULL;
	struct client_exec *e = arena_copy(a, from, sizeof(*from));
	e->command = arena_str(a, from->command);
	e->api_version = arena_str(a, from->api_version);
	e->interactive_mode = arena_str(a, from->interactive_mode);
	e->install_hint = arena_str(a, from->install_hint);
	e->stdin_message = arena_str(a, from->stdin_message);
	e->args = arena_new(a, (from->arg_count + 1) * sizeof(*e->args));
	for (size_t i = 0; i < from->arg_count; i++)
		e->args[i] = arena_str(a, from->args[i]);
	e->env = arena_new(a, (from->env_count + 1) * sizeof(*e->env));
	for (size_t i = 0; i < from->env_count; i++)
		e->env[i] = (struct client_exec_env){.name = arena_str(a, from->env[i].name),
			.value = arena_str(a, from->env[i].value)};
	if (from->cluster_config)
		e->cluster_config = json_copy(a, from->cluster_config);
	return e;
}
