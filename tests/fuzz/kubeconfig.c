/* kubeconfig: whatever a file says, reading it ends, and what is chosen is sound. */
#include <kube/kubeconfig.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct str text = str_make((const char *)at, len);
	struct kubeconfig k = {0}, all = {0};
	struct client_config c = {0};
	struct arena a;

	arena_init(&a);
	if (!kubeconfig_parse(&a, text, STR("/dir"), &k, NULL)) {
		kubeconfig_merge(&a, &all, &k);
		kubeconfig_merge(&a, &all, &k);
		if (!kubeconfig_resolve(&a, &all, &(struct kubeconfig_choice){0}, &c, NULL))
			assert(c.server.len);
		kubeconfig_resolve(
			&a, &k, &(struct kubeconfig_choice){.context = STR("a")}, &c, NULL);
	}
	arena_done(&a);
	return 0;
}
