#include "resolver.h"

static void add(struct arena *a, struct str *list, size_t *count, size_t most, struct str word)
{
	if (*count < most && word.len)
		list[(*count)++] = arena_str(a, word);
}

static bool next_word(struct str *rest, struct str *word)
{
	*rest = str_trim(*rest);
	for (size_t i = 0; i <= rest->len; i++)
		if (i == rest->len || rest->at[i] == ' ' || rest->at[i] == '\t') {
			*word = str_sub(*rest, 0, i);
			*rest = str_skip(*rest, i);
			return word->len > 0;
		}
	return false;
}

void resolver_parse(struct arena *a, struct str text, struct resolver *r)
{
	struct str line, key, word;

	*r = (struct resolver){0};
	while (str_next(&text, '\n', &line)) {
		if (!next_word(&line, &key) || key.at[0] == '#' || key.at[0] == ';')
			continue;
		bool search = str_eq(key, STR("search")) || str_eq(key, STR("domain"));

		/* The last of them counts. */
		if (search)
			r->search_count = 0;
		while (next_word(&line, &word) && word.at[0] != '#' && word.at[0] != ';')
			if (str_eq(key, STR("nameserver"))) {
				add(a, r->servers, &r->server_count, ARRAY_LEN(r->servers), word);
				break;
			} else if (search) {
				add(a, r->searches, &r->search_count, ARRAY_LEN(r->searches), word);
			} else if (str_eq(key, STR("options"))) {
				add(a, r->options, &r->option_count, ARRAY_LEN(r->options), word);
			}
	}
}
