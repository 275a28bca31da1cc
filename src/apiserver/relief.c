#include "server.h"

#include <kube/mem.h>
#include <kube/time.h>

#define MUCH       (32 * MIB)
#define QUIET_WAIT (5 * SEC)

static void relieved(struct op *op, struct err *err)
{
	struct api_server *s = CONTAINER_OF(op, struct api_server, relief);

	if (err->code)
		return;
	s->burst = 0;
	mem_give_back();
}

void server_took_memory(struct api_server *s, size_t bytes)
{
	s->burst += bytes;
	if (s->burst < MUCH || op_active(&s->relief))
		return;
	op_init(&s->relief, &s->scope, relieved, OP_NO_DEADLINE);
	timer_wait(&s->relief, loop_in(s->env->loop, QUIET_WAIT));
}
