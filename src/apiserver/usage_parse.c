#include "usage.h"

#include <kube/time.h>

/* One `name="value"`, taken off *rest; false at the end or when it is none. */
static bool next_label(struct str *rest, struct str *name, struct str *value)
{
	ssize_t equals = str_find(*rest, STR("=\""));

	if (equals <= 0)
		return false;
	*name = str_trim(str_sub(*rest, 0, (size_t)equals));
	struct str behind = str_skip(*rest, (size_t)equals + 2);
	ssize_t end = str_find_char(behind, '"');
	if (end < 0 || str_find_char(str_sub(behind, 0, (size_t)end), '\\') >= 0)
		return false;
	*value = str_sub(behind, 0, (size_t)end);
	*rest = str_skip(behind, (size_t)end + 1);
	if (rest->len && *rest->at == ',')
		*rest = str_skip(*rest, 1);
	return true;
}

static bool take_labels(struct str text, struct usage_sample *s)
{
	struct str name, value;

	while (text.len) {
		if (!next_label(&text, &name, &value))
			return false;
		if (str_eq_text(name, "namespace"))
			s->namespace = value;
		else if (str_eq_text(name, "pod"))
			s->pod = value;
		else if (str_eq_text(name, "container"))
			s->container = value;
	}
	return true;
}

bool usage_parse_sample(struct str line, struct usage_sample *sample)
{
	ssize_t open = str_find_char(line, '{'), close = str_find_last_char(line, '}');
	struct str numbers, value;
	int64_t ms = 0;

	*sample = (struct usage_sample){0};
	line = str_trim(line);
	if (!line.len || *line.at == '#')
		return false;
	if (open < 0 && close < 0) {
		str_cut(line, ' ', &sample->name, &numbers);
	} else {
		if (open < 0 || close < open)
			return false;
		sample->name = str_sub(line, 0, (size_t)open);
		numbers = str_skip(line, (size_t)close + 1);
		if (!take_labels(str_sub(line, (size_t)open + 1, (size_t)close), sample))
			return false;
	}
	numbers = str_trim(numbers);
	if (str_cut(numbers, ' ', &value, &numbers) && !str_to_i64(str_trim(numbers), &ms))
		return false;
	if (ms < 0 || ms > INT64_MAX / MSEC)
		return false;
	sample->at = ms * MSEC;
	return sample->name.len && str_to_double(value, &sample->value) && sample->value >= 0 &&
	       sample->value < 1e15;
}
