/*
 * Lists. As stored they are sent a slice at a time: the texts of the items between commas, small
 * ones gathered (a thousand little pieces cost more than their copy), large ones as they stand. A
 * slice is worth a worker's time to encrypt, so that a large list does not hold up the loop. Other
 * representations are put together a hundred items a turn.
 */
#include "audit.h"
#include "represent_private.h"

#include <kube/work.h>

#define COPY_MAX   (64 * KIB)
#define SLICE      (256 * KIB)
#define GATHER_MAX (32 * KIB) /* an item from this size on is sent from where it is */
#define TURN_ITEMS 100

struct list_writer {
	struct str head, tail;
	struct arena scratch;
	size_t next; /* item */
	struct buf gathered;
	struct str parts[3]; /* what was gathered, a large item, the tail */
	struct work work;    /* from JSON to YAML or to lines */
	struct buf json, shaped;
	bool yaml;
};

/* ---- the envelope ---- */

static struct cJSON *list_meta(struct arena *a, const struct list_answer *list)
{
	struct cJSON *meta = json_new(a, JSON_OBJECT);

	if (list->revision)
		json_add(a, meta, STR("resourceVersion"),
			json_new_str(a, arena_print(a, "%lld", (long long)list->revision)));
	if (list->continue_.len)
		json_add(a, meta, STR("continue"), json_new_str(a, list->continue_));
	if (list->remaining > 0)
		json_add(a, meta, STR("remainingItemCount"), json_new_int(a, list->remaining));
	return meta;
}

static void print_meta(struct buf *out, struct api_request *r)
{
	json_print(out, list_meta(r->arena, r->list), JSON_COMPACT);
}

/* Of custom resources: keys in the order of the alphabet, continue always there. */
static void custom_envelope(struct api_request *r, struct buf *head, struct buf *tail)
{
	buf_print(head, "{\"apiVersion\":\"%.*s\",\"items\":[", STRF(r->resource->api_version));
	buf_print(tail,
		"],\"kind\":\"%.*s\",\"metadata\":{\"continue\":", STRF(r->resource->list_kind));
	json_print_str(tail, r->list->continue_);
	if (r->list->remaining > 0)
		buf_print(tail, ",\"remainingItemCount\":%lld", (long long)r->list->remaining);
	buf_print(tail, ",\"resourceVersion\":\"%lld\"}}\n", (long long)r->list->revision);
}

static void envelope(struct api_request *r, struct list_writer *w)
{
	_cleanup_(buf_done) struct buf head = BUF_INIT(64 * KIB), tail = BUF_INIT(64 * KIB);
	bool partial = r->wants.as == AS_PARTIAL_LIST;

	if (r->resource->custom && !partial) {
		custom_envelope(r, &head, &tail);
	} else {
		if (partial)
			buf_print(&head,
				"{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":"
				"\"meta.k8s.io/%.*s\",\"metadata\":",
				STRF(r->wants.as_version));
		else
			buf_print(&head, "{\"kind\":\"%.*s\",\"apiVersion\":\"%.*s\",\"metadata\":",
				STRF(r->resource->list_kind), STRF(r->resource->api_version));
		print_meta(&head, r);
		buf_add_text(&head, ",\"items\":[");
		buf_add_text(&tail, "]}\n");
	}
	w->head = arena_str(r->arena, buf_str(&head));
	w->tail = arena_str(r->arena, buf_str(&tail));
}

/* ---- as stored ---- */

/* Items of built-in lists do not repeat kind and apiVersion. */
static struct str item_text(
	const struct api_request *r, const struct object *o, bool first, struct str *opening)
{
	if (r->resource->custom) {
		*opening = first ? STR("") : STR(",");
		return object_text(o);
	}
	*opening = first ? STR("{") : STR(",{");
	return str_skip(object_text(o), o->rest_at);
}

static size_t stored_size(const struct api_request *r, const struct list_writer *w)
{
	size_t size = w->head.len + w->tail.len;
	struct str opening;

	for (size_t i = 0; i < r->list->count; i++) {
		size += item_text(r, r->list->items[i], i == 0, &opening).len;
		size += opening.len;
	}
	return size;
}

static void copy_stored(struct api_request *r, const struct list_writer *w)
{
	struct str opening;

	buf_add_str(&r->out, w->head);
	for (size_t i = 0; i < r->list->count; i++) {
		struct str text = item_text(r, r->list->items[i], i == 0, &opening);

		buf_add_str(&r->out, opening);
		buf_add_str(&r->out, text);
	}
	buf_add_str(&r->out, w->tail);
}

/* Up to a slice of small items and the large one behind them, if there is one: how many parts. */
static size_t fill_slice(struct api_request *r, struct list_writer *w)
{
	struct str large = STR("");
	size_t count = 0;

	buf_clear(&w->gathered);
	buf_add_str(&w->gathered, TAKE(w->head));
	while (w->next < r->list->count && w->gathered.len < SLICE && !large.len) {
		struct str opening,
			text = item_text(r, r->list->items[w->next], w->next == 0, &opening);

		buf_add_str(&w->gathered, opening);
		if (text.len < GATHER_MAX)
			buf_add_str(&w->gathered, text);
		else
			large = text;
		w->next++;
	}
	if (w->gathered.len)
		w->parts[count++] = buf_str(&w->gathered);
	if (large.len)
		w->parts[count++] = large;
	if (w->next == r->list->count && w->tail.len)
		w->parts[count++] = TAKE(w->tail);
	return count;
}

static void write_slice(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);
	struct list_writer *w = r->writer;
	size_t count = err->code ? 0 : fill_slice(r, w);

	if (count) {
		op_init(&r->op, &r->x->scope, write_slice, OP_NO_DEADLINE);
		http_write(r->x, &r->op, w->parts, count);
		return;
	}
	buf_done(&w->gathered);
	if (err->code) {
		request_end(r);
		return;
	}
	op_init(&r->op, &r->x->scope, respond_sent, OP_NO_DEADLINE);
	http_respond_end(r->x, &r->op, NULL);
}

static void answer_stored_list(struct api_request *r)
{
	struct list_writer *w = r->writer;
	struct http_headers h = respond_headers(r, respond_type(&r->wants));
	size_t size = stored_size(r, w);

	if (size < COPY_MAX || (respond_gzips(r) && size >= HTTP_PACK_MIN)) {
		copy_stored(r, w);
		respond_bytes(r, 200, &h, buf_str(&r->out));
		return;
	}
	r->answered = true;
	r->answer_code = 200;
	buf_init(&w->gathered, SLICE + 2 * GATHER_MAX);
	buf_reserve(&w->gathered, SLICE + GATHER_MAX);
	op_init(&r->op, &r->x->scope, write_slice, OP_NO_DEADLINE);
	http_respond_start(r->x, &r->op, 200, h.items, h.count, (int64_t)size);
}

/* ---- put together ---- */

/* On a worker: a large list takes a tenth of a second to be YAML. */
static void reshape_work(struct work *work)
{
	struct list_writer *w = CONTAINER_OF(work, struct list_writer, work);

	if (w->yaml) {
		json_to_yaml(&w->shaped, buf_str(&w->json));
	} else {
		indent_json(&w->shaped, str_trim(buf_str(&w->json)));
		buf_add_char(&w->shaped, '\n');
	}
}

static void reshaped(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);
	struct list_writer *w = r->writer;

	buf_done(&w->json);
	r->out = w->shaped;
	arena_done(&w->scratch);
	if (err->code) {
		request_end(r);
		return;
	}
	struct http_headers h = respond_headers(r, respond_type(&r->wants));
	respond_bytes(r, 200, &h, buf_str(&r->out));
}

static void reshape(struct api_request *r)
{
	struct list_writer *w = r->writer;

	w->json = r->out;
	w->yaml = r->wants.format == WIRE_YAML;
	buf_init(&w->shaped, SIZE_MAX);
	buf_init(&r->out, SIZE_MAX);
	op_init(&r->op, &r->x->scope, reshaped, OP_NO_DEADLINE);
	work_start(&w->work, &r->op, WORK_CRYPTO, reshape_work);
}

static void send_made(struct api_request *r)
{
	struct list_writer *w = r->writer;
	struct http_headers h = respond_headers(r, respond_type(&r->wants));
	struct str body;

	if (r->wants.format == WIRE_PROTOBUF) {
		_cleanup_(buf_done) struct buf message = r->out;

		r->out = BUF_INIT(SIZE_MAX);
		if (r->wants.as == AS_PARTIAL_LIST)
			proto_wrap(&r->out,
				arena_print(
					r->arena, "meta.k8s.io/%.*s", STRF(r->wants.as_version)),
				STR("PartialObjectMetadataList"), buf_str(&message));
		else
			proto_wrap(&r->out, r->resource->api_version, r->resource->list_kind,
				buf_str(&message));
	} else {
		if (r->wants.as == AS_TABLE)
			buf_add_text(&r->out, "]}\n");
		else
			buf_add_str(&r->out, w->tail);
		if (r->wants.format == WIRE_YAML || r->wants.pretty) {
			reshape(r);
			return;
		}
	}
	arena_done(&w->scratch);
	body = buf_str(&r->out);
	respond_bytes(r, 200, &h, body);
}

static void make_item(struct api_request *r, struct list_writer *w, const struct object *o)
{
	bool comma = w->next > 0;
	struct representation line = r->wants;

	line.pretty = false;
	arena_reset(&w->scratch);
	if (line.as == AS_OBJECT && line.format != WIRE_PROTOBUF &&
		line.resource == line.resource->hub) {
		struct str opening, text = item_text(r, o, !comma, &opening);

		buf_add_str(&r->out, opening);
		buf_add_str(&r->out, text);
		return;
	}
	struct cJSON *hub = object_tree(&w->scratch, o);
	if (line.as == AS_TABLE) {
		table_add_row(&r->out, &w->scratch, &line, hub, r->now, comma);
		return;
	}
	struct cJSON *tree = line.as == AS_PARTIAL_LIST ? partial_tree(&w->scratch, &line, hub)
							: shown_tree(&w->scratch, &line, hub);
	if (line.format == WIRE_PROTOBUF) {
		_cleanup_(buf_done) struct buf item = BUF_INIT(SIZE_MAX);

		proto_encode(&item,
			line.as == AS_PARTIAL_LIST ? meta_schema("PartialObjectMetadata")
						   : line.resource->schema,
			tree);
		proto_add_bytes(&r->out, 2, buf_str(&item));
		return;
	}
	if (line.as == AS_OBJECT && !r->resource->custom) {
		tree_drop(tree, "kind");
		tree_drop(tree, "apiVersion");
	}
	if (comma)
		buf_add_char(&r->out, ',');
	json_print(&r->out, tree, JSON_COMPACT);
}

static void make_some(struct op *op, struct err *err)
{
	struct api_request *r = CONTAINER_OF(op, struct api_request, op);
	struct list_writer *w = r->writer;

	if (err->code) {
		arena_done(&w->scratch);
		request_end(r);
		return;
	}
	for (size_t i = 0; i < TURN_ITEMS && w->next < r->list->count; i++) {
		make_item(r, w, r->list->items[w->next]);
		w->next++;
	}
	if (w->next == r->list->count) {
		send_made(r);
		return;
	}
	op_init(&r->op, &r->x->scope, make_some, OP_NO_DEADLINE);
	op_yield(&r->op);
}

static void answer_made_list(struct api_request *r)
{
	struct list_writer *w = r->writer;
	struct err none = {0};

	arena_init(&w->scratch);
	if (r->wants.format == WIRE_PROTOBUF) {
		_cleanup_(buf_done) struct buf meta = BUF_INIT(64 * KIB);

		proto_encode(&meta, meta_schema("ListMeta"),
			api_canonical(
				r->arena, meta_schema("ListMeta"), list_meta(r->arena, r->list)));
		proto_add_bytes(&r->out, 1, buf_str(&meta));
	} else if (r->wants.as == AS_TABLE) {
		table_open(&r->out, r->arena, &r->wants, resource_table(r->resource->hub),
			list_meta(r->arena, r->list));
	} else {
		buf_add_str(&r->out, w->head);
	}
	make_some(&r->op, &none);
}

/* As the log shows it: whole objects of the version asked for, or of them what was asked for. */
static void audit_list(struct api_request *r)
{
	struct cJSON *tree = json_new(r->arena, JSON_OBJECT),
		     *items = json_new(r->arena, JSON_ARRAY);

	json_add_borrowed(tree, STR("kind"), json_new_str(r->arena, r->resource->list_kind));
	json_add_borrowed(
		tree, STR("apiVersion"), json_new_str(r->arena, r->resource->api_version));
	json_add_borrowed(tree, STR("metadata"), list_meta(r->arena, r->list));
	json_add_borrowed(tree, STR("items"), items);
	for (size_t i = 0; i < r->list->count; i++)
		json_append(items,
			shown_tree(r->arena, &r->wants, object_tree(r->arena, r->list->items[i])));
	audit_answered_tree(r, tree);
}

void answer_list(struct api_request *r, struct list_answer *list)
{
	struct status *no;

	r->list = arena_copy(r->arena, list, sizeof(*list));
	no = respond_misfit(r, true);
	if (no) {
		request_fail(r, no);
		return;
	}
	if (audit_wants_answer(r))
		audit_list(r);
	r->writer = arena_new(r->arena, sizeof(struct list_writer));
	envelope(r, r->writer);
	if (represents_as_stored(&r->wants))
		answer_stored_list(r);
	else
		answer_made_list(r);
}
