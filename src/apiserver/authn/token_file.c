/* --token-auth-file: CSV as Go's reader takes it. */
#include "authn.h"

#include <kube/log.h>

#define FIELDS_MAX 4

/* One field off the line; quotes may hold commas and doubled quotes. */
static bool next_field(struct arena *a, struct str *rest, struct str *field)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(64 * KIB);
	size_t i = 0;

	if (!rest->at)
		return false;
	while (i < rest->len && rest->at[i] == ' ')
		i++;
	if (i < rest->len && rest->at[i] == '"') {
		for (i++; i < rest->len; i++) {
			if (rest->at[i] != '"')
				buf_add_char(&text, rest->at[i]);
			else if (i + 1 < rest->len && rest->at[i + 1] == '"')
				buf_add_char(&text, rest->at[i++]);
			else
				break;
		}
		i++;
	} else {
		for (; i < rest->len && rest->at[i] != ','; i++)
			buf_add_char(&text, rest->at[i]);
	}
	*field = arena_str(a, buf_str(&text));
	*rest = i < rest->len ? str_skip(*rest, i + 1) : (struct str){0};
	return true;
}

static const struct api_user *read_user(struct arena *a, const struct str *fields, size_t count)
{
	struct str groups[64], rest = count == FIELDS_MAX ? fields[3] : (struct str){0}, group;
	size_t group_count = 0;

	while (group_count < ARRAY_LEN(groups) && str_next(&rest, ',', &group))
		if (group.len)
			groups[group_count++] = group;
	return user_new(a, fields[1], fields[2], groups, group_count);
}

int token_file_parse(struct arena *a, struct str text, struct map *tokens, struct err *err)
{
	struct str line;
	int number = 0;

	while (str_next(&text, '\n', &line)) {
		struct str fields[FIELDS_MAX], rest = str_trim(line);
		size_t count = 0;

		number++;
		if (!rest.len || rest.at[0] == '#')
			continue;
		while (count < FIELDS_MAX && next_field(a, &rest, &fields[count]))
			count++;
		if (count < 3)
			return err_set(err, ERR_BAD_REQUEST,
				"token file line %d: expected at least 3 columns (token, user "
				"name, "
				"user uid), found %zu",
				number, count);
		if (!fields[0].len) {
			log_warning(NULL, "an empty token in the token file is ignored",
				LOG_INT("line", number));
			continue;
		}
		map_set(tokens, fields[0], (void *)(uintptr_t)read_user(a, fields, count));
	}
	return 0;
}
