/* The configuration file of the plugins: one document that holds or names that of each. */
#include "settings.h"
#include "api_options.h"
#include "image_policy.h"

#include <kube/yaml.h>

#define FILE_MAX (1 * MIB)

static bool is_wanted(const struct admission_plugin *const *wanted, const char *name)
{
	for (; *wanted; wanted++)
		if (!strcmp((*wanted)->name, name))
			return true;
	return false;
}

/* ---- files ---- */

static int read_tree(struct admission_settings *s, struct disk *disk, const char *path,
	struct cJSON **tree, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(FILE_MAX);

	int code = disk_read_file(disk, path, &text, err);

	if (code)
		return err_wrap(err, code,
			"unable to read admission control configuration from \"%s\"", path);
	code = yaml_read_any(&s->arena, arena_str(&s->arena, buf_str(&text)), NULL, tree, err);
	return code ? err_wrap(err, code, "admission control configuration \"%s\"", path) : 0;
}

/* Names in the file are seen from where the file stands. */
static const char *beside(struct arena *a, struct str file, struct str path)
{
	size_t cut = file.len;

	while (cut && file.at[cut - 1] != '/')
		cut--;
	if (path.at[0] == '/' || !cut)
		return arena_print(a, "%.*s", STRF(path)).at;
	return arena_print(a, "%.*s%.*s", (int)cut, file.at, STRF(path)).at;
}

static bool is_configuration(const struct cJSON *tree)
{
	struct str version = tree_str(tree, "apiVersion");

	return str_eq_text(tree_str(tree, "kind"), "AdmissionConfiguration") &&
	       (str_eq_text(version, "apiserver.config.k8s.io/v1") ||
		       str_eq_text(version, "apiserver.k8s.io/v1alpha1"));
}

static bool plugin_known(struct str name)
{
	for (const struct admission_plugin *p = admission_plugins; p->name; p++)
		if (str_eq_text(name, p->name))
			return true;
	return false;
}

static int take_plugin(struct admission_settings *s, struct disk *disk, struct str file,
	struct cJSON *entry, struct err *err)
{
	struct str name = tree_str(entry, "name"), path = tree_str(entry, "path");
	struct cJSON *config = json_get(entry, STR("configuration"));

	if (!plugin_known(name))
		return err_set(err, ERR_USAGE,
			"admission control configuration: there is no plugin \"%.*s\"", STRF(name));
	if (path.len) {
		if (read_tree(s, disk, beside(&s->arena, file, path), &config, err))
			return err->code;
	}
	if (json_is(config, JSON_OBJECT))
		json_set(&s->arena, s->plugins, name, json_copy(&s->arena, config));
	return 0;
}

/* Before there was a kind for it, the file was that of these two and nothing else. */
static int take_whole(struct admission_settings *s, struct cJSON *tree, struct err *err)
{
	if (tree_has(tree, "apiVersion") || tree_has(tree, "kind") || !json_is(tree, JSON_OBJECT))
		return err_set(err, ERR_USAGE,
			"admission control configuration: no kind \"%.*s\" is registered for "
			"version \"%.*s\"",
			STRF(tree_str(tree, "kind")), STRF(tree_str(tree, "apiVersion")));
	json_set(&s->arena, s->plugins, STR("PodNodeSelector"), json_copy(&s->arena, tree));
	json_set(&s->arena, s->plugins, STR("ImagePolicyWebhook"), json_copy(&s->arena, tree));
	return 0;
}

static int read_file(
	struct admission_settings *s, struct disk *disk, struct str file, struct err *err)
{
	struct cJSON *tree;
	int code = read_tree(s, disk, file.at, &tree, err);

	if (code)
		return code;
	if (!is_configuration(tree))
		return take_whole(s, tree, err);
	json_each (entry, json_get(tree, STR("plugins"))) {
		code = take_plugin(s, disk, file, entry, err);
		if (code)
			return code;
	}
	return 0;
}

/* ---- what they say ---- */

static const struct cJSON *said_to(const struct admission_settings *s, const char *plugin)
{
	return json_get(s->plugins, str_from(plugin));
}

static int check_kind(const struct cJSON *config, const char *plugin, const char *kind,
	const char *group, struct err *err)
{
	struct str group_named, version;

	if (!config)
		return 0;
	api_version_split(tree_str(config, "apiVersion"), &group_named, &version);
	if (str_eq_text(tree_str(config, "kind"), kind) && str_eq_text(group_named, group))
		return 0;
	return err_set(err, ERR_USAGE,
		"failed to read configuration of admission plugin %s: no kind \"%.*s\" is "
		"registered for version \"%.*s\"",
		plugin, STRF(tree_str(config, "kind")), STRF(tree_str(config, "apiVersion")));
}

static int heed_webhooks(struct admission_settings *s, struct api_server *server, struct err *err)
{
	static const char *const names[] = {
		"ValidatingAdmissionWebhook", "MutatingAdmissionWebhook"};
	int code = 0;

	for (size_t i = 0; !code && i < ARRAY_LEN(names); i++) {
		const struct cJSON *said = said_to(s, names[i]);

		if (str_eq_text(tree_str(said, "kind"), "WebhookAdmission"))
			code = check_kind(
				said, names[i], "WebhookAdmission", "apiserver.config.k8s.io", err);
		else
			code = check_kind(said, names[i], "WebhookAdmissionConfiguration",
				"apiserver.config.k8s.io", err);
		if (!code)
			code = hook_identities_read(&s->hook_identities[i], server, said, err);
	}
	return code;
}

static int heed(struct admission_settings *s, struct api_server *server,
	const struct admission_plugin *const *wanted, struct err *err)
{
	const struct cJSON *security = said_to(s, "PodSecurity"),
			   *rates = said_to(s, "EventRateLimit"),
			   *tolerations = said_to(s, "PodTolerationRestriction");
	int code = check_kind(security, "PodSecurity", "PodSecurityConfiguration",
		"pod-security.admission.config.k8s.io", err);

	if (!code)
		code = pod_security_settings_read(&s->pod_security, security, err);
	if (!code)
		code = check_kind(tolerations, "PodTolerationRestriction", "Configuration",
			"podtolerationrestriction.admission.k8s.io", err);
	if (!code)
		code = check_kind(rates, "EventRateLimit", "Configuration",
			"eventratelimit.admission.k8s.io", err);
	if (!code && is_wanted(wanted, "EventRateLimit"))
		code = event_rates_new(&s->event_rates, rates, server->env, err);
	if (!code)
		code = heed_webhooks(s, server, err);
	if (!code && is_wanted(wanted, "ImagePolicyWebhook"))
		code = image_policy_new(
			&s->image_policy, server, said_to(s, "ImagePolicyWebhook"), err);
	s->tolerations = tolerations;
	s->selectors = json_get(said_to(s, "PodNodeSelector"), STR("podNodeSelectorPluginConfig"));
	return code;
}

int admission_settings_read(struct admission_settings *s, struct api_server *server,
	const struct admission_plugin *const *wanted, struct err *err)
{
	struct str file = server->options->admission_config_file;
	int code = 0;

	*s = (struct admission_settings){0};
	arena_init(&s->arena);
	s->plugins = json_new(&s->arena, JSON_OBJECT);
	if (file.len)
		code = read_file(
			s, server->env->disk, arena_print(&s->arena, "%.*s", STRF(file)), err);
	return code ? code : heed(s, server, wanted, err);
}

void admission_settings_stop(struct admission_settings *s)
{
	image_policy_stop(s->image_policy);
}

void admission_settings_done(struct admission_settings *s)
{
	image_policy_free(s->image_policy);
	event_rates_free(s->event_rates);
	hook_identities_free(s->hook_identities[0]);
	hook_identities_free(s->hook_identities[1]);
	arena_done(&s->arena);
}
