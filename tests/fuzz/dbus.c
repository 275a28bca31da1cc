/* Bytes of a bus: what is read as a message lies within them, and so does what its body holds. */
#include <kube/dbus.h>

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void within(struct str part, struct str whole)
{
	demand(!part.len || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len));
}

static void walk(const struct dbus_message *m)
{
	struct dbus_body texts = dbus_body(m), numbers = dbus_body(m), variants = dbus_body(m);
	struct str text;
	uint32_t number;
	uint64_t wide;
	bool yes;

	while (dbus_read_text(&texts, &text))
		within(text, m->body);
	while (dbus_read_u32(&numbers, &number))
		demand(numbers.at <= m->body.len);
	while (dbus_read_u64_variant(&variants, &wide))
		demand(variants.at <= m->body.len);
	numbers = dbus_body(m);
	dbus_read_bool(&numbers, &yes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str bytes = str_make((const char *)data, size);
	struct dbus_message m;
	size_t used;

	while (!dbus_parse(bytes, &m, &used, NULL) && used) {
		demand(used <= bytes.len);
		const struct str parts[] = {m.path, m.interface, m.member, m.error, m.destination,
			m.sender, m.signature, m.body};
		for (size_t i = 0; i < ARRAY_LEN(parts); i++)
			within(parts[i], bytes);
		walk(&m);
		bytes = str_skip(bytes, used);
	}
	return 0;
}
