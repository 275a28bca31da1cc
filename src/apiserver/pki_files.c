/* The files of keys and certificates. */
#include "pki_own.h"

const char *pki_path(struct pki *p, const char *name)
{
	return arena_print(&p->arena, "%.*s/%s", STRF(p->dir), name).at;
}

static int read_file(struct env *env, const char *path, struct buf *out, struct err *err)
{
	return disk_read_file(env->disk, path, out, err);
}

int pki_read_key(struct env *env, const char *path, struct key **key, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(PKI_FILE_MAX);
	int code = read_file(env, path, &text, err);

	if (!code) {
		code = key_parse(buf_str(&text), key, err);
		if (code)
			err_wrap(err, code, "%s", path);
	}
	return code;
}

int pki_read_certs(struct env *env, const char *path, struct certs *certs, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(4 * MIB);
	int code = read_file(env, path, &text, err);

	if (!code) {
		code = certs_parse_pem(buf_str(&text), certs, err);
		if (code)
			err_wrap(err, code, "%s", path);
	}
	return code;
}

static int write_key(struct env *env, const char *path, const struct key *key, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(PKI_FILE_MAX);

	key_print_pem(key, &text);
	return disk_write_file(env->disk, path, buf_str(&text), 0600, err);
}

int pki_write_cert(struct env *env, const char *path, const struct cert *cert, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(PKI_FILE_MAX);

	cert_print_pem(cert, &text);
	return disk_write_file(env->disk, path, buf_str(&text), 0644, err);
}

int pki_keep_file(
	struct env *env, const char *path, struct str text, unsigned mode, struct err *err)
{
	_cleanup_(buf_done) struct buf old = BUF_INIT(MIB);

	if (!read_file(env, path, &old, NULL) && str_eq(buf_str(&old), text))
		return 0;
	return disk_write_file(env->disk, path, text, mode, err);
}

int pki_key_at(struct api_server *s, const char *path, enum key_kind kind, struct key **key,
	struct err *err)
{
	int code = pki_read_key(s->env, path, key, err);

	if (code != ERR_NOT_FOUND)
		return code;
	err_done(err);
	code = key_generate(kind, key, err);
	if (!code)
		code = write_key(s->env, path, *key, err);
	return code;
}
