#include "measure.h"
#include "metrics.h"

#include <kube/time.h>

static const struct {
	enum admission_operation operation;
	const char *name;
} operations[] = {{ADMIT_CREATE, "CREATE"}, {ADMIT_UPDATE, "UPDATE"}, {ADMIT_DELETE, "DELETE"},
	{ADMIT_CONNECT, "CONNECT"}};

void admission_measure(struct admission_review *review, struct admission_times *times,
	const char *name, int64_t since, const struct status *no)
{
	enum metric_histogram which = name ? METRIC_ADMISSION : METRIC_ADMISSION_STEP;
	int64_t spent = loop_now(review->server->env->loop) - since;
	struct histogram **h;
	size_t op = 0;

	if (!review->server->metrics) /* in tests of plugins alone */
		return;
	while (op + 1 < ARRAY_LEN(operations) && operations[op].operation != review->operation)
		op++;
	h = &times->at[review->judging][op][no != NULL];
	if (!*h) {
		_cleanup_(buf_done) struct buf labels = BUF_INIT(KIB);

		if (name)
			buf_print(&labels, "name=\"%s\",", name);
		buf_print(&labels, "operation=\"%s\",rejected=\"%s\",type=\"%s\"",
			operations[op].name, no ? "true" : "false",
			review->judging ? "validate" : "admit");
		*h = metrics_histogram(review->server->metrics, which, buf_str(&labels));
	}
	metrics_observe_in(which, *h, (double)spent / (double)SEC);
}
