/* Documents: from libyaml's stream of events, within limits, to the caller. */
#include "go_text.h"
#include "yaml_reader.h"

#include <stdio.h>

enum {
	DEFAULT_MAX_BYTES = 3 * 1024 * 1024,
	DEFAULT_MAX_DEPTH = 1000,
	DEFAULT_MAX_EXPANDED = 1000 * 1000,
	DUPLICATES_REPORTED = 100,
};

int yaml_fail(struct yaml_reader *r, int code, const char *format, ...)
{
	va_list args;
	char text[1024];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return err_set(r->err, code, "%s", text);
}

/*
 * libyaml's own failure in Go's words. Its marks count lines from 0; Go adds one for what the
 * scanner says and none for what the parser says.
 */
static int fail_to_parse(struct yaml_reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem =
		p->problem && p->problem[0] ? p->problem : "unknown problem parsing YAML content";
	size_t line = p->context_mark.line;

	if (p->problem_mark.line)
		line = p->problem_mark.line + (p->error == YAML_SCANNER_ERROR);
	if (p->error == YAML_MEMORY_ERROR)
		return yaml_fail(r, ERR_TOO_LARGE, "yaml: out of memory");
	if (line)
		return yaml_fail(r, ERR_SYNTAX, "yaml: line %zu: %s", line, problem);
	return yaml_fail(r, ERR_SYNTAX, "yaml: %s", problem);
}

/* ---- documents ---- */

static int next_event(struct yaml_reader *r)
{
	yaml_event_delete(&r->event);
	return yaml_parser_parse(&r->parser, &r->event) ? yaml_spend_on_flow(r) : fail_to_parse(r);
}

/*
 * Something in the document has no meaning. Go parses a document before it looks at what it
 * means, so a fault of form further down is what it complains of.
 */
static int prefer_faults_of_form(struct yaml_reader *r)
{
	struct err meaning = {0};
	int form;

	err_move(&meaning, r->err);
	do
		form = next_event(r);
	while (form == 0 && r->event.type != YAML_DOCUMENT_END_EVENT);
	if (form == 0)
		return err_move(r->err, &meaning);
	err_done(&meaning);
	return form;
}

/* Goes on to the end of the next document. *root is NULL at the end of the stream. */
static int read_document(struct yaml_reader *r, struct json_node **root, int *line)
{
	int code = 0;

	*root = NULL;
	do {
		code = next_event(r);
		if (code || r->event.type == YAML_STREAM_END_EVENT)
			return code;
	} while (r->event.type != YAML_DOCUMENT_START_EVENT);
	r->root = r->in = r->slot = NULL;
	r->depth = r->flow = 0;
	r->decoded = r->aliased = 0;
	yaml_forget_anchors(r);
	for (;;) {
		code = next_event(r);
		if (code || r->event.type == YAML_DOCUMENT_END_EVENT)
			break;
		if (!r->root)
			*line = (int)r->event.start_mark.line + 1;
		code = yaml_take_event(r);
		if (code == ERR_SYNTAX && !r->fault_of_form)
			code = prefer_faults_of_form(r);
		if (code)
			break;
	}
	*root = r->root;
	return code;
}

/*
 * libyaml looks through all %TAG directives for every further one and for every tag. Nobody writes
 * more than one or two. Counted before it reads, because it takes all of a document's at once;
 * without regard to NULs, since text may be UTF-16, and only there without regard to lines.
 */
static bool too_many_directives(struct str text)
{
	enum { DIRECTIVES_MAX = 64 };
	bool wide = str_starts(text, STR("\xff\xfe")) || str_starts(text, STR("\xfe\xff"));
	size_t step = wide ? 2 : 1, count = 0;

	while (count <= DIRECTIVES_MAX) {
		ssize_t at = str_find_char(text, '%');
		if (at < 0)
			return false;
		char before = at ? text.at[at - 1] : '\n';
		bool starts_line = wide || before == '\n' || before == '\r' || (before & 0x80);
		bool tag = text.len - (size_t)at > 3 * step && text.at[(size_t)at + step] == 'T' &&
			   text.at[(size_t)at + 2 * step] == 'A' &&
			   text.at[(size_t)at + 3 * step] == 'G';
		count += starts_line && tag;
		text = str_skip(text, (size_t)at + 1);
	}
	return true;
}

static int start_reading(struct yaml_reader *r, struct arena *a, struct str text,
	const struct yaml_options *options, struct err *err)
{
	*r = (struct yaml_reader){.arena = a, .err = err};
	if (options)
		r->options = *options;
	struct yaml_limits *limits = &r->options.limits;
	if (limits->max_bytes == 0)
		limits->max_bytes = DEFAULT_MAX_BYTES;
	if (limits->max_depth <= 0)
		limits->max_depth = DEFAULT_MAX_DEPTH;
	if (limits->max_expanded == 0)
		limits->max_expanded = DEFAULT_MAX_EXPANDED;
	limits->max_bytes = MIN(limits->max_bytes, (size_t)UINT32_MAX / 4); /* lengths in nodes */
	if (text.len > limits->max_bytes)
		return yaml_fail(r, ERR_TOO_LARGE, "YAML of %zu bytes is over the limit of %zu",
			text.len, limits->max_bytes);
	if (too_many_directives(text))
		return yaml_fail(r, ERR_TOO_LARGE, "yaml: too many %%TAG directives");
	if (!yaml_parser_initialize(&r->parser))
		return yaml_fail(r, ERR_TOO_LARGE, "yaml: out of memory");
	yaml_parser_set_input_string(
		&r->parser, (const unsigned char *)(text.len ? text.at : ""), text.len);
	return 0;
}

static void stop_reading(struct yaml_reader *r)
{
	yaml_event_delete(&r->event);
	yaml_parser_delete(&r->parser);
	yaml_forget_anchors(r);
	json_index_done(&r->index);
}

static bool is_null(const struct json_node *n)
{
	return (n->c.type & JSON_TYPE_MASK) == cJSON_NULL;
}

static int read_documents(struct yaml_reader *r, yaml_document_fn *document, void *ctx)
{
	for (;;) {
		struct json_node *root;
		int line = 0, code = read_document(r, &root, &line);
		if (code || !root)
			return code;
		if (!is_null(root))
			code = document(ctx, &root->c, line, r->err);
		if (code)
			return code;
	}
}

int yaml_read_all(struct arena *a, struct str text, const struct yaml_options *options,
	yaml_document_fn *document, void *ctx, struct err *err)
{
	struct yaml_reader r;
	struct err own = {0};
	int code = start_reading(&r, a, text, options, &own);

	if (code == 0)
		code = read_documents(&r, document, ctx);
	stop_reading(&r);
	if (own.code)
		err_move(err, &own);
	return code;
}

int yaml_read(struct arena *a, struct str text, const struct yaml_options *options,
	struct cJSON **root, struct err *err)
{
	struct yaml_reader r;
	struct err own = {0};
	struct json_node *n = NULL;
	int line, code = start_reading(&r, a, text, options, &own);

	if (code == 0)
		code = read_document(&r, &n, &line);
	stop_reading(&r);
	if (code) {
		err_move(err, &own);
		return code;
	}
	*root = n ? &n->c : json_new(a, JSON_NULL);
	return 0;
}

/* Kept until it is certain that the text is JSON: if it is not, YAML tells of the same ones. */
struct json_duplicates {
	struct arena *arena;
	struct str paths[DUPLICATES_REPORTED];
	size_t count;
};

static void keep_json_duplicate(void *ctx, struct str path)
{
	struct json_duplicates *kept = ctx;

	if (kept->count < DUPLICATES_REPORTED)
		kept->paths[kept->count++] = arena_str(kept->arena, path);
}

static void tell_json_duplicates(
	const struct json_duplicates *kept, const struct yaml_options *options)
{
	for (size_t i = 0; i < kept->count; i++) {
		struct str head, key;
		str_cut_last(kept->paths[i], '.', &head, &key);
		options->duplicate(
			options->ctx, &(struct yaml_duplicate){.path = kept->paths[i], .key = key});
	}
}

int yaml_read_any(struct arena *a, struct str text, const struct yaml_options *options,
	struct cJSON **root, struct err *err)
{
	struct str body = str_trim(text);
	struct json_duplicates kept = {.arena = a};
	struct json_options json = {0};
	struct err why = {0};

	if (body.len == 0 || body.at[0] != '{')
		return yaml_read(a, text, options, root, err);
	if (options) {
		json.limits.max_bytes = options->limits.max_bytes;
		json.limits.max_depth = options->limits.max_depth;
		json.limits.max_nodes = options->limits.max_expanded;
	}
	if (options && options->duplicate) {
		json.duplicate = keep_json_duplicate;
		json.ctx = &kept;
	}
	int code = json_parse(a, text, &json, root, &why);
	if (code == ERR_SYNTAX && yaml_read(a, text, options, root, NULL) == 0) {
		err_done(&why);
		return 0;
	}
	if (code)
		err_move(err, &why);
	else
		tell_json_duplicates(&kept, options);
	return code;
}

/* ---- duplicate keys ---- */

void yaml_print_duplicate(struct buf *out, const struct yaml_duplicate *duplicate)
{
	if (duplicate->line == 0) {
		buf_add_text(out, "duplicate field ");
		go_print_quoted(out, duplicate->path);
		return;
	}
	buf_print(out, "line %d: key ", duplicate->line);
	go_print_quoted(out, duplicate->key);
	buf_add_text(out, " already set in map");
}
