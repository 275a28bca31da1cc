#include "server.h"

#include <kube/mem.h>
#include <kube/time.h>

#define MUCH       (32 * MIB)
#define QUIET_WAIT (5 * SEC)
#define START_WAIT (3 * SEC)

static void relieved(struct op *op, struct err *err)
{
	struct api_server *s = CONTAINER_OF(op, struct api_server, relief);

	if (err->code)
		return;
	s->burst = 0;
	mem_give_back();
}

static void started_a_while_ago(struct op *op, struct err *err)
{
	relieved(op, err);
	if (!err->code)
		mem_forget_program();
}

void server_relieve_start(struct api_server *s)
{
	if (op_active(&s->relief))
		return;
	op_init(&s->relief, &s->scope, started_a_while_ago, OP_NO_DEADLINE);
	timer_wait(&s->relief, loop_in(s->env->loop, START_WAIT));
}

void server_took_memory(struct api_server *s, size_t bytes)
{
	s->burst += bytes;
	if (s->burst < MUCH || op_active(&s->relief))
		return;
	op_init(&s->relief, &s->scope, relieved, OP_NO_DEADLINE);
	timer_wait(&s->relief, loop_in(s->env->loop, QUIET_WAIT));
}
