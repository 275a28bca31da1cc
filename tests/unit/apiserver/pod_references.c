/* What a pod names, its node may read; nothing else. */
#include "test.h"

#include "apiserver/pod_references.h"

static struct arena arena;

static const char text[] =
	"{\"metadata\":{\"name\":\"p\"},\"spec\":{"
	"\"imagePullSecrets\":[{\"name\":\"pull\"}],"
	"\"resourceClaims\":[{\"name\":\"r\",\"resourceClaimName\":\"device\"}],"
	"\"initContainers\":[{\"envFrom\":[{\"secretRef\":{\"name\":\"from\"}}]}],"
	"\"containers\":[{\"env\":[{\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"env\"}}}]}],"
	"\"ephemeralContainers\":[{\"env\":[{\"valueFrom\":{\"secretKeyRef\":{"
	"\"name\":\"debug\"}}}]}],"
	"\"volumes\":[{\"name\":\"v\",\"ephemeral\":{}},"
	"{\"name\":\"w\",\"persistentVolumeClaim\":{\"claimName\":\"claim\"}},"
	"{\"name\":\"x\",\"projected\":{\"sources\":[{\"secret\":{\"name\":\"mixed\"}},"
	"{\"configMap\":{\"name\":\"ca\"}}]}},"
	"{\"name\":\"y\",\"csi\":{\"nodePublishSecretRef\":{\"name\":\"csi\"}}}]},"
	"\"status\":{\"resourceClaimStatuses\":[{\"resourceClaimName\":\"made\"}]}}";

TEST(all_places_of_names_are_known)
{
	static const char *const secrets[] = {"pull", "from", "debug", "mixed", "csi", NULL};
	struct cJSON *pod = NULL;

	arena_init(&arena);
	EXPECT_INT(json_parse(&arena, str_from(text), NULL, &pod, NULL), 0);
	for (size_t i = 0; secrets[i]; i++)
		EXPECT(pod_names_secret(pod, str_from(secrets[i])));
	EXPECT(!pod_names_secret(pod, STR("ca")));
	EXPECT(!pod_names_secret(pod, STR("env")));
	EXPECT(!pod_names_secret(pod, STR("")));
	EXPECT(pod_names_config_map(pod, STR("env")));
	EXPECT(pod_names_config_map(pod, STR("ca")));
	EXPECT(!pod_names_config_map(pod, STR("mixed")));
	EXPECT(pod_names_claim(pod, STR("claim")));
	EXPECT(pod_names_claim(pod, STR("p-v")));
	EXPECT(!pod_names_claim(pod, STR("p-w")));
	EXPECT(!pod_names_claim(pod, STR("v")));
	EXPECT(pod_names_resource_claim(pod, STR("device")));
	EXPECT(pod_names_resource_claim(pod, STR("made")));
	EXPECT(!pod_names_resource_claim(pod, STR("r")));
	EXPECT(pod_names_any_secret(pod));
	EXPECT(pod_names_any_config_map(pod));
	arena_done(&arena);
}

TEST(a_plain_pod_names_nothing)
{
	struct cJSON *pod = NULL;

	arena_init(&arena);
	EXPECT_INT(json_parse(&arena, STR("{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}"), NULL,
			   &pod, NULL),
		0);
	EXPECT(!pod_names_any_secret(pod));
	EXPECT(!pod_names_any_config_map(pod));
	arena_done(&arena);
}
