/* The life of a certificate and of lists of them; printing. */
#include "cert_private.h"

#include <kube/codec.h>
#include <kube/mem.h>

struct cert *cert_ref(struct cert *cert)
{
	if (cert)
		atomic_fetch_add_explicit(&cert->refs, 1, memory_order_relaxed);
	return cert;
}

void cert_unref(struct cert *cert)
{
	if (!cert || atomic_fetch_sub_explicit(&cert->refs, 1, memory_order_acq_rel) != 1)
		return;
	key_unref(cert->key);
	arena_done(&cert->arena);
	mem_free(cert);
}

const struct cert_info *cert_info(const struct cert *cert)
{
	return &cert->info;
}

struct str cert_der(const struct cert *cert)
{
	return cert->der;
}

struct key *cert_key(const struct cert *cert)
{
	return cert->key;
}

void cert_print_pem(const struct cert *cert, struct buf *out)
{
	pem_print(out, STR("CERTIFICATE"), cert->der);
}

void cert_print_subject(const struct cert *cert, struct buf *out)
{
	cert_print_name(cert->info.subject_der, out);
}

void cert_print_clean(struct str text, struct buf *out)
{
	size_t len = MIN(text.len, (size_t)CERT_LABEL_MAX);
	while (len < text.len && len > 0 && ((unsigned char)text.at[len] & 0xc0) == 0x80)
		len--;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		buf_add_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
	}
	if (len < text.len)
		buf_add_text(out, "…");
}

void cert_print_label(const struct cert *cert, struct buf *out)
{
	const struct cert_info *info = &cert->info;
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * CERT_DER_MAX);
	if (info->subject.common_name.len) {
		buf_add_str(&text, info->subject.common_name);
	} else if (info->dns_count) {
		buf_add_str(&text, info->dns[0]);
	} else if (info->ip_count) {
		ip_print(&text, &info->ips[0]);
	} else if (info->uri_count) {
		buf_add_str(&text, info->uris[0]);
	} else {
		cert_print_subject(cert, &text);
		if (text.len == 0) {
			buf_add_text(&text, "serial ");
			hex_encode(&text, info->serial);
		}
	}
	cert_print_clean(buf_str(&text), out);
}

/* ---- lists ---- */

static int parse_block(struct pem_block *block, struct certs *made, struct err *err)
{
	if (!str_eq(block->label, STR("CERTIFICATE")))
		return 0;
	if (made->count == CERTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d certificates", CERTS_MAX);
	made->items = mem_resize(made->items, (made->count + 1) * sizeof(struct cert *));
	int rc = cert_parse_der(buf_str(&block->der), &made->items[made->count], err);
	if (rc)
		return err_wrap(err, rc, "certificate %zu", made->count + 1);
	made->count++;
	return 0;
}

int certs_parse_pem(struct str pem, struct certs *certs, struct err *err)
{
	struct certs made = {0};
	struct pem_block block;
	struct err why = {0};
	int rc = 0;
	while (rc == 0 && pem_next(&pem, &block, &why)) {
		rc = parse_block(&block, &made, err);
		pem_block_done(&block);
	}
	if (rc == 0 && why.code)
		rc = err_move(err, &why);
	if (rc == 0 && made.count == 0)
		rc = err_set(err, ERR_SYNTAX, "there is no certificate in the PEM text");
	if (rc) {
		certs_done(&made);
		return rc;
	}
	*certs = made;
	return 0;
}

void certs_done(struct certs *certs)
{
	for (size_t i = 0; i < certs->count; i++)
		cert_unref(certs->items[i]);
	mem_free(certs->items);
	*certs = (struct certs){0};
}
