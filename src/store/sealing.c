/* Between the store and its file: texts that are sealed on the way to it and opened on the way
 * back. */
#include "private.h"

#include <kube/log.h>
#include <kube/mem.h>

#define RENEWED_AT_ONCE ((size_t)1000)

static void place_of(struct buf *out, const struct log_row *r)
{
	buf_add_str(out, r->bucket);
	buf_add_str(out, r->key);
}

/* ---- opening ---- */

static void note_stale(struct store *s, int64_t revision)
{
	if (s->stale_count == s->stale_cap) {
		s->stale_cap = s->stale_cap ? 2 * s->stale_cap : 64;
		s->stale = mem_resize(s->stale, s->stale_cap * sizeof(*s->stale));
	}
	s->stale[s->stale_count++] = revision;
}

int sealing_open(struct store *s, const struct log_row *r, struct buf *opened, struct str *text,
	struct err *err)
{
	_cleanup_(buf_done) struct buf place = BUF_INIT(64 * KIB);
	const struct store_sealer *sealer = s->options.sealer;
	bool stale = false;
	int code = 0;

	*text = r->text;
	if (sealer) {
		place_of(&place, r);
		code = sealer->open(
			sealer, r->bucket, buf_str(&place), r->text, opened, &stale, err);
		if (code < 0)
			return code;
		if (code)
			*text = buf_str(opened);
		if (stale)
			note_stale(s, r->revision);
	}
	if (text->len && text->at[0] == '{')
		return 0;
	return err_set(err, ERR_REFUSED,
		"%.*s%.*s lies in the store sealed: the key is needed "
		"(--encryption-provider-config)",
		STRF(r->bucket), STRF(r->key));
}

/* ---- writing ---- */

/* Sealed copies of the rows' texts, one behind the other in *bytes. */
static int seal_rows(struct store *s, const struct log_batch *batch, struct log_row *rows,
	struct buf *bytes, struct err *err)
{
	const struct store_sealer *sealer = s->options.sealer;
	size_t *ends = mem_alloc((batch->row_count + 1) * sizeof(*ends)), from = 0;
	int code = 0;

	for (size_t i = 0; i < batch->row_count && code >= 0; i++) {
		_cleanup_(buf_done) struct buf place = BUF_INIT(64 * KIB);

		rows[i] = batch->rows[i];
		ends[i] = 0;
		if (!rows[i].text.at)
			continue;
		place_of(&place, &rows[i]);
		code = sealer->seal(
			sealer, rows[i].bucket, buf_str(&place), rows[i].text, bytes, err);
		if (code > 0)
			ends[i] = bytes->len;
	}
	/* The bytes stand still only now. */
	for (size_t i = 0; i < batch->row_count && code >= 0; i++)
		if (ends[i]) {
			rows[i].text = str_make(bytes->at + from, ends[i] - from);
			from = ends[i];
		}
	mem_free(ends);
	return code < 0 ? code : 0;
}

int sealing_write(struct store *s, const struct log_batch *batch, struct err *err)
{
	_cleanup_(buf_done) struct buf bytes = BUF_INIT(SIZE_MAX);
	struct log_batch sealed = *batch;
	int code;

	if (!s->options.sealer)
		return log_file_write(s->file, batch, err);
	sealed.rows = mem_alloc((batch->row_count + 1) * sizeof(*sealed.rows));
	code = seal_rows(s, batch, sealed.rows, &bytes, err);
	if (!code)
		code = log_file_write(s->file, &sealed, err);
	mem_free(sealed.rows);
	return code;
}

/* ---- renewing ---- */

static int seal_again(void *ctx, const struct log_row *r, struct buf *out, struct err *err)
{
	_cleanup_(buf_done) struct buf opened = BUF_INIT(SIZE_MAX), place = BUF_INIT(64 * KIB);
	struct store *s = ctx;
	const struct store_sealer *sealer = s->options.sealer;
	struct str text;
	int code = sealing_open(s, r, &opened, &text, err);

	if (code)
		return code;
	place_of(&place, r);
	code = sealer->seal(sealer, r->bucket, buf_str(&place), text, out, err);
	if (!code) /* it is to lie there as it is */
		buf_add_str(out, text);
	return code < 0 ? code : 0;
}

int sealing_renew(struct store *s, int64_t *count, struct err *err)
{
	int64_t *stale = TAKE(s->stale);
	size_t all = s->stale_count, done = 0;
	int code = 0;

	s->stale_count = s->stale_cap = 0;
	while (!code && done < all) {
		size_t n = MIN(all - done, RENEWED_AT_ONCE);

		code = log_file_rewrite(s->file, stale + done, n, seal_again, s, err);
		done += code ? 0 : n;
	}
	mem_free(stale);
	mem_free(TAKE(s->stale)); /* sealing them has noted them once more */
	s->stale_count = s->stale_cap = 0;
	*count += (int64_t)done;
	return code;
}

void sealing_cleanse(struct store *s)
{
	_cleanup_(err_done) struct err err = {0};

	if (log_file_cleanse(s->file, &err))
		log_warning(&err, "what lay in the store before it was sealed anew can still be "
				  "found in its files, until the next start");
}
