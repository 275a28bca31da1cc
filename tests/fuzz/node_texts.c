/*
 * Texts that others write and the node's server and the API server read: a container's log (first
 * byte 0, the second how it is cut), sizes of terminals (1), figures of kubelets (2).
 */
#include "apiserver/usage.h"
#include "kubelet/server/log_text.h"

#include <kube/remote_command.h>

static void read_log(struct str in, size_t piece, bool timestamps)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(16 * MIB);
	const struct log_wish wish = {
		.limit = timestamps ? 100 : LOG_NO_LIMIT, .timestamps = timestamps, .since = 1};
	struct log_text text;
	int64_t count = 3;

	log_text_start(&text, &wish);
	for (struct str rest = in; rest.len; rest = str_skip(rest, piece))
		if (log_text_take(&text, str_sub(rest, 0, piece), &out, NULL))
			break;
	assert(!timestamps || out.len <= 100);
	log_text_stop(&text);
	assert(log_text_back(in, true, &count) <= in.len && count >= 0);
}

static void read_sizes(struct str in)
{
	_cleanup_(buf_done) struct buf sizes = BUF_INIT(REMOTE_SIZE_MAX);
	uint16_t width, height;

	buf_add_str(&sizes, str_sub(in, 0, REMOTE_SIZE_MAX));
	while (remote_take_size(&sizes, &width, &height, NULL) > 0)
		;
}

static void read_figures(struct str in)
{
	struct usage_sample sample;
	struct str line;

	while (in.len && str_next(&in, '\n', &line))
		if (usage_parse_sample(line, &sample))
			assert(sample.name.len && sample.value >= 0 && sample.at >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct str in = str_make((const char *)data + 2, size - 2);

	if (data[0] == 0)
		read_log(in, (size_t)(data[1] >> 1) + 1, data[1] & 1);
	else if (data[0] == 1)
		read_sizes(in);
	else
		read_figures(in);
	return 0;
}
