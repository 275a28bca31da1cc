/* URLs, queries, media types: whatever parses prints, and what was printed parses to the same. */
#include <kube/media.h>
#include <kube/url.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool good)
{
	if (!good)
		abort();
}

static void fuzz_url(struct arena *a, struct str text)
{
	_cleanup_(buf_done) struct buf printed = BUF_INIT(MIB), again = BUF_INIT(MIB);
	struct url url, back;

	if (url_parse(a, text, &url, NULL))
		return;
	/* A path that begins like a host cannot be told from one once the host is gone. */
	if (!url.host.len && str_starts(url.path, STR("//")))
		return;
	url_print(&printed, &url);
	if (url_parse(a, buf_str(&printed), &back, NULL))
		return; /* Go prints some it would not read either: odd hosts, a colon in "//" paths
			 */
	url_print(&again, &back);
	expect(str_eq(buf_str(&printed), buf_str(&again)));
}

static void fuzz_query(struct arena *a, struct str text)
{
	_cleanup_(buf_done) struct buf printed = BUF_INIT(MIB);
	struct query q, back;

	if (query_parse(a, text, &q, NULL))
		return;
	query_print(&printed, &q);
	expect(query_parse(a, buf_str(&printed), &back, NULL) == 0 && !back.bad);
	size_t k = 0;
	for (size_t i = 0; i < q.count; i++, k++)
		expect(str_eq(q.pairs[i].key, back.pairs[k].key) &&
			str_eq(q.pairs[i].value, back.pairs[k].value));
	expect(k == back.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const offers[] = {"application/json", "text/plain"};
	struct str text = str_make((const char *)data, size);
	struct media_type m;
	struct url url;
	struct arena a;

	arena_init(&a);
	fuzz_url(&a, text);
	fuzz_query(&a, text);
	url_parse_request(&a, STR("GET"), text, &url, NULL);
	url_parse_request(&a, STR("CONNECT"), text, &url, NULL);
	media_parse(&a, text, &m, NULL);
	media_negotiate(&a, text, offers, 2);
	media_accepts_gzip(text);
	arena_done(&a);
	return 0;
}
