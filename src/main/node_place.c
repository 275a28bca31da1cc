#include "node_place.h"

#include <kube/mem.h>

#include <stdlib.h>
#include <unistd.h>

int node_place_read_ranges(const char *flag, const struct flag_list *list, struct cidr *out,
	size_t max, size_t *count, struct err *err)
{
	if (list->count > max)
		return err_set(err, ERR_USAGE, "--%s: more than %zu", flag, max);
	for (size_t i = 0; i < list->count; i++)
		if (!cidr_parse(str_trim(list->items[i]), &out[i]))
			return err_set(err, ERR_USAGE, "--%s: \"%.*s\" is no range of addresses",
				flag, STRF(list->items[i]));
	if (max == 2 && list->count == 2 && out[0].ip.len == out[1].ip.len)
		return err_set(err, ERR_USAGE, "--%s: more than one a family", flag);
	*count = list->count;
	return 0;
}

int node_place_read_addresses(const char *flag, const struct flag_list *list, struct ip *out,
	size_t max, size_t *count, struct err *err)
{
	if (list->count > max)
		return err_set(err, ERR_USAGE, "--%s: more than %zu", flag, max);
	for (size_t i = 0; i < list->count; i++)
		if (!ip_parse(str_trim(list->items[i]), &out[i]))
			return err_set(err, ERR_USAGE, "--%s: \"%.*s\" is no address", flag,
				STRF(list->items[i]));
	if (max == 2 && list->count == 2 && out[0].len == out[1].len)
		return err_set(err, ERR_USAGE, "--%s: more than one a family", flag);
	*count = list->count;
	return 0;
}

struct str node_place_name(struct arena *a)
{
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	for (char *c = host; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return arena_str(a, str_from(host));
}

static bool is_in(const struct cidr *ranges, size_t count, const struct ip *ip)
{
	for (size_t i = 0; i < count; i++)
		if (cidr_has(&ranges[i], ip))
			return true;
	return false;
}

static bool is_of_link(const struct ip *ip)
{
	return (ip->len == 4 && ip->bytes[0] == 169 && ip->bytes[1] == 254) ||
	       (ip->len == 16 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80);
}

size_t node_place_addresses(struct env *env, const struct node_ranges *ranges, struct ip out[2])
{
	struct addresses own = {0};
	size_t count = 0;

	net_own_addresses(env, &own);
	for (size_t family = 0; family < ranges->pod_count; family++)
		for (size_t i = 0; i < own.count; i++) {
			const struct ip *ip = &own.items[i];

			if (ip->len != ranges->pods[family].ip.len || ip_is_loopback(ip) ||
				is_of_link(ip) || is_in(ranges->pods, ranges->pod_count, ip) ||
				is_in(ranges->services, ranges->service_count, ip))
				continue;
			out[count++] = *ip;
			break;
		}
	mem_free(own.items);
	return count;
}

struct str node_place_system_bus(void)
{
	struct str address = str_from(getenv("DBUS_SYSTEM_BUS_ADDRESS")), path, rest;

	if (!str_starts(address, STR("unix:path=")))
		return STR("/run/dbus/system_bus_socket");
	/* Behind the path stand other keys, and other addresses. */
	str_cut(str_skip(address, strlen("unix:path=")), ';', &path, &rest);
	str_cut(path, ',', &path, &rest);
	return path;
}
