/* Requests of a whole server and its audit log: who waits, who is refused, what is counted. */
#include "api_rig.h"
#include "loop_torture.h"

#include "apiserver/metrics.h"
#include "apiserver/server.h"

static struct {
	struct api_rig api;
	char dir[64];
} rig;

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", rig.dir, name);
	f = fopen(path, "we");
	fputs(text, f);
	fclose(f);
}

static bool rig_open(const char *log, const char *flags)
{
	char all[512];

	memset(&rig, 0, sizeof(rig));
	strcpy(rig.dir, "/tmp/kube-audit-XXXXXX");
	EXPECT(mkdtemp(rig.dir) != NULL);
	write_file("policy", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n"
			     "- level: RequestResponse\n"
			     "  resources: [{group: '', resources: [configmaps]}]\n"
			     "- level: None\n");
	snprintf(all, sizeof(all), "--audit-policy-file=%s/policy --audit-log-path=%s%s %s",
		rig.dir, log ? log : rig.dir, log ? "" : "/log", flags);
	return api_rig_open_with(&rig.api, API_RIG_LOCAL, all);
}

static void rig_close(void)
{
	char command[128];

	api_rig_close(&rig.api);
	snprintf(command, sizeof(command), "rm -r %s", rig.dir);
	EXPECT_INT(system(command), 0);
}

static int create(const char *name, int filler)
{
	struct client_request q;
	int code;

	client_request_init(&q, CLIENT_CREATE, resource_find(STR(""), STR("v1"), STR("configmaps")),
		STR("default"), STR(""));
	q.body = api_rig_json(&q.arena,
		arena_print(&q.arena, "{\"metadata\":{\"name\":\"%s\"},\"data\":{\"a\":\"%0*d\"}}",
			name, filler + 1, 0)
			.at);
	code = api_rig_send(&rig.api, &q);
	client_request_done(&q);
	return code;
}

static int64_t counted(enum metric_series which, const char *labels)
{
	return *metrics_number(rig.api.server->metrics, which, str_from(labels));
}

static void read_log(struct buf *text)
{
	char path[128];

	buf_clear(text);
	snprintf(path, sizeof(path), "%s/log", rig.dir);
	disk_read_file(rig.api.t.env->disk, path, text, NULL);
}

/* In how many lines does this stand? */
static int lines_with(const char *word)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(16 * MIB);
	struct str rest, line;
	int n = 0;

	read_log(&text);
	rest = buf_str(&text);
	while (rest.len && str_next(&rest, '\n', &line))
		n += str_find(line, str_from(word)) >= 0;
	return n;
}

TEST(a_request_waits_until_its_beginning_is_written)
{
	if (!rig_open(NULL, "--audit-log-mode=blocking"))
		return;
	EXPECT_INT(create("x", 1), 0);
	EXPECT_INT(lines_with("\"RequestReceived\""), 1);
	API_RIG_AWAIT(&rig.api, lines_with("\"ResponseComplete\"") == 1);
	EXPECT_INT(counted(METRIC_AUDIT_EVENTS, ""), 2);
	EXPECT_INT(counted(METRIC_AUDIT_REJECTED, ""), 0);
	rig_close();
}

TEST(what_cannot_be_written_is_not_done_where_that_is_strict)
{
	if (!rig_open("/proc/none/log", "--audit-log-mode=blocking-strict"))
		return;
	EXPECT_INT(create("x", 1), ERR_INTERNAL);
	EXPECT_INT(counted(METRIC_AUDIT_REJECTED, ""), 1);
	EXPECT_INT(counted(METRIC_AUDIT_EVENTS, ""), 1);
	EXPECT_INT(counted(METRIC_AUDIT_LOST, "plugin=\"log\""), 1);
	rig_close();
}

TEST(what_cannot_be_written_is_done_and_counted_otherwise)
{
	if (!rig_open("/proc/none/log", "--audit-log-mode=blocking"))
		return;
	EXPECT_INT(create("x", 1), 0);
	API_RIG_AWAIT(&rig.api, counted(METRIC_AUDIT_LOST, "plugin=\"log\"") == 2);
	EXPECT_INT(counted(METRIC_AUDIT_REJECTED, ""), 0);
	rig_close();
}

TEST(events_that_are_too_large_are_shortened_then_dropped)
{
	if (!rig_open(NULL, "--audit-log-truncate-enabled --audit-log-truncate-max-event-size=1500 "
			    "--audit-log-truncate-max-batch-size=3000"))
		return;
	EXPECT_INT(create("small", 1), 0);
	API_RIG_AWAIT(&rig.api, lines_with("\"ResponseComplete\"") == 1);
	EXPECT_INT(lines_with("\"requestObject\""), 1);
	EXPECT_INT(lines_with("audit.k8s.io/truncated"), 0);
	EXPECT_INT(create("large", 3000), 0);
	API_RIG_AWAIT(&rig.api, lines_with("\"ResponseComplete\"") == 2);
	EXPECT_INT(lines_with("\"requestObject\""), 1);
	EXPECT_INT(lines_with("\"audit.k8s.io/truncated\":\"true\""), 1);
	EXPECT_INT(counted(METRIC_AUDIT_LOST, "plugin=\"truncate\""), 0);
	rig_close();
	if (!rig_open(NULL, "--audit-log-truncate-enabled --audit-log-truncate-max-event-size=100"))
		return;
	EXPECT_INT(create("x", 1), 0);
	EXPECT_INT(counted(METRIC_AUDIT_LOST, "plugin=\"truncate\""), 2);
	EXPECT_INT(lines_with("Event"), 0);
	rig_close();
}

TEST(a_line_of_text_says_the_same_where_that_is_wanted)
{
	if (!rig_open(NULL, "--audit-log-format=legacy"))
		return;
	EXPECT_INT(create("x", 1), 0);
	EXPECT(lines_with(" AUDIT: id=\"") >= 1);
	EXPECT_INT(lines_with("stage=\"RequestReceived\" ip=\"127.0.0.1\" method=\"create\" "
			      "user=\"admin\" groups=\"\\\"system:masters\\\","
			      "\\\"system:authenticated\\\"\" as=\"<self>\" asgroups=\"<lookup>\" "
			      "user-agent=\"rig/v1\" namespace=\"default\" "
			      "uri=\"/api/v1/namespaces/default/configmaps?fieldManager=rig\" "
			      "response=\"<deferred>\""),
		1);
	API_RIG_AWAIT(&rig.api, lines_with("response=\"201\"") == 1);
	rig_close();
}

static int create_next(void *ctx)
{
	int *number = ctx;
	char name[32];

	snprintf(name, sizeof(name), "x-%d", ++*number);
	return create(name, 1);
}

static void make_one(void *ctx)
{
	create_next(ctx);
}

static void another_is_made(void *ctx)
{
	EXPECT_INT(create_next(ctx), 0);
}

TEST(a_request_that_waits_for_the_log_may_fail_anywhere)
{
	int number = 0;

	if (!rig_open(NULL, "--audit-log-mode=blocking-strict"))
		return;
	loop_torture_on(rig.api.t.loop, make_one, another_is_made, &number);
	rig_close();
}
