#include "page_links.h"
#include "page_text.h"

#include <kube/html.h>

#include <kube/defs.h>
#include <kube/mem.h>

#define ADDRESS_MAX (64 * KIB)

/* Which attributes of which elements hold an address. */
static const struct {
	const char *element, *attributes[4];
} addresses[] = {
	{"a", {"href"}},
	{"applet", {"codebase"}},
	{"area", {"href"}},
	{"audio", {"src"}},
	{"base", {"href"}},
	{"blockquote", {"cite"}},
	{"body", {"background"}},
	{"button", {"formaction"}},
	{"command", {"icon"}},
	{"del", {"cite"}},
	{"embed", {"src"}},
	{"form", {"action"}},
	{"frame", {"longdesc", "src"}},
	{"head", {"profile"}},
	{"html", {"manifest"}},
	{"iframe", {"longdesc", "src"}},
	{"img", {"longdesc", "src", "usemap"}},
	{"input", {"src", "usemap", "formaction"}},
	{"ins", {"cite"}},
	{"link", {"href"}},
	{"object", {"classid", "codebase", "data", "usemap"}},
	{"q", {"cite"}},
	{"script", {"src"}},
	{"source", {"src"}},
	{"video", {"poster", "src"}},
};

/* Between whose tags there are none: all is text up to the end tag. */
static const char *const texts[] = {
	"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"};

struct page {
	struct str in;
	size_t at, copied; /* copied: what stands before it is in `out` */
	struct buf *out;
	page_link_fn *change;
	void *ctx;
};

static struct str rest_of(const struct page *p)
{
	return str_skip(p->in, p->at);
}

static char peek(const struct page *p)
{
	return p->at < p->in.len ? p->in.at[p->at] : '\0';
}

static bool is_over(const struct page *p)
{
	return p->at >= p->in.len;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void skip_space(struct page *p)
{
	while (is_space(peek(p)))
		p->at++;
}

/* Behind the next `what`, or to the end. */
static void skip_past(struct page *p, struct str what)
{
	ssize_t at = str_find(rest_of(p), what);

	p->at = at < 0 ? p->in.len : p->at + (size_t)at + what.len;
}

/* ---- tags ---- */

static bool holds_address(struct str element, struct str attribute)
{
	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		if (!str_eq_nocase(element, str_from(addresses[i].element)))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(addresses[i].attributes); k++)
			if (addresses[i].attributes[k] &&
				str_eq_nocase(attribute, str_from(addresses[i].attributes[k])))
				return true;
	}
	return false;
}

static void change_address(struct page *p, size_t from, size_t to, bool quoted)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(ADDRESS_MAX);
	struct str changed;

	if (!page_text_read(str_sub(p->in, from, to), &text))
		return;
	changed = p->change(p->ctx, buf_str(&text));
	if (str_eq(changed, buf_str(&text)))
		return;
	buf_add_str(p->out, str_sub(p->in, p->copied, from));
	if (!quoted)
		buf_add_char(p->out, '"');
	html_escape(p->out, changed);
	if (!quoted)
		buf_add_char(p->out, '"');
	p->copied = to;
}

static struct str read_name(struct page *p)
{
	size_t from = p->at;

	while (!is_over(p) && !is_space(peek(p)) && peek(p) != '/' && peek(p) != '>')
		p->at++;
	return str_sub(p->in, from, p->at);
}

/* An equals sign that begins a name belongs to it. */
static struct str read_key(struct page *p)
{
	size_t from = p->at;

	while (!is_over(p) && !is_space(peek(p)) && peek(p) != '/' && peek(p) != '>' &&
		(peek(p) != '=' || p->at == from))
		p->at++;
	return str_sub(p->in, from, p->at);
}

static void read_value(struct page *p, bool address)
{
	char quote = peek(p);
	bool quoted = quote == '"' || quote == '\'';
	size_t from = p->at + quoted;

	p->at = from;
	while (!is_over(p) && (quoted ? peek(p) != quote : !is_space(peek(p)) && peek(p) != '>'))
		p->at++;
	if (address && p->at > from)
		change_address(p, from, p->at, quoted);
	p->at += quoted;
}

/* Behind the name, up to and with '>'. `element`: an end tag has none. */
static void read_attributes(struct page *p, struct str element)
{
	for (;;) {
		while (is_space(peek(p)) || peek(p) == '/')
			p->at++;
		if (is_over(p))
			return;
		if (peek(p) == '>') {
			p->at++;
			return;
		}
		struct str key = read_key(p);
		skip_space(p);
		if (peek(p) != '=')
			continue;
		p->at++;
		skip_space(p);
		if (peek(p) != '>')
			read_value(p, holds_address(element, key));
	}
}

/* ---- what is no markup ---- */

static bool is_tag_at(const struct page *p, const char *open, struct str name)
{
	struct str rest = rest_of(p);
	size_t len = strlen(open);

	if (!str_starts(rest, str_from(open)))
		return false;
	rest = str_skip(rest, len);
	if (!str_starts_nocase(rest, name) || rest.len == name.len)
		return false;
	char next = rest.at[name.len];
	return is_space(next) || next == '/' || next == '>';
}

/*
 * A script may hold another's tags in what looks like a comment:
 * <script><!-- <script></script> --></script> is one element.
 */
static void skip_script(struct page *p)
{
	const struct str script = STR("script");
	bool hidden = false, inner = false;

	for (; !is_over(p); p->at++) {
		if (str_starts(rest_of(p), STR("<!--")))
			hidden = true;
		else if (str_starts(rest_of(p), STR("-->")))
			hidden = inner = false;
		else if (hidden && !inner && is_tag_at(p, "<", script))
			inner = true;
		else if (is_tag_at(p, "</", script) && !inner)
			return;
		else if (is_tag_at(p, "</", script))
			inner = false;
	}
}

static void skip_text_of(struct page *p, struct str element)
{
	if (str_eq_nocase(element, STR("plaintext"))) {
		p->at = p->in.len;
		return;
	}
	if (str_eq_nocase(element, STR("script"))) {
		skip_script(p);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (str_eq_nocase(element, str_from(texts[i])))
			while (!is_over(p) && !is_tag_at(p, "</", element))
				p->at++;
}

/* From "<!--", which may be its end, too: "<!-->", "<!--->". */
static void skip_comment(struct page *p)
{
	size_t from = p->at;

	for (p->at += 2; !is_over(p); p->at++) {
		if (str_starts(rest_of(p), STR("-->"))) {
			p->at += 3;
			return;
		}
		if (p->at >= from + 4 && str_starts(rest_of(p), STR("--!>"))) {
			p->at += 4;
			return;
		}
	}
}

/* At '<'. */
static void read_markup(struct page *p)
{
	struct str rest = rest_of(p);
	char next = rest.len > 1 ? rest.at[1] : '\0';

	if (is_letter(next)) {
		p->at++;
		struct str element = read_name(p);
		read_attributes(p, element);
		skip_text_of(p, element);
	} else if (next == '/' && rest.len > 2 && is_letter(rest.at[2])) {
		p->at += 2;
		read_name(p);
		read_attributes(p, STR(""));
	} else if (str_starts(rest, STR("<!--"))) {
		skip_comment(p);
	} else if (next == '!' || next == '?' || next == '/') {
		skip_past(p, STR(">"));
	} else {
		p->at++;
	}
}

void page_links_change(struct buf *out, struct str page, page_link_fn *change, void *ctx)
{
	struct page p = {.in = page, .out = out, .change = change, .ctx = ctx};

	while (!is_over(&p)) {
		ssize_t at = str_find_char(rest_of(&p), '<');

		p.at = at < 0 ? page.len : p.at + (size_t)at;
		if (!is_over(&p))
			read_markup(&p);
	}
	buf_add_str(out, str_skip(page, p.copied));
}
