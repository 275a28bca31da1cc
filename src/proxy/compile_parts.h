/* Between the files that compile: growing lists of chains, rules and elements. */
#ifndef KUBE_PROXY_COMPILE_PARTS_H
#define KUBE_PROXY_COMPILE_PARTS_H

#include "compile.h"

/* Room for one more behind `count`: a copy twice as large when a power of two is full. */
void *list_room(struct arena *a, void *items, size_t count, size_t size);
#define LIST_ADD(arena, items, count)                                                              \
	((items) = list_room((arena), (items), (count), sizeof(*(items))), &(items)[(count)++])

struct chain_maker {
	struct arena *arena;
	struct str name;
	const struct nft_hook *hook;
	bool v6;
	struct nft_rule *rules;
	size_t count;
};

/* A new rule of the chain; `family`: it is said in front what kind of packet it is about. */
struct nft_rule *chain_rule(struct chain_maker *c, bool family);
void chain_end(struct chain_maker *c, struct compiled *out);

static inline struct nft_step step_plain(enum nft_op op)
{
	return (struct nft_step){.op = op};
}
static inline struct nft_step step_set(enum nft_op op, enum table_set set)
{
	return nft_look_up(op, &table_sets[set]);
}
static inline struct nft_step step_named(enum nft_op op, struct str name)
{
	return (struct nft_step){.op = op, .name = name};
}
static inline struct nft_step step_number(enum nft_op op, uint32_t number)
{
	return (struct nft_step){.op = op, .number = number};
}
static inline struct nft_step step_cidr(enum nft_op op, const struct cidr *cidr, bool not_)
{
	return (struct nft_step){.op = op, .cidr = *cidr, .not_ = not_};
}
static inline struct nft_step step_ip(enum nft_op op, const struct ip *ip)
{
	return (struct nft_step){.op = op, .cidr = {.ip = *ip, .bits = (uint8_t)(8 * ip->len)}};
}

#endif
