#include "hosts.h"

#include <kube/mem.h>

void addresses_add(struct addresses *found, const struct ip *ip)
{
	if (found->count >= ADDRESSES_MAX)
		return;
	for (size_t i = 0; i < found->count; i++)
		if (ip_eq(&found->items[i], ip))
			return;
	found->items = mem_resize(found->items, (found->count + 1) * sizeof(*found->items));
	found->items[found->count++] = *ip;
}

/* The next word of the line; blanks are spaces and tabs. */
static bool line_word(struct str *line, struct str *word)
{
	*line = str_trim(*line);
	size_t n = 0;
	while (n < line->len && line->at[n] != ' ' && line->at[n] != '\t')
		n++;
	*word = str_sub(*line, 0, n);
	*line = str_skip(*line, n);
	return n > 0;
}

/* "name." means what "name" means in here: there is no search list. */
static struct str without_dot(struct str name)
{
	return str_ends(name, STR(".")) ? str_sub(name, 0, name.len - 1) : name;
}

void hosts_find(struct str text, struct str host, struct addresses *found)
{
	struct str line, word;
	host = without_dot(host);
	while (str_next(&text, '\n', &line)) {
		struct ip ip;
		str_cut(line, '#', &line, &word);
		if (!line_word(&line, &word) || !ip_parse(word, &ip))
			continue;
		while (line_word(&line, &word))
			if (str_eq_nocase(without_dot(word), host))
				addresses_add(found, &ip);
	}
}
