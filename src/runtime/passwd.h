/* passwd: who a container runs as, from its image's own /etc/passwd and /etc/group. Pure. */
#ifndef KUBE_RUNTIME_PASSWD_H
#define KUBE_RUNTIME_PASSWD_H

#include <kube/err.h>
#include <kube/str.h>

#define PASSWD_GROUPS_MAX 1024

struct passwd_user {
	uint32_t uid, gid;
	struct str home; /* a slice of the file; "/" when nothing is said */
	uint32_t groups[PASSWD_GROUPS_MAX];
	size_t group_count;
};

/*
 * `user` as an image's USER has it: "", "name", "1000", "name:group", "1000:1000". An unknown
 * number is fine, an unknown name is not. The files may be empty. With `own_groups` those of
 * /etc/group that name the user are added.
 */
int passwd_find(struct str passwd, struct str group, struct str user, bool own_groups,
	struct passwd_user *found, struct err *err);
/* Adds a group unless it is there; false: there is no room. */
bool passwd_add_group(struct passwd_user *found, uint32_t gid);

#endif
