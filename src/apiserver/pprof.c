/*
 * /debug/pprof: upstream serves the profiles of a Go program there. What has a counterpart here is
 * given, as text; the rest says that it is not to be had, and where to look instead.
 */
#include "pprof.h"
#include "respond.h"

#define ROOT "/debug/pprof/"
#define TEXT "text/plain; charset=utf-8"

static stage_fn serve_index, serve_command, serve_tasks, refuse_profile;

static const struct profile {
	const char *name, *help;
	stage_fn *run;
} profiles[] = {
	{"allocs", "Where memory was taken. Not here.", refuse_profile},
	{"block", "Who waited for locks. Not here.", refuse_profile},
	{"cmdline", "The command line of this process.", serve_command},
	{"goroutine", "What is in flight: every scope, op and task, as /debug/tasks tells it.",
		serve_tasks},
	{"heap", "What holds memory. Not here.", refuse_profile},
	{"mutex", "Who held locks. Not here.", refuse_profile},
	{"profile", "Where CPU time goes. Not here.", refuse_profile},
	{"symbol", "Names of functions. Not here.", refuse_profile},
	{"threadcreate", "What made threads. Not here.", refuse_profile},
	{"trace", "What ran when. Not here.", refuse_profile},
};

static struct str asked_for(const struct api_request *r)
{
	return str_skip(r->path, sizeof(ROOT) - 1);
}

static void serve_index(struct api_request *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * KIB);

	buf_add_text(&out,
		"<html>\n<head><title>" ROOT "</title></head>\n<body>\n" ROOT "<br>\n<table>\n");
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
		buf_print(&out, "<tr><td><a href='%s?debug=1'>%s</a></td><td>%s</td></tr>\n",
			profiles[i].name, profiles[i].name, profiles[i].help);
	buf_add_text(&out, "</table>\n</body>\n</html>\n");
	answer_text(r, 200, "text/html; charset=utf-8", buf_str(&out));
}

/* As Go tells it: its words with a zero byte between them. */
static void serve_command(struct api_request *r)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(256 * KIB);
	_cleanup_(err_done) struct err err = {0};
	struct str words;

	if (disk_read_file(r->server->env->disk, "/proc/self/cmdline", &text, &err)) {
		request_fail_err(r, &err);
		return;
	}
	words = buf_str(&text);
	if (str_ends(words, str_make("", 1)))
		words.len--;
	answer_text(r, 200, TEXT, words);
}

/* Tools that want a profile's own format are told that there is none. */
static void serve_tasks(struct api_request *r)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * MIB);
	struct str debug = {0};

	if (!request_query(r, "debug", &debug) || !debug.len || str_eq_text(debug, "0")) {
		refuse_profile(r);
		return;
	}
	loop_dump(r->server->env->loop, &out);
	answer_text(r, 200, TEXT, buf_str(&out));
}

static void refuse_profile(struct api_request *r)
{
	request_fail(r, status_new(r->arena, ERR_UNSUPPORTED,
				"the profile \"%.*s\" is one of Go programs; /debug/tasks tells "
				"what is in flight, /metrics what it costs",
				STRF(asked_for(r))));
}

static void refuse_name(struct api_request *r)
{
	answer_text(r, 404, TEXT, STR("Unknown profile\n"));
}

static void go_to_index(struct api_request *r)
{
	struct http_headers h = respond_headers(r, NULL);

	http_headers_add(r->arena, &h, STR("Location"), STR(ROOT));
	r->answered = true;
	r->answer_code = 302;
	op_init(&r->op, &r->x->scope, respond_sent, OP_NO_DEADLINE);
	http_respond(r->x, &r->op, 302, h.items, h.count, STR(""));
}

stage_fn *pprof_handler(struct str path)
{
	struct str name;

	if (str_eq_text(path, "/debug/pprof"))
		return go_to_index;
	if (!str_starts(path, STR(ROOT)))
		return NULL;
	name = str_skip(path, sizeof(ROOT) - 1);
	if (!name.len)
		return serve_index;
	for (size_t i = 0; i < ARRAY_LEN(profiles); i++)
		if (str_eq_text(name, profiles[i].name))
			return profiles[i].run;
	return refuse_name;
}
