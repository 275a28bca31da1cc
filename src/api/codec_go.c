/* Values as Go prints its internal structs in messages: every field, by its Go name. */
#include "codec_parts.h"

static void print_value(struct buf *out, const struct schema_field *f, const struct cJSON *value);

/* "timeAdded" → "TimeAdded"; Go writes initialisms in capitals. */
static const char *const exact[][2] = {{"cidrs", "CIDRs"}, {"cidr", "CIDR"}, {"ip", "IP"},
	{"uid", "UID"}, {"apiVersion", "APIVersion"}, {"apiGroup", "APIGroup"},
	{"hostIP", "HostIP"}, {"fsType", "FSType"}, {"url", "URL"}, {"tls", "TLS"},
	{"http", "HTTP"}, {"nfs", "NFS"}, {"iscsi", "ISCSI"}, {"csi", "CSI"},
	{"clusterIP", "ClusterIP"}, {"tcpSocket", "TCPSocket"}, {"httpGet", "HTTPGet"},
	{"grpc", "GRPC"}, {"wwids", "WWIDs"}, {"rbd", "RBD"}, {"fc", "FC"},
	{"gcePersistentDisk", "GCEPersistentDisk"},
	{"awsElasticBlockStore", "AWSElasticBlockStore"}, {"cephfs", "CephFS"},
	{"storageos", "StorageOS"}, {"pdName", "PDName"}, {"iqn", "IQN"},
	{"seLinuxOptions", "SELinuxOptions"}, {"seLinuxChangePolicy", "SELinuxChangePolicy"},
	{"dnsPolicy", "DNSPolicy"}, {"dnsConfig", "DNSConfig"}, {"os", "OS"}, {"tty", "TTY"},
	{"fsGroup", "FSGroup"}, {"fsGroupChangePolicy", "FSGroupChangePolicy"},
	{"gmsaCredentialSpec", "GMSACredentialSpec"},
	{"gmsaCredentialSpecName", "GMSACredentialSpecName"}, {"httpHeaders", "HTTPHeaders"},
	{"iscsiInterface", "ISCSIInterface"}, {"chapAuthDiscovery", "DiscoveryCHAPAuth"},
	{"chapAuthSession", "SessionCHAPAuth"}, {"sslEnabled", "SSLEnabled"},
	{"diskURI", "DataDiskURI"}, {"apiGroups", "APIGroups"}, {"ips", "IPs"}};

/* Names of Go that are others altogether, by type. */
static const char *const other[][3] = {{"RBDVolumeSource", "monitors", "CephMonitors"},
	{"RBDVolumeSource", "image", "RBDImage"}, {"RBDVolumeSource", "pool", "RBDPool"},
	{"RBDVolumeSource", "user", "RadosUser"},
	{"GlusterfsVolumeSource", "endpoints", "EndpointsName"}};

static void print_name(struct buf *out, const struct schema *s, struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		if (str_eq_text(s->name, other[i][0]) && str_eq_text(name, other[i][1])) {
			buf_add_text(out, other[i][2]);
			return;
		}
	for (size_t i = 0; i < ARRAY_LEN(exact); i++)
		if (str_eq_text(name, exact[i][0])) {
			buf_add_text(out, exact[i][1]);
			return;
		}
	char first = name.at[0];
	buf_add_char(out, first >= 'a' && first <= 'z' ? (char)(first - 32) : first);
	buf_add_str(out, str_skip(name, 1));
}

static void print_zero(struct buf *out, const struct schema_field *f)
{
	static const char *const zeros[] = {[KIND_STRING] = "\"\"",
		[KIND_BOOL] = "false",
		[KIND_INT32] = "0",
		[KIND_INT64] = "0",
		[KIND_DOUBLE] = "0",
		[KIND_QUANTITY] = "\"0\"",
		[KIND_INT_OR_STRING] = "0"};

	if (f->shape == SHAPE_ONE && !(f->flags & FIELD_POINTER) && f->kind == KIND_OBJECT)
		api_print_go(out, f->of, NULL);
	else if (f->shape == SHAPE_ONE && !(f->flags & FIELD_POINTER) &&
		 f->kind < sizeof(zeros) / sizeof(zeros[0]) && zeros[f->kind])
		buf_add_text(out, zeros[f->kind]);
	else
		buf_add_text(out, "null");
}

static void print_elements(struct buf *out, const struct schema_field *f, const struct cJSON *value)
{
	struct schema_field one = *f;
	bool map = f->shape != SHAPE_LIST, first = true;

	one.shape = f->shape == SHAPE_MAP_OF_LISTS ? SHAPE_LIST : SHAPE_ONE;
	buf_add_char(out, map ? '{' : '[');
	json_each (item, value) {
		if (!first)
			buf_add_char(out, ',');
		first = false;
		if (map) {
			json_print_str(out, json_key(item));
			buf_add_char(out, ':');
		}
		print_value(out, &one, item);
	}
	buf_add_char(out, map ? '}' : ']');
}

static void print_value(struct buf *out, const struct schema_field *f, const struct cJSON *value)
{
	if (json_type(value) == JSON_NULL)
		print_zero(out, f);
	else if (f->shape != SHAPE_ONE)
		print_elements(out, f, value);
	else if (f->kind == KIND_OBJECT)
		api_print_go(out, f->of, value);
	else
		json_print(out, value, JSON_COMPACT);
}

void api_print_go(struct buf *out, const struct schema *s, const struct cJSON *value)
{
	/* upstream has no internal form of these */
	if (str_eq_text(s->package, "io.k8s.apimachinery.pkg.apis.meta.v1") && value) {
		json_print(out, value, JSON_COMPACT);
		return;
	}
	buf_add_char(out, '{');
	for (size_t i = 0; i < s->field_count; i++) {
		const struct schema_field *f = &s->fields[i];

		if (i)
			buf_add_char(out, ',');
		buf_add_char(out, '"');
		print_name(out, s, f->name);
		buf_add_text(out, "\":");
		print_value(out, f, json_get(value, f->name));
	}
	buf_add_char(out, '}');
}
