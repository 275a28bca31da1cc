/*
 * PEM (RFC 7468, the strict half of it). Text outside blocks is skipped, as Go and openssl do:
 * people keep comments and `openssl x509 -text` dumps in these files. Inside a block nothing is
 * forgiven.
 */
#include <kube/codec.h>
#include <kube/key.h>

#include <string.h>

#define PEM_MAX      MIB
#define PEM_LINE_LEN 64

static const struct str begin = STR_INIT("-----BEGIN ");
static const struct str end = STR_INIT("-----END ");
static const struct str dashes = STR_INIT("-----");

/* Without its line end and trailing blanks. */
static struct str take_line(struct str *rest)
{
	struct str line;
	str_cut(*rest, '\n', &line, rest);
	while (line.len && strchr(" \t\r", line.at[line.len - 1]))
		line.len--;
	return line;
}

/* "-----BEGIN LABEL-----" → LABEL. */
static bool line_label(struct str line, struct str prefix, struct str *label)
{
	if (line.len < prefix.len + dashes.len || !str_starts(line, prefix) ||
		!str_ends(line, dashes))
		return false;
	*label = str_sub(line, prefix.len, line.len - dashes.len);
	return true;
}

static int no_end(struct str label, struct err *err)
{
	return err_set(err, ERR_SYNTAX, "PEM block \"%.*s\" has no end", STRF(label));
}

static int read_body(struct str *rest, struct str label, struct buf *base64, struct err *err)
{
	while (rest->len) {
		struct str line = take_line(rest), closing;
		if (line_label(line, end, &closing)) {
			if (str_eq(closing, label))
				return 0;
			return err_set(err, ERR_SYNTAX, "PEM block \"%.*s\" ends as \"%.*s\"",
				STRF(label), STRF(closing));
		}
		if (str_starts(line, dashes))
			break;
		if (str_find_char(line, ':') >= 0)
			return err_set(err, ERR_UNSUPPORTED,
				"PEM block \"%.*s\" has headers: encrypted keys are not supported",
				STRF(label));
		buf_add_str(base64, str_trim(line));
		if (buf_over(base64))
			return err_set(err, ERR_TOO_LARGE,
				"PEM block \"%.*s\" is larger than 1 MiB", STRF(label));
	}
	return no_end(label, err);
}

static int decode_block(struct str *rest, struct pem_block *block, struct err *err)
{
	struct buf base64 = BUF_INIT(PEM_MAX);
	ssize_t body = str_find(*rest, end);
	if (body < 0)
		return no_end(block->label, err);
	/* Room for all that can come, once: no growing leaves a copy of a key behind. */
	buf_reserve(&base64, MIN((size_t)body, PEM_MAX));
	int rc = read_body(rest, block->label, &base64, err);
	if (rc == 0) {
		buf_init(&block->der, PEM_MAX);
		buf_reserve(&block->der, base64.len + 4);
		rc = base64_decode(&block->der, buf_str(&base64), err);
		if (rc)
			err_wrap(err, rc, "PEM block \"%.*s\"", STRF(block->label));
	}
	if (base64.at)
		explicit_bzero(base64.at, base64.cap);
	buf_done(&base64);
	return rc;
}

bool pem_next(struct str *rest, struct pem_block *block, struct err *err)
{
	*block = (struct pem_block){0};
	while (rest->len) {
		struct str line = take_line(rest);
		if (!line_label(line, begin, &block->label))
			continue;
		if (decode_block(rest, block, err) == 0)
			return true;
		pem_block_done(block);
		return false;
	}
	return false;
}

void pem_block_done(struct pem_block *block)
{
	if (block->der.at)
		explicit_bzero(block->der.at, block->der.cap);
	buf_done(&block->der);
	block->label = (struct str){0};
}

void pem_print(struct buf *out, struct str label, struct str der)
{
	buf_print(out, "-----BEGIN %.*s-----\n", STRF(label));
	/* Lines of 64 characters are 48 bytes. */
	for (size_t at = 0; at < der.len; at += PEM_LINE_LEN / 4 * 3) {
		base64_encode(out, str_sub(der, at, at + PEM_LINE_LEN / 4 * 3));
		buf_add_char(out, '\n');
	}
	buf_print(out, "-----END %.*s-----\n", STRF(label));
}
