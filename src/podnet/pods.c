/* Who has which address. */
#include <kube/mem.h>

#include "network.h"

static struct str key_of(const struct ip *ip)
{
	return str_make((const char *)ip->bytes, ip->len);
}

struct pod *pod_find(const struct pod_network *n, struct str id)
{
	return map_get(&n->pods, id);
}

static bool is_taken(const void *ctx, const struct ip *ip)
{
	const struct pod_network *n = ctx;

	return map_has(&n->taken, key_of(ip));
}

static struct pod *add_pod(struct pod_network *n, struct str id, const struct ip *ips, size_t count)
{
	struct pod *pod = mem_new(sizeof(*pod));

	pod->id = str_dup(id);
	pod->order = ++n->order;
	for (size_t i = 0; i < count; i++) {
		pod->ips[pod->ip_count] = ips[i];
		map_set(&n->taken, key_of(&pod->ips[pod->ip_count++]), pod);
	}
	map_set(&n->pods, str_from(pod->id), pod);
	return pod;
}

static int check_given(const struct pod_network *n, struct str id, const struct ip *ips,
	size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		_cleanup_(buf_done) struct buf text = BUF_INIT(64);
		const struct pod *other = map_get(&n->taken, key_of(&ips[i]));
		bool known = false;

		ip_print(&text, &ips[i]);
		for (size_t k = 0; k < n->range_count; k++)
			known = known || address_range_has(&n->ranges[k], &ips[i]);
		if (!known)
			return err_set(err, ERR_CONFLICT,
				"address %s of sandbox %.*s is in no pod CIDR of this node",
				buf_text(&text), STRF(id));
		if (other)
			return err_set(err, ERR_CONFLICT,
				"address %s of sandbox %.*s belongs to sandbox %s", buf_text(&text),
				STRF(id), other->id);
	}
	return 0;
}

int pod_new(struct pod_network *n, struct str id, const struct ip *ips, size_t count,
	struct pod **pod, struct err *err)
{
	struct ip own[2];
	int code = 0;

	assert(count <= ARRAY_LEN(own));
	if (count) {
		code = check_given(n, id, ips, count, err);
	} else {
		ips = own;
		for (; !code && count < n->range_count; count++)
			code = address_range_take(&n->ranges[count], is_taken, n, &own[count], err);
	}
	if (!code)
		*pod = add_pod(n, id, ips, count);
	return code;
}

void pod_set_ports(struct pod *pod, const struct runtime_ports *ports)
{
	mem_free(pod->ports);
	pod->port_count = ports->count;
	pod->ports =
		ports->count ? mem_copy(ports->items, ports->count * sizeof(*ports->items)) : NULL;
}

void pod_forget(struct pod_network *n, struct pod *pod)
{
	for (size_t i = 0; i < pod->ip_count; i++)
		map_remove(&n->taken, key_of(&pod->ips[i]));
	map_remove(&n->pods, str_from(pod->id));
	mem_free(pod->ports);
	mem_free(pod->id);
	mem_free(pod);
}

void pods_read(struct pod_network *n, const struct records *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct record *r = &all->items[i];
		struct pod *pod = pod_find(n, r->sandbox);

		if (!pod) {
			pod = add_pod(n, r->sandbox, &r->ip, 1);
			pod_set_ports(pod, &r->ports);
			pod->recorded = true;
		} else if (pod->ip_count < ARRAY_LEN(pod->ips)) {
			pod->ips[pod->ip_count] = r->ip;
			map_set(&n->taken, key_of(&pod->ips[pod->ip_count++]), pod);
		}
	}
}

void pod_ips(const struct pod_network *n, const struct pod *pod, struct ip ips[2], size_t *count)
{
	size_t first = 0;

	if (n->range_count && pod->ip_count == 2 && !address_range_has(&n->ranges[0], &pod->ips[0]))
		first = 1;
	*count = pod->ip_count;
	for (size_t i = 0; i < pod->ip_count; i++)
		ips[i] = pod->ips[pod->ip_count == 2 ? first ^ i : i];
}
