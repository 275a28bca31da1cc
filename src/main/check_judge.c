/* What kube check decides, without looking at anything. */
#include "check.h"

#include <kube/time.h>

#define EARLIEST_YEAR 2026 /* nothing of this is older */
#define LATEST_YEAR   2200
#define SETTLED       (2 * MINUTE) /* younger pods may still be on their way */

/* ---- of the machine ---- */

const char *check_time(int64_t now, int64_t newest)
{
	int year = time_split(now).year;

	if (year < EARLIEST_YEAR)
		return "it is long past";
	if (year > LATEST_YEAR)
		return "it is far ahead";
	if (newest > now + HOUR)
		return "what the cluster has written is younger than that";
	return NULL;
}

bool check_is_rival(struct str name)
{
	static const char *const names[] = {"kubelet", "kube-proxy", "kube-apiserver", "kubelite",
		"k3s", "k3s-server", "k3s-agent", "k0s", "rke2", "dockerd"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_text(name, names[i]))
			return true;
	return false;
}

/* ---- of the cluster ---- */

static const struct cJSON *condition_of(const struct cJSON *object, const char *type)
{
	json_each (condition, json_path(object, "status.conditions"))
		if (str_eq_text(json_str(json_get(condition, STR("type"))), type))
			return condition;
	return NULL;
}

static bool is_status(const struct cJSON *condition, const char *status)
{
	return condition && str_eq_text(json_str(json_get(condition, STR("status"))), status);
}

bool check_node(const struct cJSON *node, struct buf *why)
{
	static const char *const pressures[] = {
		"MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"};
	const struct cJSON *ready = condition_of(node, "Ready");

	if (!is_status(ready, "True")) {
		struct str message = json_str(json_get(ready, STR("message")));

		buf_print(why, "is not ready: %.*s",
			STRF(message.len ? message : STR("it has never said so")));
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(pressures); i++)
		if (is_status(condition_of(node, pressures[i]), "True")) {
			buf_print(why, "has %s", pressures[i]);
			return true;
		}
	return false;
}

/* The first container that waits or has ended badly says why. */
static struct str container_reason(const struct cJSON *pod, const char *list)
{
	json_each (status, json_path(json_get(pod, STR("status")), list)) {
		struct str why = json_str(json_path(status, "state.waiting.reason"));

		if (!why.len)
			why = json_str(json_path(status, "state.terminated.reason"));
		if (why.len && !str_eq_text(why, "Completed"))
			return why;
	}
	return STR("");
}

static struct str pod_reason(const struct cJSON *pod)
{
	const struct cJSON *scheduled = condition_of(pod, "PodScheduled");
	struct str why = container_reason(pod, "initContainerStatuses");

	if (!why.len)
		why = container_reason(pod, "containerStatuses");
	if (!why.len && is_status(scheduled, "False"))
		why = json_str(json_get(scheduled, STR("message")));
	if (!why.len)
		why = json_str(json_path(pod, "status.reason"));
	return why.len ? why : STR("it is not ready");
}

static bool time_of(const struct cJSON *pod, const char *path, int64_t *at)
{
	struct str text = json_str(json_path(pod, path));

	return text.len && !time_parse(text, at, NULL);
}

bool check_pod(const struct cJSON *pod, int64_t now, struct buf *why)
{
	struct str phase = json_str(json_path(pod, "status.phase"));
	int64_t at;

	/* That time has the grace in it. */
	if (time_of(pod, "metadata.deletionTimestamp", &at)) {
		if (at > now - SETTLED)
			return false;
		buf_add_text(why, "was to end and has not");
		return true;
	}
	if (str_eq_text(phase, "Succeeded") || is_status(condition_of(pod, "Ready"), "True"))
		return false;
	if (time_of(pod, "metadata.creationTimestamp", &at) && at > now - SETTLED)
		return false;
	buf_print(
		why, "%.*s: %.*s", STRF(phase.len ? phase : STR("Pending")), STRF(pod_reason(pod)));
	return true;
}
