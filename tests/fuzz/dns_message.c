/* Messages from anybody: taken apart without harm; what is answered to them can be read again. */
#include <kube/dns_message.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer_again(struct arena *a, struct str message, const struct dns_message *m)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(2 * DNS_MESSAGE_MAX);
	size_t limit = m->question.edns_size ? m->question.edns_size : DNS_UDP_MAX;
	struct dns_writer w;
	struct dns_message again;

	dns_answer_begin(&w, a, &out, &m->question, limit);
	size_t head = out.len;
	for (size_t i = 0; i < m->count; i++) {
		const struct dns_record *r = &m->records[i];
		struct str name;

		if (r->type == DNS_CNAME && !dns_parse_name(a, message, r->data, &name, NULL))
			dns_add_name(&w, r->section, r->name, r->type, r->ttl, name);
		else
			dns_add_raw(&w, r->section, r->name, r->type, r->ttl, r->data);
	}
	dns_answer_end(&w, DNS_NOERROR, true, false);
	assert(out.len <= MAX(limit, head + 11));
	assert(dns_parse(a, buf_str(&out), &again, NULL) == 0);
	assert(again.question.id == m->question.id && again.question.response);
	assert(str_eq(again.question.name, m->question.name));
	assert(again.count <= m->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str message = str_make((const char *)data, size);
	struct dns_message m;
	struct arena a;

	arena_init(&a);
	if (!dns_parse(&a, message, &m, NULL))
		answer_again(&a, message, &m);
	arena_done(&a);
	return 0;
}
