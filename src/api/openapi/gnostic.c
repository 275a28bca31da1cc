#include "gnostic.h"

#include "proto.h"

#define MESSAGE_MAX (64 * MIB)

static void add_message(struct buf *out, uint32_t number, const struct gnostic_message *of,
	const struct cJSON *tree)
{
	_cleanup_(buf_done) struct buf inner = BUF_INIT(MESSAGE_MAX);

	gnostic_encode(&inner, of, tree);
	proto_bytes(out, number, buf_str(&inner));
}

/* JSON is YAML; Go's writer ends it with a newline. */
static void add_any(struct buf *out, uint32_t number, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf yaml = BUF_INIT(MESSAGE_MAX), any = BUF_INIT(MESSAGE_MAX);

	json_print(&yaml, value, JSON_SORTED);
	buf_add_char(&yaml, '\n');
	proto_bytes(&any, 2, buf_str(&yaml));
	proto_bytes(out, number, buf_str(&any));
}

static void add_extension(struct buf *out, uint32_t number, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf named = BUF_INIT(MESSAGE_MAX);

	proto_bytes(&named, 1, json_key(value));
	add_any(&named, 2, value);
	proto_bytes(out, number, buf_str(&named));
}

static void add_entry(struct buf *out, const struct gnostic_message *m, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf named = BUF_INIT(MESSAGE_MAX);

	proto_bytes(&named, 1, json_key(value));
	add_message(&named, 2, m->entry, value);
	proto_bytes(out, m->entries, buf_str(&named));
}

static void add_double(struct buf *out, uint32_t number, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	proto_tag(out, number, WIRE_FIXED64);
	for (int i = 0; i < 8; i++)
		buf_add_char(out, (char)(bits >> (8 * i)));
}

static void add_bool(struct buf *out, uint32_t number, const struct cJSON *value)
{
	proto_tag(out, number, WIRE_VARINT);
	proto_varint(out, json_bool(value));
}

static void add_int(struct buf *out, uint32_t number, const struct cJSON *value)
{
	int64_t n;

	if (!json_int(value, &n))
		n = (int64_t)json_double(value);
	proto_tag(out, number, WIRE_VARINT);
	proto_varint(out, (uint64_t)n);
}

/* Objects and lists have no form here: upstream loses them, too. */
static void add_scalar(struct buf *out, uint32_t number, const struct cJSON *value)
{
	_cleanup_(buf_done) struct buf inner = BUF_INIT(KIB);

	switch (json_type(value)) {
	case JSON_NUMBER:
		add_double(&inner, 1, json_double(value));
		break;
	case JSON_BOOL:
		add_bool(&inner, 2, value);
		break;
	case JSON_STRING:
		proto_bytes(&inner, 3, json_str(value));
		break;
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT:
		return;
	}
	proto_bytes(out, number, buf_str(&inner));
}

static void add_member(struct buf *out, const struct gnostic_member *m, const struct cJSON *value)
{
	switch (m->coding) {
	case CODE_STRING:
		proto_bytes(out, m->number, json_str(value));
		break;
	case CODE_STRINGS:
		json_each (item, value)
			proto_bytes(out, m->number, json_str(item));
		break;
	case CODE_BOOL:
		add_bool(out, m->number, value);
		break;
	case CODE_INT:
		add_int(out, m->number, value);
		break;
	case CODE_DOUBLE:
		add_double(out, m->number, json_double(value));
		break;
	case CODE_MESSAGE:
		add_message(out, m->number, m->of, value);
		break;
	case CODE_MESSAGES:
		json_each (item, value)
			add_message(out, m->number, m->of, item);
		break;
	case CODE_ANY:
		add_any(out, m->number, value);
		break;
	case CODE_ANYS:
		json_each (item, value)
			add_any(out, m->number, item);
		break;
	case CODE_SCALAR:
		add_scalar(out, m->number, value);
		break;
	}
}

static const struct gnostic_member *find_member(
	const struct gnostic_message *message, struct str key)
{
	const struct gnostic_member *m = message->members;

	for (; m && m->key; m++)
		if (str_eq_text(key, m->key))
			return m;
	return NULL;
}

static void add_choice(
	struct buf *out, const struct gnostic_choice *choice, const struct cJSON *tree)
{
	for (;; choice++) {
		const struct cJSON *value =
			choice->key ? json_get(tree, str_from(choice->key)) : NULL;

		if (choice->key && !value)
			continue;
		if (choice->value && !str_eq_text(json_str(value), choice->value))
			continue;
		add_message(out, choice->number, choice->of, tree);
		return;
	}
}

static void add_words(struct buf *out, uint32_t number, const struct cJSON *tree)
{
	if (json_is(tree, JSON_STRING))
		proto_bytes(out, number, json_str(tree));
	json_each (word, tree)
		proto_bytes(out, number, json_str(word));
}

void gnostic_encode(
	struct buf *out, const struct gnostic_message *message, const struct cJSON *tree)
{
	if (message->boolean && json_is(tree, JSON_BOOL)) {
		add_bool(out, message->boolean, tree);
		return;
	}
	if (message->choices) {
		add_choice(out, message->choices, tree);
		return;
	}
	if (message->words) {
		add_words(out, message->words, tree);
		return;
	}
	json_each (value, tree) {
		const struct gnostic_member *m = find_member(message, json_key(value));

		if (m)
			add_member(out, m, value);
		else if (message->extensions && str_starts(json_key(value), STR("x-")))
			add_extension(out, message->extensions, value);
		else if (message->entries)
			add_entry(out, message, value);
	}
}
