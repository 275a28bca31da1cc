/*
 * Where helpers come from: one seed (seed.h), started with the first pod, asked for one copy at a
 * time. A seed that has died is replaced, and the copy asked for again.
 */
#include "native.h"
#include "seed.h"

#include <kube/list.h>
#include <kube/mem.h>
#include <kube/process.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTROL_FD  3
#define HELPER_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct native_seed {
	struct native *native;
	struct process *process; /* NULL: there is none, or it is being started */
	struct op ended;
	int control; /* our end of the pair */
	struct list waiting;
	/* Of the one that is being served. */
	struct native_birth *birth;
	struct op op;
	struct work work;
	struct seed_request request;
	struct seed_answer answer;
	int pidfd, failed;
	bool retried;
	/* Of its start. */
	const char *argv[4];
	char *place;
	struct process_fd fds[1];
	struct process_options options;
};

static void serve_next(struct native_seed *seed);
static void serve(struct native_seed *seed);

/* ---- the seed itself ---- */

static void lose_seed(struct native_seed *seed)
{
	process_close(TAKE(seed->process));
	if (seed->control >= 0)
		close(seed->control);
	seed->control = -1;
}

static void seed_ended(struct op *op, struct err *err)
{
	struct native_seed *seed = CONTAINER_OF(op, struct native_seed, ended);

	(void)err;
	/* While it is asked, the answer tells. */
	if (seed->process && !seed->birth)
		lose_seed(seed);
}

static void fail_birth(struct native_seed *seed, struct err *err)
{
	op_fail(TAKE(seed->birth)->op, err);
	serve_next(seed);
}

static void seed_started(struct op *op, struct err *err)
{
	struct native_seed *seed = CONTAINER_OF(op, struct native_seed, op);

	close(seed->fds[0].fd);
	if (err->code) {
		lose_seed(seed);
		fail_birth(seed, err);
		return;
	}
	op_init(&seed->ended, &seed->native->scope, seed_ended, OP_NO_DEADLINE);
	process_wait(seed->process, &seed->ended);
	serve(seed);
}

/*
 * A copy writes its own directory over the one that its seed was started with; all have the same
 * length.
 */
static void name_seed(struct native_seed *seed)
{
	size_t len = strlen(seed->birth->directory);

	mem_free(seed->place);
	seed->place = mem_copy_text(seed->birth->directory);
	memset(seed->place + len - MIN(len, (size_t)NATIVE_ID_LEN), '-',
		MIN(len, (size_t)NATIVE_ID_LEN));
}

static void start_seed(struct native_seed *seed)
{
	static const char *const env[] = {HELPER_PATH, NULL};
	struct native *n = seed->native;
	struct err err = {0};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		err_set_errno(&err, errno, "a socket for the helpers of pods");
		fail_birth(seed, &err);
		return;
	}
	name_seed(seed);
	seed->control = pair[0];
	seed->argv[0] = n->program;
	seed->argv[1] = "seed";
	seed->argv[2] = seed->place;
	seed->fds[0] =
		(struct process_fd){.number = CONTROL_FD, .kind = PROCESS_FD_GIVEN, .fd = pair[1]};
	seed->options = (struct process_options){.argv = seed->argv,
		.env = env,
		.group = PROCESS_SESSION_NEW,
		.death_signal = SIGKILL,
		.fds = seed->fds,
		.fd_count = ARRAY_LEN(seed->fds),
		.directory = "/"};
	op_init(&seed->op, &n->scope, seed_started, OP_NO_DEADLINE);
	process_start(&seed->op, &n->scope, &seed->options, &seed->process);
}

/* ---- a copy ---- */

static void ask(struct work *w)
{
	struct native_seed *seed = CONTAINER_OF(w, struct native_seed, work);

	seed->failed = seed_send(
		seed->control, &seed->request, sizeof(seed->request), seed->birth->report);
	if (!seed->failed)
		seed->failed = seed_receive(
			seed->control, &seed->answer, sizeof(seed->answer), &seed->pidfd);
}

/* What it has made without saying so ends by itself. */
static void seed_silent(struct native_seed *seed)
{
	struct err err = {0};

	lose_seed(seed);
	if (!seed->retried) {
		seed->retried = true;
		start_seed(seed);
		return;
	}
	err_set_errno(&err, seed->failed, "asking for the helper of a pod");
	fail_birth(seed, &err);
}

static void answered(struct op *op, struct err *err)
{
	struct native_seed *seed = CONTAINER_OF(op, struct native_seed, op);
	struct native_birth *birth = seed->birth;

	if (seed->pidfd >= 0)
		*birth->process =
			process_adopt(&seed->native->scope, seed->answer.pid, seed->pidfd, true);
	/* Cancelled, but born perhaps: it is ours to end. */
	if (err->code) {
		process_close(TAKE(*birth->process));
		fail_birth(seed, err);
		return;
	}
	if (seed->failed) {
		seed_silent(seed);
		return;
	}
	if (seed->answer.failed || !*birth->process) {
		err_set_errno(err, seed->answer.failed, "clone");
		fail_birth(seed, err);
		return;
	}
	seed->birth = NULL;
	op_finish(birth->op, 0);
	serve_next(seed);
}

static void serve(struct native_seed *seed)
{
	seed->pidfd = -1;
	seed->failed = 0;
	seed->answer = (struct seed_answer){0};
	seed->request.namespaces = seed->birth->namespaces;
	snprintf(seed->request.directory, sizeof(seed->request.directory), "%s",
		seed->birth->directory);
	op_init(&seed->op, &seed->native->scope, answered, OP_NO_DEADLINE);
	work_start(&seed->work, &seed->op, WORK_DISK, ask);
}

/* ---- births ---- */

static void serve_next(struct native_seed *seed)
{
	if (seed->birth || list_empty(&seed->waiting))
		return;
	seed->birth = LIST_ENTRY(seed->waiting.head.next, struct native_birth, in_seed);
	link_remove(&seed->birth->in_seed);
	seed->retried = false;
	if (seed->process)
		serve(seed);
	else
		start_seed(seed);
}

static void birth_cancel(struct op *op)
{
	struct native_birth *birth = op->ctx;

	if (!link_linked(&birth->in_seed)) {
		op_cancel(&birth->seed->op);
		return;
	}
	link_remove(&birth->in_seed);
	op_fail_cancelled(op);
}

void native_bear(struct native *n, struct op *op, struct native_birth *birth)
{
	static const struct op_kind kind = {.name = "start helper", .cancel = birth_cancel};

	birth->op = op;
	birth->seed = n->seed;
	if (!op_begin(op, &kind, birth))
		return;
	list_push(&n->seed->waiting, &birth->in_seed);
	serve_next(n->seed);
}

struct native_seed *native_seed_new(struct native *n)
{
	struct native_seed *seed = mem_new(sizeof(*seed));

	seed->native = n;
	seed->control = -1;
	return seed;
}

void native_seed_end(struct native_seed *seed)
{
	assert(!seed->birth);
	lose_seed(seed);
}

void native_seed_free(struct native_seed *seed)
{
	if (!seed)
		return;
	assert(!seed->process);
	mem_free(seed->place);
	mem_free(seed);
}
