/*
 * The grammar is that of Docker's references; its peculiarities are on purpose: the first piece is
 * a host only when it could not be anything else.
 */
#include <kube/image_reference.h>

#define NAME_MAX_ 255
#define TAG_MAX   128
#define TEXT_MAX  ((size_t)4096)

static const struct str default_domain = STR_INIT("docker.io");
static const struct str legacy_domain = STR_INIT("index.docker.io");

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool all_hex(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!(s.at[i] >= '0' && s.at[i] <= '9') && !(s.at[i] >= 'a' && s.at[i] <= 'f'))
			return false;
	return s.len > 0;
}

bool image_digest_valid(struct str digest)
{
	return str_starts(digest, STR("sha256:")) && digest.len == 7 + 64 &&
	       all_hex(str_skip(digest, 7));
}

struct str image_digest_hex(struct str digest)
{
	return str_skip(digest, 7);
}

/* alnum words joined by one '.', one or two '_', or any number of '-' */
static bool path_component_valid(struct str s)
{
	size_t i = 0;

	while (i < s.len) {
		if (!is_lower_alnum(s.at[i]))
			return false;
		while (i < s.len && is_lower_alnum(s.at[i]))
			i++;
		if (i == s.len)
			return true;
		size_t from = i;
		char joint = s.at[i];
		while (i < s.len && s.at[i] == joint)
			i++;
		size_t n = i - from;
		if (!((joint == '.' && n == 1) || (joint == '_' && n <= 2) || joint == '-'))
			return false;
	}
	return false;
}

static bool host_label_valid(struct str s)
{
	if (s.len == 0 || !is_alnum(s.at[0]) || !is_alnum(s.at[s.len - 1]))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.at[i]) && s.at[i] != '-')
			return false;
	return true;
}

static bool digits_only(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
	return s.len > 0;
}

static bool domain_valid(struct str s)
{
	struct str host = s, port, label;

	if (s.len && s.at[0] == '[') {
		ssize_t end = str_find_char(s, ']');
		if (end < 2)
			return false;
		for (ssize_t i = 1; i < end; i++)
			if (!is_alnum(s.at[i]) && s.at[i] != ':')
				return false;
		host = str_skip(s, (size_t)end + 1);
		return host.len == 0 || (host.at[0] == ':' && digits_only(str_skip(host, 1)));
	}
	if (str_cut(s, ':', &host, &port) && !digits_only(port))
		return false;
	struct str rest = host;
	while (str_next(&rest, '.', &label))
		if (!host_label_valid(label))
			return false;
	return host.len > 0;
}

static bool tag_valid(struct str s)
{
	if (s.len == 0 || s.len > TAG_MAX || s.at[0] == '.' || s.at[0] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_alnum(s.at[i]) && s.at[i] != '_' && s.at[i] != '.' && s.at[i] != '-')
			return false;
	return true;
}

static bool has_upper(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] >= 'A' && s.at[i] <= 'Z')
			return true;
	return false;
}

/* The first piece is a host when it has a dot, a port or capitals, or is "localhost". */
static void split_domain(struct arena *a, struct str name, struct str *domain, struct str *path)
{
	struct str first, rest;

	if (!str_cut(name, '/', &first, &rest) ||
		(str_find_char(first, '.') < 0 && str_find_char(first, ':') < 0 &&
			!str_eq_text(first, "localhost") && !has_upper(first))) {
		*domain = default_domain;
		*path = name;
	} else {
		*domain = first;
		*path = rest;
	}
	if (str_eq(*domain, legacy_domain))
		*domain = default_domain;
	if (str_eq(*domain, default_domain) && str_find_char(*path, '/') < 0)
		*path = arena_print(a, "library/%.*s", STRF(*path));
}

static int check_name(struct str domain, struct str path, struct err *err)
{
	struct str rest = path, piece;

	if (has_upper(path))
		return err_set(err, ERR_INVALID,
			"invalid reference format: repository name (%.*s) must be lowercase",
			STRF(path));
	if (!domain_valid(domain))
		return err_set(err, ERR_INVALID, "invalid reference format");
	while (str_next(&rest, '/', &piece))
		if (!path_component_valid(piece))
			return err_set(err, ERR_INVALID, "invalid reference format");
	if (domain.len + 1 + path.len > NAME_MAX_)
		return err_set(err, ERR_INVALID,
			"repository name must not be more than %d characters", NAME_MAX_);
	return 0;
}

/* Behind the last '/' a ':' begins the tag; before, a port. */
static bool cut_tag(struct str *name, struct str *tag)
{
	ssize_t slash = str_find_last_char(*name, '/');
	ssize_t colon = str_find_last_char(*name, ':');

	if (colon < 0 || colon < slash)
		return false;
	*tag = str_skip(*name, (size_t)colon + 1);
	*name = str_sub(*name, 0, (size_t)colon);
	return true;
}

int image_reference_parse(
	struct arena *a, struct str text, struct image_reference *ref, struct err *err)
{
	struct image_reference r = {0};
	struct str name = text, digest = {0}, tag = {0};

	if (text.len > TEXT_MAX || text.len == 0)
		return err_set(err, ERR_INVALID, "invalid reference format");
	if (text.len == 64 && all_hex(text))
		return err_set(err, ERR_INVALID,
			"invalid repository name (%.*s), cannot specify 64-byte hexadecimal "
			"strings",
			STRF(text));
	bool has_digest = str_cut(text, '@', &name, &digest);
	bool has_tag = cut_tag(&name, &tag);
	if (has_digest && !image_digest_valid(digest))
		return err_set(err, ERR_INVALID,
			str_starts(digest, STR("sha256:")) && all_hex(str_skip(digest, 7))
				? "invalid checksum digest length"
				: "invalid reference format");
	if (has_tag && !tag_valid(tag))
		return err_set(err, ERR_INVALID, "invalid reference format");
	split_domain(a, name, &r.domain, &r.path);
	int failed = check_name(r.domain, r.path, err);
	if (failed)
		return failed;
	r.domain = arena_str(a, r.domain);
	r.path = arena_str(a, r.path);
	r.tag = arena_str(a, tag);
	r.digest = arena_str(a, digest);
	*ref = r;
	return 0;
}

void image_reference_default_tag(struct image_reference *ref)
{
	if (ref->tag.len == 0 && ref->digest.len == 0)
		ref->tag = STR("latest");
}

struct str image_reference_name(struct arena *a, const struct image_reference *ref)
{
	return arena_print(a, "%.*s/%.*s", STRF(ref->domain), STRF(ref->path));
}

struct str image_reference_print(struct arena *a, const struct image_reference *ref)
{
	return arena_print(a, "%.*s/%.*s%s%.*s%s%.*s", STRF(ref->domain), STRF(ref->path),
		ref->tag.len ? ":" : "", STRF(ref->tag), ref->digest.len ? "@" : "",
		STRF(ref->digest));
}
