/* The rules of names, each with upstream's sentences. */
#include <kube/ip.h>
#include <kube/names.h>

#define LABEL_MAX     63
#define SUBDOMAIN_MAX 253

static const char too_long_63[] = "must be no more than 63 characters";
static const char too_long_253[] = "must be no more than 253 characters";
static const char label_1123[] =
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
	"must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
	"used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
static const char label_1035[] =
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
	"alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
	"'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
#define SUBDOMAIN_REGEX "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
#define SUBDOMAIN_RULE                                                                             \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
	"or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "      \
	"regex used for validation is '" SUBDOMAIN_REGEX "')"
static const char subdomain[] = SUBDOMAIN_RULE;
static const char search[] =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', "
	"'-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "
	"regex used for validation is "
	"'_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
static const char wildcard[] =
	"a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
	"which must consist of lower case alphanumeric characters, '-' or '.' and end with an "
	"alphanumeric character (e.g. '*.example.com', regex used for validation is "
	"'\\*\\." SUBDOMAIN_REGEX "')";
#define NAME_PART                                                                                  \
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "   \
	"an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "  \
	"validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
static const char label_value[] =
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
	"'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "
	"'my_value',  or '12345', regex used for validation is "
	"'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

static void fault(struct name_faults *f, const char *text)
{
	if (f->count < sizeof(f->items) / sizeof(f->items[0]))
		f->items[f->count++] = text;
}

/* ---- characters ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_alnum(char c)
{
	return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool only(struct str s, const char *also, bool upper)
{
	for (size_t i = 0; i < s.len; i++)
		if (!(upper ? is_alnum(s.at[i]) : is_digit(s.at[i]) || is_lower(s.at[i])) &&
			(!s.at[i] || !strchr(also, s.at[i])))
			return false;
	return s.len > 0;
}

static bool is_label(struct str s)
{
	return only(s, "-", false) && s.at[0] != '-' && s.at[s.len - 1] != '-';
}

static bool is_subdomain(struct str s)
{
	struct str rest = s, part;

	if (!s.len)
		return false;
	while (str_next(&rest, '.', &part))
		if (!is_label(part))
			return false;
	return true;
}

static bool is_name_part(struct str s)
{
	return only(s, "-_.", true) && is_alnum(s.at[0]) && is_alnum(s.at[s.len - 1]);
}

/* ---- DNS ---- */

void name_check_dns_label(struct str s, struct name_faults *f)
{
	if (s.len > LABEL_MAX)
		fault(f, too_long_63);
	if (!is_label(s))
		fault(f, is_subdomain(s) ? "must not contain dots" : label_1123);
}

void name_check_dns_label_1035(struct str s, struct name_faults *f)
{
	if (s.len > LABEL_MAX)
		fault(f, too_long_63);
	if (!is_label(s) || !is_lower(s.at[0]))
		fault(f, label_1035);
}

void name_check_dns_subdomain(struct str s, struct name_faults *f)
{
	if (s.len > SUBDOMAIN_MAX)
		fault(f, too_long_253);
	if (!is_subdomain(s))
		fault(f, subdomain);
}

static bool is_search_label(struct str s)
{
	struct str rest = s.len && s.at[0] == '_' ? str_skip(s, 1) : s;

	return only(rest, "-_", false) && (is_digit(rest.at[0]) || is_lower(rest.at[0])) &&
	       (is_digit(rest.at[rest.len - 1]) || is_lower(rest.at[rest.len - 1]));
}

void name_check_search_domain(struct str s, struct name_faults *f)
{
	struct str rest = s, part;
	bool good = s.len > 0;

	if (s.len > SUBDOMAIN_MAX)
		fault(f, too_long_253);
	while (str_next(&rest, '.', &part))
		good &= is_search_label(part);
	if (!good)
		fault(f, search);
}

void name_check_wildcard_subdomain(struct str s, struct name_faults *f)
{
	if (s.len > SUBDOMAIN_MAX)
		fault(f, too_long_253);
	if (!str_starts(s, STR("*.")) || !is_subdomain(str_skip(s, 2)))
		fault(f, wildcard);
}

void name_check_path_segment(struct str s, struct name_faults *f)
{
	if (str_eq_text(s, "."))
		fault(f, "may not be '.'");
	if (str_eq_text(s, ".."))
		fault(f, "may not be '..'");
	if (f->count)
		return;
	if (str_find_char(s, '/') >= 0)
		fault(f, "may not contain '/'");
	if (str_find_char(s, '%') >= 0)
		fault(f, "may not contain '%'");
}

/* ---- labels ---- */

void name_check_qualified(struct str s, struct name_faults *f)
{
	struct str prefix, name, more;

	if (!str_cut(s, '/', &prefix, &name)) {
		name = s;
	} else if (str_cut(name, '/', &more, &more)) {
		fault(f, "a valid label key " NAME_PART
			 " with an optional DNS subdomain prefix and '/' (e.g. "
			 "'example.com/MyName')");
		return;
	} else {
		if (!prefix.len) {
			fault(f, "prefix part must be non-empty");
		} else {
			if (prefix.len > SUBDOMAIN_MAX)
				fault(f, "prefix part must be no more than 253 bytes");
			if (!is_subdomain(prefix))
				fault(f, "prefix part " SUBDOMAIN_RULE);
		}
	}
	if (!name.len)
		fault(f, "name part must be non-empty");
	else if (name.len > LABEL_MAX)
		fault(f, "name part must be no more than 63 bytes");
	if (!is_name_part(name))
		fault(f, "name part " NAME_PART);
}

void name_check_label_value(struct str s, struct name_faults *f)
{
	if (s.len > LABEL_MAX)
		fault(f, "must be no more than 63 bytes");
	if (s.len && !is_name_part(s))
		fault(f, label_value);
}

/* ---- parts of pods and services ---- */

void name_check_port_name(struct str s, struct name_faults *f)
{
	bool letter = false, strange = s.len == 0;

	if (s.len > 15)
		fault(f, "must be no more than 15 characters");
	for (size_t i = 0; i < s.len; i++) {
		letter |= is_lower(s.at[i]);
		strange |= !is_lower(s.at[i]) && !is_digit(s.at[i]) && s.at[i] != '-';
	}
	if (strange)
		fault(f, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
	if (!letter)
		fault(f, "must contain at least one letter (a-z)");
	if (str_find(s, STR("--")) >= 0)
		fault(f, "must not contain consecutive hyphens");
	if (s.len && (s.at[0] == '-' || s.at[s.len - 1] == '-'))
		fault(f, "must not begin or end with a hyphen");
}

void name_check_env_var(struct str s, struct name_faults *f)
{
	bool strange = s.len == 0;

	for (size_t i = 0; i < s.len; i++)
		strange |= s.at[i] < 0x20 || s.at[i] > 0x7e || s.at[i] == '=';
	if (strange)
		fault(f, "a valid environment variable name must consist only of printable ASCII "
			 "characters other than '='");
}

void name_check_config_map_key(struct str s, struct name_faults *f)
{
	if (s.len > SUBDOMAIN_MAX)
		fault(f, too_long_253);
	if (!only(s, "-._", true))
		fault(f, "a valid config key must consist of alphanumeric characters, '-', '_' or "
			 "'.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for "
			 "validation is '[-._a-zA-Z0-9]+')");
	if (str_eq_text(s, "."))
		fault(f, "must not be '.'");
	else if (str_eq_text(s, ".."))
		fault(f, "must not be '..'");
	else if (str_starts(s, STR("..")))
		fault(f, "must not start with '..'");
}

void name_check_c_identifier(struct str s, struct name_faults *f)
{
	if (!only(s, "_", true) || is_digit(s.at[0]))
		fault(f, "a valid C identifier must start with alphabetic character or '_', "
			 "followed by a string of alphanumeric characters or '_' (e.g. 'my_name', "
			 " or 'MY_NAME',  or 'MyName', regex used for validation is "
			 "'[A-Za-z_][A-Za-z0-9_]*')");
}

void name_check_port(int64_t port, struct name_faults *f)
{
	if (port < 1 || port > 65535)
		fault(f, "must be between 1 and 65535, inclusive");
}

void name_check_ip(struct str s, struct name_faults *f)
{
	struct ip ip;

	if (!ip_parse(s, &ip))
		fault(f, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
}

void name_check_http_header(struct str s, struct name_faults *f)
{
	if (!only(s, "-", true))
		fault(f, "a valid HTTP header must consist of alphanumeric characters or '-' "
			 "(e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')");
}

void name_check_percent(struct str s, struct name_faults *f)
{
	bool good = s.len > 1 && s.at[s.len - 1] == '%';

	for (size_t i = 0; good && i + 1 < s.len; i++)
		good = is_digit(s.at[i]);
	if (!good)
		fault(f, "a valid percent string must be a numeric string followed by an ending "
			 "'%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')");
}

void name_check_prefixed(struct str s, struct name_faults *f)
{
	struct str domain, path;

	if (!str_cut(s, '/', &domain, &path) || !domain.len || !path.len) {
		fault(f, "must be a domain-prefixed path (such as \"acme.io/foo\")");
		return;
	}
	if (!is_subdomain(domain))
		fault(f, subdomain);
	for (size_t i = 0; i < path.len; i++)
		if (!is_alnum(path.at[i]) && !strchr("/-._~!$&'()*+,;=:@%", path.at[i])) {
			fault(f, "must consist of valid URL path characters");
			break;
		}
}

/* ---- recording ---- */

void field_check_name(
	struct field_errors *e, const struct path *p, struct str value, name_check_fn *check)
{
	struct name_faults f = {0};

	check(value, &f);
	for (size_t i = 0; i < f.count; i++)
		field_invalid_str(e, p, value, "%s", f.items[i]);
}

struct str generate_name(struct arena *a, struct str base, const uint8_t random[5])
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	char tail[6] = {0};

	for (size_t i = 0; i < 5; i++)
		tail[i] = letters[random[i] % (sizeof(letters) - 1)];
	return arena_print(a, "%.*s%s", STRF(str_sub(base, 0, 58)), tail);
}
