/* The cluster's names: objects in, answers out. */
#include "test.h"

#include "dns/zone.h"

#include <kube/mem.h>

#include <stdio.h>

static const char *const services[] = {
	"{'metadata':{'name':'web','namespace':'shop'},'spec':{'clusterIP':'10.43.0.20',"
	"'clusterIPs':['10.43.0.20','fd43::20'],'ports':[{'name':'http','port':80},"
	"{'name':'dns','port':53,'protocol':'UDP'}]}}",
	"{'metadata':{'name':'db','namespace':'shop'},'spec':{'clusterIP':'None',"
	"'ports':[{'name':'sql','port':5432}]}}",
	"{'metadata':{'name':'empty','namespace':'shop'},'spec':{'clusterIP':'None'}}",
	"{'metadata':{'name':'far','namespace':'shop'},'spec':{'type':'ExternalName',"
	"'externalName':'WWW.example.com'}}",
	"{'metadata':{'name':'kube-dns','namespace':'kube-system'},'spec':{"
	"'clusterIP':'10.43.0.10','ports':[{'name':'dns','port':53,'protocol':'UDP'}]}}",
};

static const char *const slices[] = {
	"{'metadata':{'name':'db-1','namespace':'shop','labels':{'kubernetes.io/"
	"service-name':'db'}},"
	"'addressType':'IPv4','endpoints':[{'addresses':['10.42.0.7'],'hostname':'db-0',"
	"'conditions':{'ready':true}},{'addresses':['10.42.0.8'],'conditions':{'ready':false}},"
	"{'addresses':['10.42.0.9'],'conditions':{}}],'ports':[{'name':'sql','port':5432,"
	"'protocol':'TCP'}]}",
	"{'metadata':{'name':'web-1','namespace':'shop','labels':{'kubernetes.io/service-name':"
	"'web'}},'endpoints':[{'addresses':['fd42::5'],'conditions':{'ready':true}}],"
	"'ports':[{'name':'http','port':8080,'protocol':'TCP'}]}",
};

static struct cJSON *tree_of(struct arena *a, const char *text)
{
	struct str s = arena_str(a, str_from(text));
	struct cJSON *tree = NULL;

	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] == '\'')
			((char *)(uintptr_t)s.at)[i] = '"';
	EXPECT_INT(json_parse(a, s, NULL, &tree, NULL), 0);
	return tree;
}

static void fill(struct zone *z)
{
	_cleanup_(arena_done) struct arena a;

	arena_init(&a);
	zone_init(z, STR("cluster.local"), 5);
	zone_put_namespace(z, STR("shop"));
	zone_put_namespace(z, STR("kube-system"));
	for (size_t i = 0; i < ARRAY_LEN(slices); i++)
		zone_put_slice(z, tree_of(&a, slices[i]));
	for (size_t i = 0; i < ARRAY_LEN(services); i++)
		zone_put_service(z, tree_of(&a, services[i]));
}

/* ---- answers as text ---- */

static void print_record(
	struct arena *a, struct str message, const struct dns_record *r, struct buf *out)
{
	struct str name = {0};
	struct ip ip = {.len = (uint8_t)r->data.len};

	buf_print(out, "%s%.*s ", r->section == DNS_ADDITIONAL ? " +" : " ", STRF(r->name));
	switch (r->type) {
	case DNS_A:
	case DNS_AAAA:
		memcpy(ip.bytes, r->data.at, r->data.len);
		ip_print(out, &ip);
		break;
	case DNS_SRV:
		dns_parse_name(a, message, str_make(r->data.at + 6, r->data.len - 6), &name, NULL);
		buf_print(out, "%d:%d %.*s", (uint8_t)r->data.at[3],
			(uint8_t)r->data.at[4] << 8 | (uint8_t)r->data.at[5], STRF(name));
		break;
	case DNS_TXT:
		buf_print(out, "\"%.*s\"", STRF(str_skip(r->data, 1)));
		break;
	default:
		dns_parse_name(a, message, r->data, &name, NULL);
		buf_print(out, "%.*s", STRF(name));
	}
}

static struct str ask(struct arena *a, const struct zone *z, const char *name, uint16_t type)
{
	static const char *const results[] = {"", " elsewhere", " follow"};
	struct buf packet = BUF_INIT(KIB), message = BUF_INIT(64 * KIB), out = BUF_INIT(64 * KIB);
	struct dns_message m;
	struct dns_writer w;
	enum dns_rcode rcode;
	struct str follow = {0};

	dns_ask(a, &packet, 1, str_from(name), type);
	EXPECT_INT(dns_parse(a, buf_str(&packet), &m, NULL), 0);
	struct dns_question q = m.question;
	dns_answer_begin(&w, a, &message, &q, 0);
	enum zone_answer result = zone_resolve(z, &q, &w, &rcode, &follow);
	dns_answer_end(&w, rcode, true, true);
	EXPECT_INT(dns_parse(a, buf_str(&message), &m, NULL), 0);
	buf_print(&out, "%d%s", m.question.rcode, results[result]);
	for (size_t i = 0; i < m.count; i++) {
		if (m.records[i].section == DNS_AUTHORITY) {
			EXPECT_INT(m.records[i].type, DNS_SOA);
			buf_add_text(&out, " soa");
			continue;
		}
		EXPECT_INT(m.records[i].ttl, 5);
		print_record(a, buf_str(&message), &m.records[i], &out);
	}
	struct str text = arena_str(a, buf_str(&out));
	buf_done(&packet);
	buf_done(&message);
	buf_done(&out);
	return text;
}

static const struct {
	const char *name;
	uint16_t type;
	const char *answer;
} cases[] = {
	{"web.shop.svc.cluster.local", DNS_A, "0 web.shop.svc.cluster.local 10.43.0.20"},
	{"WEB.shop.svc.Cluster.local", DNS_A, "0 WEB.shop.svc.Cluster.local 10.43.0.20"},
	{"web.shop.svc.cluster.local", DNS_AAAA, "0 web.shop.svc.cluster.local fd43::20"},
	{"web.shop.svc.cluster.local", DNS_TXT, "0 soa"},
	{"nobody.shop.svc.cluster.local", DNS_A, "3 soa"},
	{"web.nowhere.svc.cluster.local", DNS_A, "3 soa"},
	{"shop.svc.cluster.local", DNS_A, "0 soa"},
	{"nowhere.svc.cluster.local", DNS_A, "3 soa"},
	/* what resolvers try first with ndots:5 */
	{"www.example.com.shop.svc.cluster.local", DNS_A, "3 soa"},
	{"www.example.com.svc.cluster.local", DNS_A, "3 soa"},
	{"www.example.com.cluster.local", DNS_AAAA, "3 soa"},
	{"web.shop.shop.svc.cluster.local", DNS_A, "3 soa"},
	{"web.shop.svc.cluster.local.shop.svc.cluster.local", DNS_A, "3 soa"},
	/* the name is there, such an address is not: resolvers must not go on */
	{"kube-dns.kube-system.svc.cluster.local", DNS_AAAA, "0 soa"},
	{"1-2-3-4.shop.pod.cluster.local", DNS_AAAA, "0 soa"},
	{"pod.cluster.local", DNS_A, "0 soa"},
	{"shop.pod.cluster.local", DNS_A, "0 soa"},
	{"1-2-3.shop.pod.cluster.local", DNS_A, "3 soa"},
	{"svc.cluster.local", DNS_A, "0 soa"},
	{"cluster.local", DNS_A, "0 soa"},
	{"cluster.local", DNS_NS, "0 cluster.local ns.dns.cluster.local"},
	{"ns.dns.cluster.local", DNS_A, "0 ns.dns.cluster.local 10.43.0.10"},
	{"dns-version.cluster.local", DNS_TXT, "0 dns-version.cluster.local \"1.1.0\""},
	{"other.cluster.local", DNS_A, "3 soa"},
	{"a.b.c.d.e.f.g.h.i.svc.cluster.local", DNS_A, "3 soa"},
	{"db.shop.svc.cluster.local", DNS_A,
		"0 db.shop.svc.cluster.local 10.42.0.7 db.shop.svc.cluster.local 10.42.0.9"},
	{"db-0.db.shop.svc.cluster.local", DNS_A, "0 db-0.db.shop.svc.cluster.local 10.42.0.7"},
	{"db-0.db.shop.svc.cluster.local", DNS_AAAA, "0 soa"},
	{"10-42-0-9.db.shop.svc.cluster.local", DNS_A,
		"0 10-42-0-9.db.shop.svc.cluster.local 10.42.0.9"},
	{"10-42-0-8.db.shop.svc.cluster.local", DNS_A, "3 soa"},
	{"empty.shop.svc.cluster.local", DNS_A, "3 soa"},
	{"_http._tcp.web.shop.svc.cluster.local", DNS_SRV,
		"0 _http._tcp.web.shop.svc.cluster.local 50:80 web.shop.svc.cluster.local"
		" _http._tcp.web.shop.svc.cluster.local 50:80 web.shop.svc.cluster.local"
		" +web.shop.svc.cluster.local 10.43.0.20 +web.shop.svc.cluster.local fd43::20"},
	{"_http._udp.web.shop.svc.cluster.local", DNS_SRV, "3 soa"},
	{"_sql._tcp.db.shop.svc.cluster.local", DNS_SRV,
		"0 _sql._tcp.db.shop.svc.cluster.local 50:5432 db-0.db.shop.svc.cluster.local"
		" _sql._tcp.db.shop.svc.cluster.local 50:5432 10-42-0-9.db.shop.svc.cluster.local"
		" +db-0.db.shop.svc.cluster.local 10.42.0.7"
		" +10-42-0-9.db.shop.svc.cluster.local 10.42.0.9"},
	{"far.shop.svc.cluster.local", DNS_A,
		"0 follow far.shop.svc.cluster.local www.example.com"},
	{"far.shop.svc.cluster.local", DNS_CNAME, "0 far.shop.svc.cluster.local www.example.com"},
	{"1-2-3-4.shop.pod.cluster.local", DNS_A, "0 1-2-3-4.shop.pod.cluster.local 1.2.3.4"},
	{"fd00--1.shop.pod.cluster.local", DNS_AAAA, "0 fd00--1.shop.pod.cluster.local fd00::1"},
	{"1-2-3-4.nowhere.pod.cluster.local", DNS_A, "3 soa"},
	{"20.0.43.10.in-addr.arpa", DNS_PTR,
		"0 20.0.43.10.in-addr.arpa web.shop.svc.cluster.local"},
	{"0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.4.d.f.ip6.arpa", DNS_PTR,
		"0 0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.4.d.f.ip6.arpa"
		" web.shop.svc.cluster.local"},
	{"7.0.42.10.in-addr.arpa", DNS_PTR,
		"0 7.0.42.10.in-addr.arpa db-0.db.shop.svc.cluster.local"},
	{"5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.4.d.f.ip6.arpa", DNS_PTR,
		"0 5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.4.d.f.ip6.arpa"
		" fd42--5.web.shop.svc.cluster.local"},
	{"8.0.42.10.in-addr.arpa", DNS_PTR, "0 elsewhere"},
	{"www.example.com", DNS_A, "0 elsewhere"},
	{"xcluster.local", DNS_A, "0 elsewhere"},
	{"", DNS_A, "0 elsewhere"},
};

TEST(names_have_the_addresses_that_objects_say)
{
	_cleanup_(arena_done) struct arena a;
	struct zone z;

	arena_init(&a);
	fill(&z);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		test_context("%s %d", cases[i].name, cases[i].type);
		EXPECT_STR(ask(&a, &z, cases[i].name, cases[i].type), cases[i].answer);
	}
	test_context_end();
	zone_done(&z);
}

TEST(what_is_gone_has_no_name_any_more)
{
	_cleanup_(arena_done) struct arena a;
	struct zone z;

	arena_init(&a);
	fill(&z);
	zone_drop_service(&z, STR("shop"), STR("web"));
	EXPECT_STR(ask(&a, &z, "web.shop.svc.cluster.local", DNS_A), "3 soa");
	EXPECT_STR(ask(&a, &z, "20.0.43.10.in-addr.arpa", DNS_PTR), "0 elsewhere");
	zone_drop_slice(&z, STR("shop"), STR("db-1"));
	EXPECT_STR(ask(&a, &z, "db.shop.svc.cluster.local", DNS_A), "3 soa");
	zone_put_slice(&z, tree_of(&a, slices[0]));
	EXPECT_STR(ask(&a, &z, "db-0.db.shop.svc.cluster.local", DNS_A),
		"0 db-0.db.shop.svc.cluster.local 10.42.0.7");
	zone_drop_slice(&z, STR("shop"), STR("web-1"));
	zone_drop_slice(&z, STR("shop"), STR("db-1"));
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		struct cJSON *tree = tree_of(&a, services[i]);

		zone_drop_service(&z, json_str(json_path(tree, "metadata.namespace")),
			json_str(json_path(tree, "metadata.name")));
	}
	EXPECT_INT(z.services.count + z.slices.count + z.names_of.count, 0);
	zone_done(&z);
}

TEST(a_service_becomes_another)
{
	_cleanup_(arena_done) struct arena a;
	struct zone z;

	arena_init(&a);
	fill(&z);
	zone_put_service(&z, tree_of(&a, "{'metadata':{'name':'far','namespace':'shop'},'spec':{"
					 "'type':'ExternalName','externalName':'b.example.com'}}"));
	EXPECT_STR(ask(&a, &z, "far.shop.svc.cluster.local", DNS_A),
		"0 follow far.shop.svc.cluster.local b.example.com");
	EXPECT_STR(ask(&a, &z, "far.shop.svc.cluster.local", DNS_TXT), "0 soa");
	/* With a dot at its end it is looked for here all the same. */
	zone_put_service(&z, tree_of(&a, "{'metadata':{'name':'far','namespace':'shop'},'spec':{"
					 "'type':'ExternalName','externalName':"
					 "'Web.shop.svc.cluster.local.'}}"));
	EXPECT_STR(
		zone_service(&z, STR("shop"), STR("far"))->external, "web.shop.svc.cluster.local");
	zone_put_service(&z, tree_of(&a, "{'metadata':{'name':'far','namespace':'shop'},'spec':{"
					 "'clusterIP':'10.43.0.30'}}"));
	EXPECT_STR(ask(&a, &z, "far.shop.svc.cluster.local", DNS_A),
		"0 far.shop.svc.cluster.local 10.43.0.30");
	EXPECT_STR(ask(&a, &z, "far.shop.svc.cluster.local", DNS_CNAME), "0 soa");
	zone_done(&z);
}

/* With publishNotReadyAddresses slices call ready who is not, and who is ending, too. */
TEST(who_is_called_ready_has_a_name)
{
	_cleanup_(arena_done) struct arena a;
	struct zone z;

	arena_init(&a);
	fill(&z);
	zone_put_slice(&z,
		tree_of(&a,
			"{'metadata':{'name':'db-1','namespace':'shop','labels':{'kubernetes.io/"
			"service-name':'db'}},'endpoints':[{'addresses':['10.42.0.8'],"
			"'hostname':'DB-1','conditions':{'ready':true,'serving':false,"
			"'terminating':true}}]}"));
	EXPECT_STR(ask(&a, &z, "db.shop.svc.cluster.local", DNS_A),
		"0 db.shop.svc.cluster.local 10.42.0.8");
	EXPECT_STR(ask(&a, &z, "db-1.db.shop.svc.cluster.local", DNS_A),
		"0 db-1.db.shop.svc.cluster.local 10.42.0.8");
	EXPECT_STR(ask(&a, &z, "8.0.42.10.in-addr.arpa", DNS_PTR),
		"0 8.0.42.10.in-addr.arpa db-1.db.shop.svc.cluster.local");
	EXPECT_STR(ask(&a, &z, "db-0.db.shop.svc.cluster.local", DNS_A), "3 soa");
	zone_done(&z);
}
