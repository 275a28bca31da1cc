/* What keys of sets consist of: one table for printing, sending and looking up. */
#ifndef KUBE_LINUX_NFT_KEY_H
#define KUBE_LINUX_NFT_KEY_H

#include <kube/nft.h>

enum nft_part { OF_SOURCE, OF_DESTINATION, OF_PROTOCOL, OF_PORT, OF_NUMBER, OF_CONNECTION };

struct nft_key_form {
	bool v6; /* what its addresses are */
	uint8_t count;
	uint8_t parts[4]; /* enum nft_part */
};
extern const struct nft_key_form nft_key_forms[NFT_KEYS];

/* Is that part of elements' keys their `other` address? */
bool nft_key_is_second(const struct nft_key_form *form, size_t part);

#endif
