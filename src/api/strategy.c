/* What all strategies share. */
#include "types.h"

#include <kube/api_codec.h>
#include <kube/strategy.h>

#include <stdarg.h>

void strategy_set_defaults(struct change *c)
{
	api_set_standards(c->arena, c->resource->hub->schema, c->object);
	if (c->resource->strategy && c->resource->strategy->defaults)
		c->resource->strategy->defaults(c);
}

void change_warn(struct change *c, const char *format, ...)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	va_list args;

	va_start(args, format);
	buf_vprint(&text, format, args);
	va_end(args);
	if (c->warning_count == c->warning_cap) {
		size_t cap = c->warning_cap ? 2 * c->warning_cap : 4;
		struct str *grown = arena_alloc(c->arena, cap * sizeof(*grown));

		if (c->warning_count)
			memcpy(grown, c->warnings, c->warning_count * sizeof(*grown));
		c->warnings = grown;
		c->warning_cap = cap;
	}
	c->warnings[c->warning_count++] = arena_str(c->arena, buf_str(&text));
}
