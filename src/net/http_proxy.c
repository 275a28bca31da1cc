/* Which proxy a request goes through: the rules of Go's httpproxy, which kubectl follows. */
#include <kube/http_client.h>

#include <stdlib.h>

static struct str env_either(const char *upper, const char *lower)
{
	const char *value = getenv(upper);

	return str_from(value && *value ? value : getenv(lower));
}

void http_proxy_from_env(struct http_client_options *o)
{
	o->https_proxy = env_either("HTTPS_PROXY", "https_proxy");
	o->no_proxy = env_either("NO_PROXY", "no_proxy");
	/* A CGI program's HTTP_PROXY is its client's "Proxy:" header, not its operator's word. */
	o->http_proxy = getenv("REQUEST_METHOD") ? str_from(getenv("http_proxy"))
						 : env_either("HTTP_PROXY", "http_proxy");
}

/* "host:port" and "[v6]:port"; what has no port is all host. */
static struct str cut_port(struct str item, uint16_t *port)
{
	struct str host, digits;
	uint64_t value;

	*port = 0;
	if (item.len && item.at[0] == '[') {
		ssize_t end = str_find_char(item, ']');
		if (end < 0)
			return item;
		if (str_to_u64(str_skip(item, (size_t)end + 2), &value) && value <= UINT16_MAX)
			*port = (uint16_t)value;
		return str_sub(item, 1, (size_t)end);
	}
	if (!str_cut_last(item, ':', &host, &digits) || str_find_char(host, ':') >= 0)
		return item;
	if (!str_to_u64(digits, &value) || value > UINT16_MAX)
		return item;
	*port = (uint16_t)value;
	return host;
}

static bool ends_nocase(struct str s, struct str suffix)
{
	return s.len >= suffix.len && str_eq_nocase(str_skip(s, s.len - suffix.len), suffix);
}

static bool item_covers(struct str item, struct str host, const struct ip *ip, uint16_t port)
{
	struct cidr cidr;
	struct ip other;
	uint16_t item_port;

	if (cidr_parse(item, &cidr))
		return ip && cidr_has(&cidr, ip);
	item = cut_port(item, &item_port);
	if (!item.len || (item_port && item_port != port))
		return false;
	if (ip_parse(item, &other))
		return ip && ip_eq(&other, ip);
	if (str_starts(item, STR("*.")))
		item = str_skip(item, 1);
	/* ".example.com" covers what is below it, "example.com" itself too. */
	if (item.at[0] == '.')
		return ends_nocase(host, item);
	if (str_eq_nocase(host, item))
		return true;
	return host.len > item.len && host.at[host.len - item.len - 1] == '.' &&
	       ends_nocase(host, item);
}

static bool goes_direct(struct str no_proxy, struct str host, uint16_t port)
{
	struct ip ip;
	bool is_ip = ip_parse(host, &ip);
	struct str rest = no_proxy, item;

	if (str_eq_nocase(host, STR("localhost")) || (is_ip && ip_is_loopback(&ip)))
		return true;
	while (rest.len) {
		str_cut(rest, ',', &item, &rest);
		item = str_trim(item);
		if (str_eq(item, STR("*")) ||
			(item.len && item_covers(item, host, is_ip ? &ip : NULL, port)))
			return true;
	}
	return false;
}

struct str http_proxy_for(
	const struct http_client_options *o, bool https, struct str host, uint16_t port)
{
	struct str proxy = https ? o->https_proxy : o->http_proxy;

	if (host.len && host.at[host.len - 1] == '.')
		host.len--;
	if (!proxy.len || goes_direct(o->no_proxy, host, port))
		return (struct str){0};
	return proxy;
}
