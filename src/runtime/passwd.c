#include "passwd.h"

#define ID_MAX UINT64_C(2147483647)

static bool to_id(struct str s, uint32_t *id)
{
	uint64_t number;

	if (!str_to_u64(s, &number) || number > ID_MAX)
		return false;
	*id = (uint32_t)number;
	return true;
}

/* The fields of the next line, at least `want`; a line with fewer is passed over. */
static bool next_line(struct str *file, struct str fields[7], size_t want)
{
	struct str line;

	while (str_next(file, '\n', &line)) {
		size_t n = 0;
		line = str_trim(line);
		if (line.len == 0 || line.at[0] == '#')
			continue;
		while (n < 7 && str_next(&line, ':', &fields[n]))
			n++;
		if (n >= want)
			return true;
	}
	return false;
}

static bool find_user(struct str passwd, struct str name, struct passwd_user *found, struct str *of)
{
	struct str f[7] = {0};
	uint32_t wanted = 0, uid;
	bool number = to_id(name, &wanted);

	while (next_line(&passwd, f, 4)) {
		if (!to_id(f[2], &uid) || !(str_eq(f[0], name) || (number && uid == wanted)))
			continue;
		found->uid = uid;
		if (!to_id(f[3], &found->gid))
			found->gid = 0;
		if (f[5].len)
			found->home = f[5];
		*of = f[0];
		return true;
	}
	found->uid = wanted;
	return number;
}

static bool find_group(struct str group, struct str name, uint32_t *gid)
{
	struct str f[7] = {0};

	while (next_line(&group, f, 3))
		if (str_eq(f[0], name) && to_id(f[2], gid))
			return true;
	return to_id(name, gid);
}

bool passwd_add_group(struct passwd_user *found, uint32_t gid)
{
	for (size_t i = 0; i < found->group_count; i++)
		if (found->groups[i] == gid)
			return true;
	if (found->group_count == PASSWD_GROUPS_MAX)
		return false;
	found->groups[found->group_count++] = gid;
	return true;
}

static void add_own_groups(struct str group, struct str name, struct passwd_user *found)
{
	struct str f[7] = {0}, member;
	uint32_t gid;

	while (name.len && next_line(&group, f, 4)) {
		struct str members = f[3];
		if (!to_id(f[2], &gid))
			continue;
		while (str_next(&members, ',', &member))
			if (str_eq(member, name))
				passwd_add_group(found, gid);
	}
}

int passwd_find(struct str passwd, struct str group, struct str user, bool own_groups,
	struct passwd_user *found, struct err *err)
{
	struct str name = user, group_name = {0}, of = {0};
	bool has_group = str_cut(user, ':', &name, &group_name);

	*found = (struct passwd_user){.home = STR("/")};
	if (name.len == 0)
		name = STR("0");
	if (!find_user(passwd, name, found, &of))
		return err_set(err, ERR_NOT_FOUND,
			"unable to find user %.*s: no matching entries in "
			"passwd file",
			STRF(name));
	if (has_group && group_name.len && !find_group(group, group_name, &found->gid))
		return err_set(err, ERR_NOT_FOUND,
			"unable to find group %.*s: no matching entries "
			"in group file",
			STRF(group_name));
	if (own_groups && !has_group)
		add_own_groups(group, of, found);
	return 0;
}
