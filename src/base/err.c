#include <kube/err.h>

#include <kube/mem.h>

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>

enum { ERR_TEXT_MAX = 1024 };

static const struct err_row {
	const char *name, *reason, *text;
	int status;
} rows[] = {
#define E(name, reason, status, text) {#name, reason, text, status},
#include <kube/errors.def>
#undef E
};

static const struct err_row *err_row(int code)
{
	static const struct err_row none = {"NONE", "", "no error", 200};
	static const struct err_row unknown = {"UNKNOWN", "", "unknown error", 500};
	if (code == 0)
		return &none;
	return code > ERR_BEFORE_FIRST_ && code < ERR_AFTER_LAST_
		       ? &rows[code - (ERR_BEFORE_FIRST_ + 1)]
		       : &unknown;
}

/*
 * Cuts text that did not fit, never inside a UTF-8 sequence: the text ends in a Status, which is
 * JSON.
 */
static void err_cut(char text[ERR_TEXT_MAX + 1], int len)
{
	if (len < ERR_TEXT_MAX + 1)
		return;
	size_t end = ERR_TEXT_MAX, start = end;
	while (start > 0 && end - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	/* text[start - 1] is what the bytes behind it continue, if it is a lead byte at all. */
	unsigned char lead = start ? (unsigned char)text[start - 1] : 0;
	size_t wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (wanted > end - start + 1)
		end = start - 1;
	text[end] = 0;
}

/* The arguments may point into the err's own text, so that is freed last. */
static int err_replace(struct err *err, int code, const char *text)
{
	char *old = err->text;
	err->code = code;
	err->text = mem_copy_text(text);
	mem_free(old);
	return code;
}

int err_set(struct err *err, int code, const char *format, ...)
{
	assert(code < 0);
	if (!err)
		return code;
	char text[ERR_TEXT_MAX + 1];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	err_cut(text, len);
	return err_replace(err, code, text);
}

int err_set_errno(struct err *err, int errnum, const char *format, ...)
{
	int code = err_code_from_errno(errnum);
	if (!err)
		return code;
	char what[ERR_TEXT_MAX + 1], text[ERR_TEXT_MAX + 1];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);

	/* In English, whatever the program's locale: errors end in the API's answers. */
	locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
	char said[128];
	snprintf(said, sizeof(said), "%s", strerror_l(errnum < 0 ? -errnum : errnum, c));
	freelocale(c);
	/* The system's sentences begin with a capital; ours, like Go's, stand behind a colon. */
	if (said[0] >= 'A' && said[0] <= 'Z' && said[1] >= 'a' && said[1] <= 'z')
		said[0] = (char)(said[0] - 'A' + 'a');
	err_cut(text, snprintf(text, sizeof(text), "%s: %s", what, said));
	return err_replace(err, code, text);
}

int err_wrap(struct err *err, int code, const char *format, ...)
{
	assert(code < 0 && (!err || err->code == code));
	if (!err)
		return code;
	char context[ERR_TEXT_MAX + 1], text[ERR_TEXT_MAX + 1];
	va_list args;
	va_start(args, format);
	vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	const char *said = err->text ? err->text : err_row(code)->text;
	err_cut(text, snprintf(text, sizeof(text), "%s: %s", context, said));
	return err_replace(err, code, text);
}

int err_move(struct err *to, struct err *from)
{
	int code = from->code;
	if (to == from || code == 0)
		return code;
	if (to) {
		mem_free(to->text);
		*to = *from;
		*from = (struct err){0};
	} else {
		err_done(from);
	}
	return code;
}

void err_copy(struct err *to, const struct err *from)
{
	if (to == from)
		return;
	mem_free(to->text);
	to->code = from->code;
	to->text = from->text ? mem_copy_text(from->text) : NULL;
}

void err_done(struct err *err)
{
	mem_free(err->text);
	*err = (struct err){0};
}

const char *err_text(const struct err *err)
{
	if (!err)
		return err_row(0)->text;
	return err->text ? err->text : err_row(err->code)->text;
}

const char *err_code_name(int code)
{
	return err_row(code)->name;
}

const char *err_code_reason(int code)
{
	return err_row(code)->reason;
}

int err_code_status(int code)
{
	return err_row(code)->status;
}

static const struct {
	int errnum, code;
} from_errno[] = {
	{0, ERR_INTERNAL},
	{ENOENT, ERR_NOT_FOUND},
	{ENOTDIR, ERR_NOT_FOUND},
	{ESRCH, ERR_NOT_FOUND},
	{ENODEV, ERR_NOT_FOUND},
	{EEXIST, ERR_ALREADY_EXISTS},
	{EBUSY, ERR_CONFLICT},
	{ENOTEMPTY, ERR_CONFLICT},
	{EACCES, ERR_PERMISSION},
	{EPERM, ERR_PERMISSION},
	{EROFS, ERR_PERMISSION},
	{ETIMEDOUT, ERR_TIMEOUT},
	{ECANCELED, ERR_CANCELLED},
	{EPIPE, ERR_CLOSED},
	{ECONNRESET, ERR_CLOSED},
	{ECONNABORTED, ERR_CLOSED},
	{ENOTCONN, ERR_CLOSED},
	{ESHUTDOWN, ERR_CLOSED},
	{ECONNREFUSED, ERR_REFUSED},
	{EHOSTUNREACH, ERR_UNREACHABLE},
	{ENETUNREACH, ERR_UNREACHABLE},
	{EHOSTDOWN, ERR_UNREACHABLE},
	{ENETDOWN, ERR_UNREACHABLE},
	{EADDRINUSE, ERR_ADDRESS},
	{EADDRNOTAVAIL, ERR_ADDRESS},
	{EAFNOSUPPORT, ERR_ADDRESS},
	{ENOSPC, ERR_NO_SPACE},
	{EDQUOT, ERR_NO_SPACE},
	{EMFILE, ERR_LIMIT},
	{ENFILE, ERR_LIMIT},
	{ENOBUFS, ERR_LIMIT},
	{ENOMEM, ERR_LIMIT},
	{EAGAIN, ERR_LIMIT},
	{EFBIG, ERR_TOO_LARGE},
	{EMSGSIZE, ERR_TOO_LARGE},
	{ENAMETOOLONG, ERR_TOO_LARGE},
	{EPROTO, ERR_PROTOCOL},
	{EBADMSG, ERR_PROTOCOL},
	{ENOSYS, ERR_UNSUPPORTED},
	{EOPNOTSUPP, ERR_UNSUPPORTED},
	{EPROTONOSUPPORT, ERR_UNSUPPORTED},
	{EINVAL, ERR_INTERNAL},
	{EBADF, ERR_INTERNAL},
};

int err_code_from_errno(int errnum)
{
	/* libuv gives them negative. */
	errnum = errnum < 0 ? -errnum : errnum;
	for (size_t i = 0; i < ARRAY_LEN(from_errno); i++)
		if (from_errno[i].errnum == errnum)
			return from_errno[i].code;
	return ERR_IO;
}
