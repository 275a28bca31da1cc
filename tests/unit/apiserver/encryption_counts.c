/* What sealing costs, by resource and provider. */
#include "test.h"

#include "apiserver/encryption_counts.h"

#include <kube/time.h>

#define OPERATIONS "apiserver_storage_transformation_operations_total{resource="
#define SECONDS    "apiserver_storage_transformation_duration_seconds_count{transformation_type="

static bool has(struct buf *out, const char *line)
{
	return str_find(buf_str(out), str_from(line)) >= 0;
}

TEST(operations_are_counted_by_resource_and_times_by_provider)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT(64 * KIB);
	struct encryption_counts *c = encryption_counts_new();
	const struct str secrets = STR("/registry/secrets/"),
			 things = STR("/registry/e.io/things/");
	const struct str key = STR("k8s:enc:aesgcm:v1:one:"), next = STR("k8s:enc:aesgcm:v1:two:");

	encryption_counts_note(c, true, secrets, key, true, clock_mono());
	encryption_counts_note(c, true, secrets, next, true, clock_mono());
	encryption_counts_note(c, true, things, key, true, clock_mono());
	encryption_counts_note(c, false, secrets, key, false, clock_mono());
	encryption_counts_note(c, false, secrets, STR(""), true, clock_mono());
	encryption_counts_print(c, &out);
	EXPECT(has(&out, OPERATIONS "\"secrets\",status=\"OK\",transformation_type=\"to_storage\","
				    "transformer_prefix=\"k8s:enc:aesgcm:v1:\"} 2\n"));
	EXPECT(has(&out,
		OPERATIONS "\"things.e.io\",status=\"OK\",transformation_type=\"to_storage\","
			   "transformer_prefix=\"k8s:enc:aesgcm:v1:\"} 1\n"));
	EXPECT(has(&out, OPERATIONS
		"\"secrets\",status=\"unknown-non-grpc\",transformation_type=\"from_storage\","
		"transformer_prefix=\"k8s:enc:aesgcm:v1:\"} 1\n"));
	EXPECT(has(&out, SECONDS "\"to_storage\",transformer_prefix=\"k8s:enc:aesgcm:v1:\"} 3\n"));
	EXPECT(has(&out, SECONDS "\"from_storage\",transformer_prefix=\"identity\"} 1\n"));
	/* what failed took no time that counts */
	EXPECT(!has(&out, SECONDS "\"from_storage\",transformer_prefix=\"k8s"));
	encryption_counts_free(c);
}
