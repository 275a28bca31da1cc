/* Pages of HTML: nothing is lost when nothing changes, and what has changed is found again. */
#include "page_links.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t count, marked;
};

static struct str keep(void *ctx, struct str address)
{
	struct seen *s = ctx;

	s->count++;
	s->marked += str_eq_text(address, "\"<'&moved;>");
	return address;
}

static struct str mark(void *ctx, struct str address)
{
	(void)address;
	++*(size_t *)ctx;
	return STR("\"<'&moved;>");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_done) struct buf same = BUF_INIT(MIB), moved = BUF_INIT(16 * MIB),
				       again = BUF_INIT(16 * MIB);
	struct str page = str_make((const char *)data, size);
	struct seen before = {0}, after = {0};
	size_t marked = 0;

	page_links_change(&same, page, keep, &before);
	assert(str_eq(buf_str(&same), page));
	page_links_change(&moved, page, mark, &marked);
	page_links_change(&again, buf_str(&moved), keep, &after);
	assert(marked == before.count && after.count == marked && after.marked == marked);
	return 0;
}
