#include "log_redact.h"

#include <kube/defs.h>

/* Letters only, in lower case: "private-key", "privateKey" and "private_key" are one. */
static struct str plain_key(struct str key, char *space, size_t size)
{
	size_t len = 0;
	for (size_t i = 0; i < key.len && len < size; i++) {
		char c = key.at[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c >= 'a' && c <= 'z')
			space[len++] = c;
	}
	return str_make(space, len);
}

bool log_key_is_secret(struct str key)
{
	static const struct str words[] = {STR_INIT("token"), STR_INIT("password"),
		STR_INIT("passwd"), STR_INIT("passphrase"), STR_INIT("authorization"),
		STR_INIT("secret"), STR_INIT("privatekey"), STR_INIT("apikey"),
		STR_INIT("accesskey"), STR_INIT("signingkey"), STR_INIT("encryptionkey"),
		STR_INIT("keydata"), STR_INIT("dockerconfig"), STR_INIT("jwt"),
		STR_INIT("credential"), STR_INIT("cookie"), STR_INIT("bearer")};
	char space[64];
	struct str plain = plain_key(key, space, sizeof(space));
	if (str_ends(plain, STR("name")) || str_ends(plain, STR("namespace")))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_find(plain, words[i]) >= 0)
			return true;
	return false;
}

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._~+/=", c));
}

static size_t token_len(struct str s)
{
	size_t len = 0;
	while (len < s.len && is_token_char(s.at[len]))
		len++;
	return len;
}

/* "bearer" also stands in sentences: what follows it must be longer than a word. */
static bool is_bearer(struct str s)
{
	enum { BEARER_MIN = 16 };
	return str_starts_nocase(s, STR("bearer ")) && token_len(str_skip(s, 7)) >= BEARER_MIN;
}

static bool is_jwt_char(char c)
{
	return is_token_char(c) && !strchr("~+/=", c);
}

static bool is_letter_or_digit(char c)
{
	return is_jwt_char(c) && c != '.' && c != '-' && c != '_';
}

/*
 * Three parts in base64url, of which the first is JSON: `{"` begins with eyJ. It may stand behind
 * something else that is written in the same letters. One pass, whatever the text.
 */
static bool has_jwt(struct str s)
{
	enum { PART_MIN = 8 };
	size_t part = 0, header = SIZE_MAX, parts = 0;
	for (size_t i = 0; i <= s.len; i++) {
		char c = i < s.len ? s.at[i] : 0;
		if (c != '.' && is_jwt_char(c)) {
			if (c == 'e' && header == SIZE_MAX &&
				(i == 0 || !is_letter_or_digit(s.at[i - 1])) &&
				str_starts(str_skip(s, i), STR("eyJ")))
				header = i;
			continue;
		}
		size_t from = parts ? part : MIN(header, i);
		parts = i - from >= PART_MIN ? parts + 1 : 0;
		if (parts == 3)
			return true;
		if (c != '.')
			parts = 0;
		part = i + 1;
		header = SIZE_MAX;
	}
	return false;
}

/* s begins with "://": does a password stand before a host, as in https://user:x@host? */
static bool has_url_password(struct str s)
{
	size_t colon = 0;
	for (size_t i = 3; i < s.len && s.at[i] > ' ' && !strchr("/?#\"'", s.at[i]); i++) {
		if (s.at[i] == ':' && !colon)
			colon = i;
		else if (s.at[i] == '@' && colon && i > colon + 1)
			return true;
	}
	return false;
}

bool log_text_is_secret(struct str text)
{
	ssize_t pem = str_find(text, STR("-----BEGIN "));
	if (pem >= 0 && str_find(str_skip(text, (size_t)pem), STR("PRIVATE KEY-----")) >= 0)
		return true;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];
		if ((c == 'b' || c == 'B') && is_bearer(str_skip(text, i)))
			return true;
		if (c == ':' && str_starts(str_skip(text, i), STR("://")) &&
			has_url_password(str_skip(text, i)))
			return true;
	}
	return has_jwt(text);
}
