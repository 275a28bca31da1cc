/*
 * The log: klog's text lines by default, one JSON object a line on request. Thread-safe; a line
 * is one write(2) to the log's descriptor. Libraries do not log; the top of a component logs an
 * error once, with the object it concerns.
 *
 *	log_info("listening", LOG_STR("address", address), LOG_INT("port", port));
 *	log_error(&err, "cannot sync deployment", LOG_STR("deployment", name));
 *	log_v(4, "cache caught up", LOG_INT("revision", rv));
 *
 *	I0102 15:04:05.123456       1 server.c:42] "listening" address="127.0.0.1" port=6443
 *
 * The same call site repeating more than 20 times in 10 seconds is held back; the next line that
 * passes says how many were dropped. A line that a non-blocking descriptor does not take is lost,
 * and counted in the next one. Values under keys that name secrets (token, password,
 * authorization, secret, private key, …) and values that contain a bearer token, a JWT, a PEM
 * private key or a URL with a password are printed as "<redacted>".
 */
#ifndef KUBE_LOG_H
#define KUBE_LOG_H

#include <kube/err.h>

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

enum log_kind { LOG_KIND_END, LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_BOOL, LOG_KIND_DURATION };

struct log_field {
	const char *key;
	enum log_kind kind;
	struct str text;
	int64_t number;
};

#define LOG_STR(k, s)  ((struct log_field){.key = (k), .kind = LOG_KIND_STR, .text = (s)})
#define LOG_TEXT(k, t) ((struct log_field){.key = (k), .kind = LOG_KIND_STR, .text = str_from(t)})
#define LOG_INT(k, n)  ((struct log_field){.key = (k), .kind = LOG_KIND_INT, .number = (n)})
#define LOG_BOOL(k, b) ((struct log_field){.key = (k), .kind = LOG_KIND_BOOL, .number = (b)})
#define LOG_DURATION(k, n)                                                                         \
	((struct log_field){.key = (k), .kind = LOG_KIND_DURATION, .number = (n)})

struct log_site { /* one per call site, static */
	const char *file;
	int line;
	int v; /* of log_v; 0 otherwise */
	_Atomic(int64_t) window_start;
	_Atomic(uint32_t) in_window, dropped;
};

void log_write(struct log_site *site, enum log_level level, const struct err *err,
	const char *message, const struct log_field *fields);

#define log_at_(level, verbosity, err, message, ...)                                               \
	do {                                                                                       \
		static struct log_site log_site_ = {                                               \
			.file = __FILE__, .line = __LINE__, .v = (verbosity)};                     \
		log_write(&log_site_, (level), (err), (message),                                   \
			(const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}});                \
	} while (0)

#define log_info(message, ...)         log_at_(LOG_LEVEL_INFO, 0, NULL, message, __VA_ARGS__)
#define log_warning(err, message, ...) log_at_(LOG_LEVEL_WARNING, 0, err, message, __VA_ARGS__)
#define log_error(err, message, ...)   log_at_(LOG_LEVEL_ERROR, 0, err, message, __VA_ARGS__)
/* The level is a constant. */
#define log_v(level, message, ...)                                                                 \
	do {                                                                                       \
		if (log_verbosity() >= (level))                                                    \
			log_at_(LOG_LEVEL_INFO, level, NULL, message, __VA_ARGS__);                \
	} while (0)

/* Process-wide settings; set at start. */
void log_set_format(enum log_format format);
void log_set_verbosity(int level);
int log_verbosity(void);
void log_set_fd(int fd); /* 2 at start */
/* Tests: replace the clock (NULL restores it). */
void log_set_clock(int64_t (*wall)(void));

#endif
