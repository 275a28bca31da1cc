/* Volumes, claims, classes and drivers: rules that want more than one look. */
#include "change_rig.h"

#define VOLUMES "/v1/persistentvolumes"
#define CLAIMS  "/v1/persistentvolumeclaims"
#define HEAD    "{\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":[\"ReadWriteOnce\"],"
#define ASKED                                                                                      \
	"\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":\"2Gi\"}}"

TEST(iscsi_names_have_the_form_of_their_kind)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(VOLUMES, HEAD "\"iscsi\":{\"targetPortal\":\"p\",\"lun\":0,\"iqn\":"
					     "\"iqn.2001-04.com.example:disk\"}}}"),
		"");
	EXPECT_TEXT(rig_create(VOLUMES, HEAD "\"iscsi\":{\"targetPortal\":\"p\",\"lun\":0,\"iqn\":"
					     "\"eui.0123456789abcde\"}}}"),
		"spec.iscsi.iqn: Invalid value: \"eui.0123456789abcde\": must be valid format");
	arena_done(&rig_arena);
}

TEST(roots_in_any_writing_are_not_recycled)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(VOLUMES, HEAD "\"persistentVolumeReclaimPolicy\":\"Recycle\","
					     "\"hostPath\":{\"path\":\"//./\"}}}"),
		"spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a "
		"hostPath mount of '/'");
	EXPECT_TEXT(rig_create(VOLUMES, HEAD "\"persistentVolumeReclaimPolicy\":\"Recycle\","
					     "\"hostPath\":{\"path\":\"/a\"}}}"),
		"");
	arena_done(&rig_arena);
}

TEST(azure_files_and_csi_secrets_say_where_they_are)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create(VOLUMES, HEAD "\"azureFile\":{\"secretName\":\"s\",\"shareName\":"
					     "\"x\",\"secretNamespace\":\"\"}}}"),
		"spec.azureFile.secretNamespace: Required value");
	EXPECT_TEXT(rig_create(VOLUMES, HEAD "\"csi\":{\"driver\":\"d\",\"volumeHandle\":\"h\","
					     "\"nodeExpandSecretRef\":{\"name\":\"a\"}}}}"),
		"spec.csi.nodeExpandSecretRef.namespace: Required value");
	arena_done(&rig_arena);
}

TEST(a_volume_keeps_its_source_but_may_lose_no_attributes_class)
{
	const char *csi = HEAD "\"csi\":{\"driver\":\"d\",\"volumeHandle\":\"h\"},"
			       "\"volumeAttributesClassName\":\"gold\"}}";

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update(VOLUMES, csi, csi), "");
	EXPECT_TEXT(rig_update(VOLUMES, csi,
			    HEAD "\"csi\":{\"driver\":\"d\",\"volumeHandle\":\"h\"}}}"),
		"spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is "
		"forbidden");
	EXPECT(str_find(str_from(rig_update(VOLUMES, csi,
				HEAD "\"csi\":{\"driver\":\"d\",\"volumeHandle\":\"i\"},"
				     "\"volumeAttributesClassName\":\"gold\"}}")),
		       STR("-  \"VolumeHandle\": \"h\",\n+  \"VolumeHandle\": \"i\",")) > 0);
	arena_done(&rig_arena);
}

TEST(the_time_of_a_phase_is_kept_with_it)
{
	struct change c;

	arena_init(&rig_arena);
	c = rig_change(VOLUMES, "{\"status\":{\"phase\":\"Bound\"}}",
		"{\"status\":{\"phase\":\"Bound\",\"lastPhaseTransitionTime\":"
		"\"2020-01-01T00:00:00Z\"}}");
	c.resource->strategy->prepare_status(&c);
	EXPECT_STR(tree_str(c.object, "status.lastPhaseTransitionTime"), "2020-01-01T00:00:00Z");
	c = rig_change(VOLUMES,
		"{\"status\":{\"phase\":\"Released\",\"lastPhaseTransitionTime\":"
		"\"2020-01-01T00:00:00Z\"}}",
		"{\"status\":{\"phase\":\"Bound\",\"lastPhaseTransitionTime\":"
		"\"2020-01-01T00:00:00Z\"}}");
	c.resource->strategy->prepare_status(&c);
	EXPECT_STR(tree_str(c.object, "status.lastPhaseTransitionTime"), "2023-11-14T22:13:20Z");
	arena_done(&rig_arena);
}

TEST(inline_volumes_carry_a_driver_and_little_else)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(
		rig_create("storage.k8s.io/v1/volumeattachments",
			"{\"spec\":{\"attacher\":\"a\",\"nodeName\":\"n\",\"source\":{"
			"\"inlineVolumeSpec\":{\"accessModes\":[\"ReadWriteOnce\"],\"hostPath\":"
			"{\"path\":\"/x\"},\"storageClassName\":\"c\",\"volumeMode\":\"Block\","
			"\"persistentVolumeReclaimPolicy\":\"Delete\"}}}}"),
		"[spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the "
		"context of inline volumes, "
		"spec.source.inlineVolumeSpec.persistentVolumeReclaimPolicy: Forbidden: may only "
		"be "
		"Retain in the context of inline volumes, "
		"spec.source.inlineVolumeSpec.storageClassName: Forbidden: may not be specified in "
		"the context of inline volumes, spec.source.inlineVolumeSpec.volumeMode: "
		"Forbidden: "
		"may not specify volumeMode other than Filesystem in the context of inline "
		"volumes]");
	arena_done(&rig_arena);
}

TEST(an_unbound_claim_is_bound_and_gets_a_class_once)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(
		rig_update(CLAIMS, "{\"spec\":{" ASKED "}}",
			"{\"spec\":{" ASKED ",\"volumeName\":\"v\",\"storageClassName\":\"c\"}}"),
		"");
	EXPECT(str_starts(
		str_from(rig_update(CLAIMS, "{\"spec\":{" ASKED ",\"storageClassName\":\"c\"}}",
			"{\"spec\":{" ASKED ",\"storageClassName\":\"d\"}}")),
		STR("spec: Forbidden: spec is immutable after creation")));
	arena_done(&rig_arena);
}

TEST(the_annotation_of_a_class_moves_into_its_member_and_nowhere_else)
{
	const char *old =
		"{\"metadata\":{\"annotations\":{"
		"\"volume.beta.kubernetes.io/storage-class\":\"c\"}},\"spec\":{" ASKED "}}";

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update(CLAIMS, old,
			    "{\"metadata\":{\"annotations\":{"
			    "\"volume.beta.kubernetes.io/storage-class\":\"c\"}},\"spec\":{" ASKED
			    ",\"storageClassName\":\"c\"}}"),
		"");
	EXPECT_TEXT(rig_update(CLAIMS, old, "{\"spec\":{" ASKED "}}"),
		"metadata.annotations: Invalid value: \"\": field is immutable");
	arena_done(&rig_arena);
}

TEST(a_bound_claim_grows_and_may_give_back_what_it_never_got)
{
	const char *old = "{\"spec\":{" ASKED "},\"status\":{\"phase\":\"Bound\",\"capacity\":{"
			  "\"storage\":\"1Gi\"}}}";
#define SIZE(size)                                                                                 \
	"{\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":" \
	"\"" size "\"}}},\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"1Gi\"}}}"

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update(CLAIMS, old, SIZE("5Gi")), "");
	EXPECT_TEXT(rig_update(CLAIMS, old, SIZE("1500Mi")), "");
	EXPECT_TEXT(rig_update(CLAIMS, old, SIZE("1Gi")),
		"spec.resources.requests.storage: Forbidden: field can not be less than "
		"status.capacity");
	arena_done(&rig_arena);
}

TEST(a_reference_to_another_namespace_is_dropped)
{
	arena_init(&rig_arena);
	EXPECT(str_find(str_from(rig_created(CLAIMS,
				"{\"spec\":{" ASKED
				",\"dataSourceRef\":{\"kind\":\"K\",\"apiGroup\":"
				"\"g\",\"name\":\"x\",\"namespace\":\"y\"}}}")),
		       STR("dataSource")) < 0);
	arena_done(&rig_arena);
}

TEST(fractions_of_bytes_and_old_annotations_warn)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_warnings(CLAIMS,
			    "{\"spec\":{\"resources\":{\"requests\":{\"storage\":\"1500m\"}}}}"),
		"spec.resources.requests[storage]: fractional byte value \"1500m\" is invalid, "
		"must be an integer\n");
	EXPECT_TEXT(rig_warnings(VOLUMES, "{\"metadata\":{\"annotations\":{"
					  "\"volume.beta.kubernetes.io/mount-options\":\"x\"}},"
					  "\"spec\":{\"glusterfs\":{}}}"),
		"metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since "
		"v1.31; use \"mountOptions\" attribute instead\n"
		"spec.glusterfs: deprecated in v1.25, non-functional in v1.26+\n");
	arena_done(&rig_arena);
}

TEST(what_a_driver_says_of_a_node_stays_but_for_its_count)
{
	const char *old = "{\"spec\":{\"drivers\":[{\"name\":\"d\",\"nodeID\":\"i\"}]}}";

	arena_init(&rig_arena);
	EXPECT_TEXT(rig_update("storage.k8s.io/v1/csinodes", old,
			    "{\"spec\":{\"drivers\":[{\"name\":\"d\",\"nodeID\":\"i\","
			    "\"allocatable\":{\"count\":3}}]}}"),
		"");
	EXPECT_TEXT(
		rig_update("storage.k8s.io/v1/csinodes", old, "{\"spec\":{\"drivers\":[]}}"), "");
	arena_done(&rig_arena);
}

TEST(terms_of_one_topology_are_the_same_in_any_order)
{
	arena_init(&rig_arena);
	EXPECT_TEXT(rig_create("storage.k8s.io/v1/storageclasses",
			    "{\"provisioner\":\"p\",\"allowedTopologies\":["
			    "{\"matchLabelExpressions\":[{\"key\":\"a\",\"values\":[\"1\",\"2\"]},"
			    "{\"key\":\"b\",\"values\":[\"3\"]}]},"
			    "{\"matchLabelExpressions\":[{\"key\":\"b\",\"values\":[\"3\"]},"
			    "{\"key\":\"a\",\"values\":[\"2\",\"1\"]}]},"
			    "{\"matchLabelExpressions\":[{\"key\":\"a\",\"values\":[\"1\"]}]}]}"),
		"allowedTopologies[1].matchLabelExpressions: Duplicate value: \"\"");
	arena_done(&rig_arena);
}
