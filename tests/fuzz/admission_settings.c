/*
 * The file of --admission-control-config-file. Behind a zero byte: another file beside it,
 * more.yaml, which it may name; behind another, the kubeconfig hook.kubeconfig.
 */
#include "apiserver/admission/plugins.h"
#include "apiserver/admission/settings.h"
#include "apiserver/api_options.h"

#include <kube/sim.h>
#include <stdlib.h>

static void put(struct env *env, const char *path, struct str text)
{
	if (disk_write_file(env->disk, path, text, 0600, NULL))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct admission_plugin rates = {.name = "EventRateLimit"};
	const struct admission_plugin *const wanted[] = {&rates, NULL};
	struct str rest = str_make((const char *)data, size), part = {0};
	struct sim *sim = sim_new(1);
	struct api_options options = {.admission_config_file = STR("/c/main.yaml")};
	struct api_server server = {
		.env = sim_host(sim, "host", ip_v4(10, 0, 0, 1)), .options = &options};
	struct admission_settings settings;
	struct err err = {0};

	if (disk_make_dirs(server.env->disk, "/c", 0700, NULL))
		abort();
	str_cut(rest, '\0', &part, &rest);
	put(server.env, "/c/main.yaml", part);
	str_cut(rest, '\0', &part, &rest);
	put(server.env, "/c/more.yaml", part);
	put(server.env, "/c/hook.kubeconfig", rest);
	if (admission_settings_read(&settings, &server, wanted, &err))
		assert(err.code && *err_text(&err));
	else
		assert(settings.event_rates);
	admission_settings_done(&settings);
	err_done(&err);
	sim_free(sim);
	return 0;
}
