/*
 * Name constraints (RFC 5280, 4.2.1.10): an authority may be good for some names only. DNS names
 * and addresses are compared; where a constraint speaks of another form, a certificate that has
 * names of that form is refused.
 */
#include "cert_private.h"

/* "example.com" covers itself and what is below it, ".example.com" only what is below. */
static bool covers(struct str constraint, struct str name)
{
	if (constraint.len == 0)
		return true;
	if (str_ends(name, STR(".")))
		name.len--;
	if (str_ends(constraint, STR(".")))
		constraint.len--;
	bool below_only = constraint.len && constraint.at[0] == '.';
	if (below_only)
		constraint = str_skip(constraint, 1);
	if (name.len == constraint.len)
		return !below_only && str_eq_nocase(name, constraint);
	if (name.len < constraint.len + 1)
		return false;
	struct str tail = str_skip(name, name.len - constraint.len);
	return name.at[name.len - constraint.len - 1] == '.' && str_eq_nocase(tail, constraint);
}

/* Could "*.x" stand for a name that the constraint covers? Then an exclusion hits it. */
static bool may_cover_wildcard(struct str constraint, struct str name)
{
	struct str parent = str_skip(name, 2);
	if (covers(constraint, parent))
		return true;
	if (constraint.len && constraint.at[0] == '.')
		return false; /* what lies below x.parent is two labels away */
	ssize_t dot = str_find_char(constraint, '.');
	return dot >= 0 && str_eq_nocase(str_skip(constraint, (size_t)dot + 1), parent);
}

static bool dns_excluded(const struct cert_subtree *subtree, struct str name)
{
	if (subtree->ip_len)
		return false;
	if (str_starts(name, STR("*.")) && may_cover_wildcard(subtree->dns, name))
		return true;
	return covers(subtree->dns, name);
}

static bool ip_covered(const struct cert_subtree *subtree, const struct ip *ip)
{
	if (subtree->ip_len != ip->len)
		return false;
	for (size_t i = 0; i < ip->len; i++)
		if ((ip->bytes[i] ^ subtree->ip[i]) & subtree->mask[i])
			return false;
	return true;
}

static int refuse(const struct cert *ca, struct str name, bool excluded, struct err *err)
{
	_cleanup_(buf_done) struct buf label = BUF_INIT(CERT_LABEL_MAX + 8);
	cert_print_label(ca, &label);
	return err_set(err, ERR_CERTIFICATE, "a certificate for %.*s is %s by \"%s\"", STRF(name),
		excluded ? "excluded" : "not permitted", buf_text(&label));
}

static int check_dns(const struct cert *ca, struct str name, struct err *err)
{
	bool constrained = false, permitted = false;
	for (size_t i = 0; i < ca->excluded_count; i++)
		if (dns_excluded(&ca->excluded[i], name))
			return refuse(ca, name, true, err);
	for (size_t i = 0; i < ca->permitted_count; i++) {
		if (ca->permitted[i].ip_len)
			continue;
		constrained = true;
		permitted |= covers(ca->permitted[i].dns, name);
	}
	return !constrained || permitted ? 0 : refuse(ca, name, false, err);
}

static int check_ip(const struct cert *ca, const struct ip *ip, struct err *err)
{
	bool constrained = false, permitted = false;
	_cleanup_(buf_done) struct buf text = BUF_INIT(64);
	ip_print(&text, ip);
	for (size_t i = 0; i < ca->excluded_count; i++)
		if (ca->excluded[i].ip_len && ip_covered(&ca->excluded[i], ip))
			return refuse(ca, buf_str(&text), true, err);
	for (size_t i = 0; i < ca->permitted_count; i++) {
		if (!ca->permitted[i].ip_len)
			continue;
		constrained = true;
		permitted |= ip_covered(&ca->permitted[i], ip);
	}
	return !constrained || permitted ? 0 : refuse(ca, buf_str(&text), false, err);
}

int cert_check_constraints(const struct cert *ca, const struct cert *names, struct err *err)
{
	const struct cert_info *info = &names->info;
	int rc = 0;
	if (ca->constrained_forms & names->name_forms)
		return refuse(ca, STR("a name of a form we cannot compare"), false, err);
	for (size_t i = 0; rc == 0 && i < info->dns_count; i++)
		rc = check_dns(ca, info->dns[i], err);
	for (size_t i = 0; rc == 0 && i < info->ip_count; i++)
		rc = check_ip(ca, &info->ips[i], err);
	return rc;
}
