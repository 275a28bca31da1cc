#include "audit_options.h"

#define MODES   "batch,blocking,blocking-strict"
#define VERSION "audit.k8s.io/v1"

/* What both places have, by the name of the plugin. */
#define PLACE_FLAGS(plugin, o, mode_, size_, throttle_)                                            \
	FLAG_STRING("audit-" plugin "-mode", &(o)->mode, mode_, "MODE",                            \
		"batch: events gather and are written behind the requests; blocking: requests "    \
		"wait for what is written; blocking-strict: and fail when it is not."),            \
		FLAG_INT("audit-" plugin "-batch-buffer-size", &(o)->buffer_size, "10000",         \
			"COUNT", "Events that may wait for being written; batch only."),           \
		FLAG_INT("audit-" plugin "-batch-max-size", &(o)->max_size, size_, "COUNT",        \
			"Events of one batch; batch only."),                                       \
		FLAG_DURATION("audit-" plugin "-batch-max-wait", &(o)->max_wait, "30s",            \
			"How long a batch waits for more events; batch only."),                    \
		FLAG_BOOL("audit-" plugin "-batch-throttle-enable", &(o)->throttle, throttle_,     \
			"Only so many batches a second; batch only."),                             \
		FLAG_DOUBLE("audit-" plugin "-batch-throttle-qps", &(o)->throttle_qps, "10",       \
			"COUNT", "Batches a second on average; batch only."),                      \
		FLAG_INT("audit-" plugin "-batch-throttle-burst", &(o)->throttle_burst, "15",      \
			"COUNT", "Batches at once after a pause; batch only."),                    \
		FLAG_BOOL("audit-" plugin "-truncate-enabled", &(o)->truncate, "false",            \
			"Events that are too large are shortened, or dropped."),                   \
		FLAG_INT("audit-" plugin "-truncate-max-batch-size", &(o)->truncate_batch,         \
			"10485760", "BYTES", "Bytes of one batch; where events are truncated."),   \
		FLAG_INT("audit-" plugin "-truncate-max-event-size", &(o)->truncate_event,         \
			"102400", "BYTES",                                                         \
			"Bytes of an event beyond which request and response are left out of it, " \
			"and then all of it; where events are truncated."),                        \
		FLAG_STRING("audit-" plugin "-version", &(o)->version, VERSION, "VERSION",         \
			"Group and version of the events.")

struct flag *audit_options_flags(struct arena *a, struct audit_options *o)
{
	const struct flag flags[] = {
		FLAG_STRING("audit-policy-file", &o->policy_file, "", "FILE",
			"How much of which requests is told to the audit log."),
		FLAG_STRING("audit-log-path", &o->log_path, "", "FILE",
			"The audit log's file; - is standard output."),
		FLAG_STRING("audit-log-format", &o->log_format, "json", "FORMAT",
			"json: an event a line; legacy: a line of text."),
		FLAG_INT("audit-log-maxsize", &o->log_maxsize, "0", "MIB",
			"Size at which the file is put aside; 0: 100."),
		FLAG_INT("audit-log-maxage", &o->log_maxage, "0", "DAYS",
			"How long files that were put aside are kept; 0: for ever."),
		FLAG_INT("audit-log-maxbackup", &o->log_maxbackup, "0", "COUNT",
			"How many of them are kept; 0: all."),
		FLAG_BOOL("audit-log-compress", &o->log_compress, "false",
			"Files are packed by gzip when they are put aside."),
		PLACE_FLAGS("log", &o->log, "blocking", "1", "false"),
		FLAG_STRING("audit-webhook-config-file", &o->hook_file, "", "FILE",
			"kubeconfig of a server that events are sent to."),
		FLAG_DURATION("audit-webhook-initial-backoff", &o->hook_backoff, "10s",
			"Pause before events that it did not take are sent again."),
		PLACE_FLAGS("webhook", &o->hook, "batch", "400", "true"),
		FLAG_END,
	};
	struct flag *all = arena_new(a, sizeof(flags));

	memcpy(all, flags, sizeof(flags));
	return all;
}

bool audit_mode_is(const struct audit_place_options *o, const char *mode)
{
	return str_eq_text(o->mode, mode);
}

/* ---- checks ---- */

static int not_positive(
	const char *what, const char *plugin, const char *which, double value, struct err *err)
{
	return err_set(err, ERR_USAGE, "invalid audit %s %s %s %g, must be a positive number", what,
		plugin, which, value);
}

static int check_batch(const struct audit_place_options *o, const char *plugin, struct err *err)
{
	if (!audit_mode_is(o, "batch"))
		return 0; /* it has none */
	if (o->buffer_size <= 0)
		return not_positive("batch", plugin, "buffer size", (double)o->buffer_size, err);
	if (o->max_size <= 0)
		return not_positive("batch", plugin, "max batch size", (double)o->max_size, err);
	if (o->throttle && o->throttle_qps <= 0)
		return not_positive("batch", plugin, "throttle QPS", o->throttle_qps, err);
	if (o->throttle && o->throttle_burst <= 0)
		return not_positive(
			"batch", plugin, "throttle burst", (double)o->throttle_burst, err);
	return 0;
}

static int check_place(const struct audit_place_options *o, const char *plugin, struct err *err)
{
	int code;

	if (!audit_mode_is(o, "batch") && !audit_mode_is(o, "blocking") &&
		!audit_mode_is(o, "blocking-strict"))
		return err_set(err, ERR_USAGE,
			"invalid audit %s mode %.*s, allowed modes are \"" MODES "\"", plugin,
			STRF(o->mode));
	code = check_batch(o, plugin, err);
	if (code)
		return code;
	if (o->truncate_event <= 0)
		return not_positive(
			"truncate", plugin, "max event size", (double)o->truncate_event, err);
	if (o->truncate_batch < o->truncate_event)
		return err_set(err, ERR_USAGE,
			"invalid audit truncate %s max batch size %lld, must be greater than max "
			"event size (%lld)",
			plugin, (long long)o->truncate_batch, (long long)o->truncate_event);
	if (!str_eq_text(o->version, VERSION))
		return err_set(err, ERR_USAGE,
			"invalid group version, allowed versions are [\"" VERSION "\"]");
	return 0;
}

static int check_log(const struct audit_options *o, struct err *err)
{
	const struct {
		const char *name;
		int64_t value;
	} numbers[] = {{"maxage", o->log_maxage}, {"maxbackup", o->log_maxbackup},
		{"maxsize", o->log_maxsize}};
	int code = check_place(&o->log, "log", err);

	if (code)
		return code;
	if (!str_eq_text(o->log_format, "json") && !str_eq_text(o->log_format, "legacy"))
		return err_set(err, ERR_USAGE,
			"invalid audit log format %.*s, allowed formats are \"legacy,json\"",
			STRF(o->log_format));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (numbers[i].value < 0)
			return err_set(err, ERR_USAGE,
				"--audit-log-%s %lld can't be a negative number", numbers[i].name,
				(long long)numbers[i].value);
	return 0;
}

int audit_options_check(const struct audit_options *o, struct err *err)
{
	int code = o->log_path.len ? check_log(o, err) : 0;

	if (!code && o->hook_file.len)
		code = check_place(&o->hook, "webhook", err);
	return code;
}
