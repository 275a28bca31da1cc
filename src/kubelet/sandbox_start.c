#include "container_config.h"
#include "pod_batch.h"
#include "pod_prepare.h"

#include <kube/api_codec.h>

enum sandbox_step { SANDBOX_CGROUP, SANDBOX_RUN, SANDBOX_DONE };
static const char *const sandbox_steps[] = {"cgroup", "run", "done"};

static void not_made(struct pod_item *item, struct err *err)
{
	struct kubelet *k = item_kubelet(item);

	if (err->code != ERR_CANCELLED)
		kubelet_event(k, item_pod(item), NULL, "Warning", "FailedCreatePodSandBox",
			arena_print(
				&item->arena, "Failed to create pod sandbox: %s", err_text(err)));
	task_fail(&item->task, err);
}

static void sandbox_run(struct task *t, struct err *err)
{
	struct pod_item *item = CONTAINER_OF(t, struct pod_item, task);
	struct kubelet *k = item_kubelet(item);
	const struct kubelet_options *o = &k->options;

	if (t->step == SANDBOX_RUN)
		pod_cgroup_done(&item->cgroup);
	if (err->code && t->step != SANDBOX_DONE)
		return not_made(item, err);
	switch ((enum sandbox_step)t->step) {
	case SANDBOX_CGROUP:
		pod_cgroup_make(k, &item->cgroup, task_await(t, SANDBOX_RUN, OP_NO_DEADLINE),
			item_pod(item));
		return;
	case SANDBOX_RUN: {
		const struct sandbox_input in = {.pod = item_pod(item),
			.attempt = item->action.attempt,
			.user_count = (uint32_t)k->configuration.users_of_a_pod,
			.log_root = o->log_dir,
			.hostname = o->hostname,
			.dns_domain = o->dns_domain,
			.dns_servers = o->dns_servers,
			.dns_server_count = o->dns_server_count,
			.node_servers = k->resolver.servers,
			.node_searches = k->resolver.searches,
			.node_options = k->resolver.options,
			.node_server_count = k->resolver.server_count,
			.node_search_count = k->resolver.search_count,
			.node_option_count = k->resolver.option_count};

		if (item->action.attempt)
			kubelet_event(k, item_pod(item), NULL, "Normal", "SandboxChanged",
				STR("Pod sandbox changed, it will be killed and re-created."));
		if (sandbox_config_make(&item->arena, &in, &item->sandbox.config, err))
			return not_made(item, err);
		if (!k->cgroups)
			item->sandbox.config.cgroup_parent = STR("");
		k->runtime->ops->run_sandbox(
			k->runtime, task_await(t, SANDBOX_DONE, OP_NO_DEADLINE), &item->sandbox);
		return;
	}
	case SANDBOX_DONE:
		if (err->code)
			return not_made(item, err);
		task_finish(t, 0);
	}
}

static const struct task_kind sandbox_kind = TASK_KIND("sandbox", sandbox_steps, sandbox_run);

void sandbox_start(struct pod_item *item)
{
	task_start(&item->task, &sandbox_kind, &item->op);
}
