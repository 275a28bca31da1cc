#include "go_words.h"

/* Without the beginning of those of a call: `Get "https://…": `. */
static struct str without_call(struct str text)
{
	struct str method, rest;
	ssize_t at;

	if (!str_cut(text, ' ', &method, &rest) || !str_starts(rest, STR("\"")))
		return text;
	at = str_find(rest, STR("\": "));
	return at < 0 ? text : str_skip(rest, (size_t)at + 3);
}

struct str go_words(struct arena *a, const struct err *err)
{
	const struct str verify = STR("tls: failed to verify certificate: ");
	struct str text = without_call(arena_str(a, str_from(err_text(err)))), place, why;

	if (str_starts(text, STR("connect "))) {
		ssize_t at = str_find(text, STR(": "));

		place = str_sub(text, 8, at < 0 ? text.len : (size_t)at);
		why = at < 0 ? STR("") : str_skip(text, (size_t)at + 2);
		return arena_print(a, "dial tcp %.*s: connect: %.*s", STRF(place), STRF(why));
	}
	if (str_starts(text, STR("lookup ")))
		return arena_print(a, "dial tcp: %.*s", STRF(text));
	if (str_starts(text, STR("server gave HTTP response")))
		return arena_print(a, "http: %.*s", STRF(text));
	if (err->code == ERR_CLOSED && str_find(text, STR("shutting down")) < 0)
		return STR("EOF");
	if (err->code != ERR_CERTIFICATE)
		return text;
	if (str_starts(text, verify))
		text = str_skip(text, verify.len);
	if (str_starts(text, STR("certificate signed by unknown authority")))
		text = STR("certificate signed by unknown authority");
	return arena_print(a, "%.*sx509: %.*s", STRF(verify), STRF(text));
}

void go_words_unanswered(struct arena *a, struct str url, struct err *err)
{
	err_set(err, err->code, "Post \"%.*s\": %.*s", STRF(url), STRF(go_words(a, err)));
}

void go_words_broken(struct arena *a, struct err *err)
{
	err_set(err, err->code,
		"unexpected error when reading response body. Please retry. Original error: %.*s",
		STRF(arena_str(a, str_from(err_text(err)))));
}
