"""Hostile and wrong requests: a table of (name, bytes of the request).

The answers each must get stand in hostile_answers.txt. Nothing here depends on what a request
before it did; objects that the requests need are made by the test first: the ConfigMap `there`,
the Deployment `there` and the ServiceAccount `default`, all in the namespace `default`.
"""

import gzip
import json

CORE = "/api/v1/namespaces/default"
MAPS = CORE + "/configmaps"
ONE = MAPS + "/there"
APPS = "/apis/apps/v1/namespaces/default/deployments"
ADMIN = "Bearer admin-token"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSONPATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
PROTO = "application/vnd.kubernetes.protobuf"


def http(method, path, body=None, token=ADMIN, **headers):
    """A well-made HTTP request around whatever is wrong in it."""
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: kube"]
    if token:
        lines.append("Authorization: " + token)
    fields = {"Content_Type": "application/json"} if body is not None else {}
    fields.update(headers)
    if body is not None and "Transfer_Encoding" not in fields:
        body = body.encode() if isinstance(body, str) else body
        fields.setdefault("Content_Length", str(len(body)))
    lines += ["%s: %s" % (k.replace("_", "-"), v) for k, v in fields.items() if v is not None]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape") + (body or b"")


def get(path, **headers):
    return http("GET", path, **headers)


def post(path, body, **headers):
    return http("POST", path, body if isinstance(body, (str, bytes)) else json.dumps(body), **headers)


def patch(kind, body, path=ONE, **headers):
    path = path + ("&" if "?" in path else "?") + "dryRun=All"
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return http("PATCH", path, text, Content_Type=kind, **headers)


def config_map(**fields):
    return dict({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new"}}, **fields)


def deployment(**spec):
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    whole = {"selector": {"matchLabels": {"a": "b"}}, "template": pod}
    whole.update(spec)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "new"}, "spec": whole}


def raw(text, token=True):
    """Bytes as they are; the line of the token follows the first line where there is one."""
    data = text.encode("utf-8", "surrogateescape")
    first, end, rest = data.partition(b"\r\n")
    return first + end + (b"Authorization: Bearer admin-token\r\n" if token and rest else b"") + rest


def wire():
    """What is wrong below the requests: lines, headers, lengths."""
    host = "Host: kube\r\n"
    yield "no host", raw("GET /version HTTP/1.1\r\n\r\n")
    yield "two hosts", raw("GET /version HTTP/1.1\r\n%sHost: other\r\n\r\n" % host)
    yield "host with a space", raw("GET /version HTTP/1.1\r\nHost: a b\r\n\r\n")
    yield "no version", raw("GET /version\r\n%s\r\n" % host)
    yield "version 0.9", raw("GET /version HTTP/0.9\r\n%s\r\n" % host)
    yield "version 1.0", raw("GET /version HTTP/1.0\r\n%s\r\n" % host)
    yield "version 1.2", raw("GET /version HTTP/1.2\r\n%s\r\n" % host)
    yield "version 2.0 in text", raw("GET /version HTTP/2.0\r\n%s\r\n" % host)
    yield "version 9.9", raw("GET /version HTTP/9.9\r\n%s\r\n" % host)
    yield "version of letters", raw("GET /version HTTP/x.y\r\n%s\r\n" % host)
    yield "another protocol", raw("GET /version ICAP/1.0\r\n%s\r\n" % host)
    yield "only spaces", raw("   \r\n%s\r\n" % host)
    yield "a space in the path", raw("GET /ver sion HTTP/1.1\r\n%s\r\n" % host)
    yield "a tab in the path", raw("GET /ver\tsion HTTP/1.1\r\n%s\r\n" % host)
    yield "a zero in the path", raw("GET /ver\0sion HTTP/1.1\r\n%s\r\n" % host)
    yield "no slash first", raw("GET version HTTP/1.1\r\n%s\r\n" % host)
    yield "absolute form", raw("GET https://kube/version HTTP/1.1\r\n%s\r\n" % host)
    yield "absolute form of another host", raw("GET https://x.test/version HTTP/1.1\r\n%s\r\n" % host)
    yield "asterisk", raw("OPTIONS * HTTP/1.1\r\n%s\r\n" % host)
    yield "authority form", raw("CONNECT kube:443 HTTP/1.1\r\n%s\r\n" % host)
    yield "method in lower case", raw("get /version HTTP/1.1\r\n%s\r\n" % host)
    yield "method unheard of", raw("BREW /version HTTP/1.1\r\n%s\r\n" % host)
    yield "method of signs", raw("G@T /version HTTP/1.1\r\n%s\r\n" % host)
    yield "header without colon", raw("GET /version HTTP/1.1\r\n%sNonsense\r\n\r\n" % host)
    yield "header without name", raw("GET /version HTTP/1.1\r\n%s: x\r\n\r\n" % host)
    yield "space before the colon", raw("GET /version HTTP/1.1\r\n%sA : x\r\n\r\n" % host)
    yield "folded header", raw("GET /version HTTP/1.1\r\n%sA: x\r\n y\r\n\r\n" % host)
    yield "zero in a header", raw("GET /version HTTP/1.1\r\n%sA: x\0y\r\n\r\n" % host)
    yield "carriage return in a header", raw("GET /version HTTP/1.1\r\n%sA: x\ry\r\n\r\n" % host)
    yield "sign in a header's name", raw("GET /version HTTP/1.1\r\n%sA(b): x\r\n\r\n" % host)
    yield "bytes above ASCII in a header", raw("GET /version HTTP/1.1\r\n%sA: \udcff\r\n\r\n" % host)
    yield "giant header", raw("GET /version HTTP/1.1\r\n%sA: %s\r\n\r\n" % (host, "x" * 3000000))
    yield "very many headers", raw(
        "GET /version HTTP/1.1\r\n%s%s\r\n" % (host, "".join("A%d: x\r\n" % i for i in range(100000)))
    )
    yield "giant path", get("/version/" + "x" * 2000000)
    yield "giant query", get("/version?" + "x" * 2000000)
    lengths = {
        "negative": "-1", "of letters": "ten", "empty": "", "hexadecimal": "0x10", "signed": "+5",
        "of two numbers": "5, 6", "of 30 digits": "9" * 30, "with a point": "5.0",
    }
    for name, value in lengths.items():
        yield "length " + name, http("POST", MAPS, b"{}", Content_Length=value)
    yield "two lengths", raw(
        "POST %s HTTP/1.1\r\n%sContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} " % (MAPS, host)
    )
    yield "length and chunks", http("POST", MAPS, b"2\r\n{}\r\n0\r\n\r\n", Transfer_Encoding="chunked",
                                    Content_Length="2")
    yield "encoding unheard of", http("POST", MAPS, b"{}", Transfer_Encoding="gzip")
    yield "encoding twice", http("POST", MAPS, b"", Transfer_Encoding="chunked, chunked")
    for name, body in {
        "of letters": b"xyz\r\n{}\r\n0\r\n\r\n", "negative": b"-2\r\n{}\r\n0\r\n\r\n",
        "too great": b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n", "without an end": b"2\r\n{}0\r\n\r\n",
        "empty": b"\r\n{}\r\n",
    }.items():
        yield "chunk size " + name, http("POST", MAPS, body, Transfer_Encoding="chunked")
    yield "an expectation unheard of", http("POST", MAPS, b"{}", Expect="rain")
    yield "an upgrade unheard of", get("/version", Connection="Upgrade", Upgrade="rain")


def methods():
    wrong = {
        "/api/v1/namespaces": "PUT PATCH", MAPS: "PUT PATCH", ONE: "POST", ONE + "/status": "GET PUT",
        CORE + "/bindings": "GET PUT DELETE", "/api": "POST DELETE", "/apis/apps": "PUT",
        "/api/v1/componentstatuses": "POST DELETE", CORE + "/pods/p/log": "POST DELETE",
        CORE + "/pods/p/binding": "GET", CORE + "/pods/p/eviction": "GET DELETE",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews": "GET PUT DELETE PATCH",
        "/apis/authentication.k8s.io/v1/tokenreviews": "GET DELETE",
        CORE + "/serviceaccounts/default/token": "GET PUT", CORE + "/finalize": "GET POST",
        "/version": "POST PUT", "/healthz": "POST", "/openapi/v2": "POST", "/metrics": "POST",
        APPS + "/there/scale": "POST DELETE", CORE: "POST",
    }
    for path, names in wrong.items():
        for method in names.split():
            body = b"{}" if method in ("POST", "PUT", "PATCH") else None
            yield "%s %s" % (method, path), http(method, path, body)
    for method in ("TRACE", "PROPFIND", "LINK", "HEAD", "OPTIONS", "PURGE", "SEARCH"):
        yield "%s of an object" % method, http(method, ONE)


def paths():
    for path in (
        "/", "/nope", "/api/", "/api/v2", "/api/v1/", "/api/v1//namespaces", "/api/v1/nopes",
        "/apis/", "/apis/nope", "/apis/nope/v1", "/apis/apps/v9", "/apis/apps/v1/nopes",
        "/apis/apps/v1/namespaces/default/nopes/x", "/apis/v1/configmaps", "/api/apps/v1/deployments",
        CORE + "/configmaps/there/nope", CORE + "/configmaps/there/status/more", CORE + "/Configmaps",
        CORE + "/configmap", CORE + "/configmaps/", CORE + "//configmaps", MAPS + "/There",
        MAPS + "/nope", MAPS + "/a/b/c/d", "/api/v1/namespaces//configmaps", "/api/v1/namespaces/nope",
        "/api/v1/namespaces/nope/configmaps/x", "/api/v1/namespaces/default/nodes",
        "/api/v1/namespaces/default/nodes/x", "/api/v1/configmaps/there", "/api/v1/namespaces/%20",
        "/api/v1/../v1/namespaces", "/api/v1/./namespaces", "/api/v1/%2e%2e/v1/namespaces",
        "/api%2fv1/namespaces", MAPS + "/%2e%2e", MAPS + "/%00", MAPS + "/a%2fb", MAPS + "/%zz",
        MAPS + "/%", MAPS + "/%e2%98%83", MAPS + "/%ff", MAPS + "/a%20b", MAPS + "/a+b", MAPS + "/;x=y",
        MAPS + "/'", MAPS + "/%22", MAPS + "/" + "n" * 300, MAPS + "/there?", ONE + "#part",
        "/api/v1/watch", "/api/v1/watch/nopes", "/api/v1/proxy/nodes/x", "/openapi/v3/nope", "/livez/nope",
        "/readyz/nope", "/healthz/nope", "/metrics/nope", "/logs/x", "/debug/pprof/", "/swagger.json",
        "/.well-known/nope", "/openid/v1/nope", CORE + "/pods/nope/log", CORE + "/pods/nope/exec",
        CORE + "/pods/nope/portforward", CORE + "/services/nope/proxy", CORE + "/pods/nope/proxy/x",
        "/api/v1/nodes/nope/proxy/x", CORE + "/serviceaccounts/nope/token",
    ):
        yield "path " + path[:80], get(path)


def queries():
    selectors = (
        "a==", "=", "a=b,", ",", "!", "!!a", "a in", "a in b", "a in (", "a in (b", "a in (b,", "in (a)",
        "a notin ()", "a>b", "a>1.5", "a<", "a=b=c", "a b", "-a", "a-", "a/b/c", "/a", "a/",
        "A..b/c", "é", "a=é", "a=-b", "a=b-", "a=" + "v" * 64, "k" * 64, "a&b", "a;b", "a=(b)", "(a)", "a,,b",
        "\"a\"", "a='b'",
    )
    for text in selectors:
        encoded = "".join("%%%02x" % byte for byte in text.encode())
        yield "labels %.40s" % text, get(MAPS + "?labelSelector=" + encoded)
    for text in (
        "nope=x", "metadata.name", "metadata.name=", "=x", "metadata.name==", "metadata.name=a=b",
        "metadata.name>a", "metadata.name in (a)", ",", "metadata.name=there,", "metadata.labels.a=b",
        "data.x=1", "metadata.name=a\\", "metadata.name=a\\b", "metadata.name!=there,spec.x=1",
    ):
        encoded = "".join("%%%02x" % byte for byte in text.encode())
        yield "fields %.40s" % text, get(MAPS + "?fieldSelector=" + encoded)
    for text in (
        "limit=-1", "limit=x", "limit=1.5", "limit=9223372036854775808", "limit=", "limit=1&continue=x",
        "continue=x", "continue=e30", "continue=eyJ2IjoiYmFkIn0",
        "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYSJ9",
        "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi9hIn0",
        "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIifQ",
        "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0&resourceVersion=1",
        "continue=%ff", "continue=" + "A" * 9000,
        "resourceVersion=x", "resourceVersion=-1", "resourceVersion=1.0", "resourceVersion=%20",
        "resourceVersion=18446744073709551616", "resourceVersion=0x1",
        "resourceVersionMatch=Exact", "resourceVersionMatch=NotOlderThan", "resourceVersionMatch=nope",
        "resourceVersion=0&resourceVersionMatch=Exact", "resourceVersion=1&resourceVersionMatch=nope",
        "continue=e30&resourceVersionMatch=Exact&resourceVersion=1",
        "sendInitialEvents=true", "sendInitialEvents=x", "sendInitialEvents=false",
        "watch=true&sendInitialEvents=true", "watch=true&resourceVersionMatch=Exact",
        "watch=true&sendInitialEvents=true&resourceVersionMatch=Exact",
        "watch=true&resourceVersion=x", "watch=true&resourceVersion=-1", "watch=true&labelSelector=!!",
        "watch=true&fieldSelector=nope%3dx", "watch=true&timeoutSeconds=x", "timeoutSeconds=x",
        "timeoutSeconds=-1", "timeoutSeconds=9999999999999999999", "allowWatchBookmarks=x", "timeout=x",
        "timeout=-1s", "timeout=0", "pretty=x", "labelSelector=%zz", "labelSelector=%ff", "%zz=1", "a=%",
        "a;b", "watch=maybe&timeoutSeconds=1", "&&&", "=", "includeObject=nope",
    ):
        yield "list ?%.70s" % text, get(MAPS + "?" + text)
    for text in (
        "dryRun=x", "dryRun=All&dryRun=x", "dryRun=all", "dryRun=", "fieldValidation=x", "fieldValidation=strict",
        "fieldManager=" + "m" * 129, "fieldManager=%01", "fieldManager=a%0ab", "timeout=x",
    ):
        yield "create ?%.40s" % text, post(MAPS + "?" + text, config_map(kind="Secret"))
        yield "create well ?%.40s" % text, post(MAPS + "?" + text, config_map(metadata={"name": "there"}))
    for text in (
        "dryRun=x", "gracePeriodSeconds=x", "gracePeriodSeconds=-1", "propagationPolicy=x",
        "orphanDependents=x", "orphanDependents=true&propagationPolicy=Orphan", "gracePeriodSeconds=1.5",
    ):
        yield "delete ?%.50s" % text, http("DELETE", ONE + "?dryRun=All&" + text)
    for text in ("force=true", "force=x", "fieldManager=", "dryRun=x", "fieldValidation=x"):
        yield "patch ?" + text, patch(MERGE, {}, ONE + "?" + text)
        yield "apply ?" + text, patch(APPLY, config_map(metadata={"name": "there"}), ONE + "?" + text)


def headers():
    for value in (
        "text/html", "application/xml", "x", "/", "*/", "application/json;", "application/json;as=Nope",
        "application/json;as=Table", "application/json;as=Table;v=v1", "application/json;as=Table;g=x;v=v1",
        "application/json;as=Table;g=meta.k8s.io;v=v9", "application/json;q=0", "application/json;q=x",
        "application/json;stream=nope", "application/cbor", "application/json;as=PartialObjectMetadata;v=v1",
        "application/yaml;stream=watch", "image/*", ",", "application/json;charset=utf-8", "*/*;q=0.1,text/html",
        "a" * 5000, "application/json;a=\"", "application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io",
    ):
        yield "accept %.60s" % value, get(ONE, Accept=value)
    for value in (
        "text/plain", "application/xml", "x", "", "/", "application/json;", "application/json; charset=latin1",
        "application/x-www-form-urlencoded", "multipart/form-data", "application/cbor", "application/json, x",
        "application/strategic-merge-patch+json", "application/json;a=\"", "json", "*/*",
    ):
        yield "content type %s" % value, post(MAPS, "{}", Content_Type=value)
        yield "patch of type %s" % value, patch(value, "{}")
    for value in ("gzip", "br", "identity", "deflate", "x"):
        yield "content encoding %s, body is not" % value, post(MAPS, "{}", Content_Encoding=value)
    yield "a compressed body", post(MAPS, gzip.compress(b"{}", mtime=0), Content_Encoding="gzip")
    for value in (
        "Bearer", "Bearer ", "Bearer nope", "bearer admin-token", "Basic YTpi", "Basic !!!", "Digest x",
        "Bearer a b", "Bearer " + "x" * 20000, "admin-token", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "Negotiate x", ",",
    ):
        yield "authorization %.40s" % value, get(ONE, token=value)
    yield "nobody", get(ONE, token=None)
    yield "nobody writes", post(MAPS, config_map(), token=None)
    yield "another's rights", get(ONE, token="Bearer alice-token")
    yield "two tokens", raw("GET %s HTTP/1.1\r\nHost: kube\r\nAuthorization: Bearer no\r\n\r\n" % ONE)
    for name, fields in {
        "user empty": {"Impersonate_User": ""}, "group alone": {"Impersonate_Group": "g"},
        "uid alone": {"Impersonate_Uid": "u"}, "extra alone": {"Impersonate_Extra_a": "b"},
        "service account not whole": {"Impersonate_User": "system:serviceaccount:x"},
        "another": {"Impersonate_User": "mallory"},
        "an unknown header": {"Impersonate_Nope": "x", "Impersonate_User": "mallory"},
    }.items():
        yield "impersonates " + name, get(ONE, **fields)
    yield "impersonates without right", get(ONE, token="Bearer alice-token", Impersonate_User="admin")
    yield "impersonates a group without right", get(
        ONE, token="Bearer alice-token", Impersonate_User="bob", Impersonate_Group="system:masters"
    )


def bodies():
    good = json.dumps(config_map(data={"a": "b"}))
    for size in (0, 1, 2, 14, 20, 35, 60, len(good) - 2, len(good) - 1):
        yield "truncated after %d" % size, post(MAPS, good[:size])
    texts = {
        "null": "null", "a number": "7", "a string": '"x"', "a list": "[]", "true": "true", "empty": "{}",
        "two values": good + good, "rubbish after": good + "x", "a comma too many": '{"kind":"ConfigMap",}',
        "single quotes": "{'kind':'ConfigMap'}", "no quotes": "{kind: ConfigMap}", "a comment": "/* */" + good,
        "byte order mark": "\ufeff" + good, "not a number": '{"a":NaN}', "infinity": '{"a":-Infinity}',
        "leading zero": '{"a":01}', "plus sign": '{"a":+1}', "an exponent alone": '{"a":e5}',
        "a control character": '{"a":"\x01"}', "a line end in a string": '{"a":"\n"}',
        "a bad escape": '{"a":"\\x"}', "half an escape": '{"a":"\\u12"}', "a key that is a number": "{1:2}",
        "a colon missing": '{"a" 1}', "brackets that do not match": '{"a":[1}', "a zero byte": "\0",
        "deep lists": "[" * 20000, "deep objects": '{"a":' * 20000, "deep and closed": "[" * 20000 + "]" * 20000,
        "deep inside": good[:-1] + ',"x":' + "[" * 20000 + "]" * 20000 + "}",
        "ten thousand unknown keys": '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"new-"},%s}'
        % ",".join('"k%d":1' % i for i in range(10000)),
        "a number of 10000 digits": '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x","generation":%s}}'
        % ("9" * 10000),
    }
    for name, text in texts.items():
        yield "JSON: " + name, post(MAPS, text)
    yield "invalid UTF-8", post(MAPS, good.encode().replace(b'"b"', b'"\xff\xfe"'))
    yield "a body of 4 MiB", post(MAPS, '{"a":"%s"}' % ("x" * (4 << 20)))
    yield "a value above the limit", post(MAPS, config_map(data={"a": "x" * (1 << 20), "b": "y"}))
    yield "annotations above the limit", post(
        MAPS, config_map(metadata={"name": "new", "annotations": {"a": "x" * (1 << 18)}})
    )
    for name, change in {
        "kind absent": {"kind": None}, "kind another": {"kind": "Secret"}, "kind unknown": {"kind": "Nope"},
        "kind a number": {"kind": 7}, "version absent": {"apiVersion": None}, "version another": {"apiVersion": "v2"},
        "version of three": {"apiVersion": "a/b/c"}, "version a list": {"apiVersion": []}, "version empty": {"apiVersion": ""},
        "metadata a list": {"metadata": []}, "metadata a string": {"metadata": "x"}, "metadata absent": {"metadata": {}},
        "name a number": {"metadata": {"name": 7}}, "name empty": {"metadata": {"name": ""}},
        "name upper": {"metadata": {"name": "UP"}}, "name long": {"metadata": {"name": "n" * 254}},
        "name with a slash": {"metadata": {"name": "a/b"}}, "name a point": {"metadata": {"name": "."}},
        "name of letters beyond": {"metadata": {"name": "é"}}, "name with a zero": {"metadata": {"name": "a\0b"}},
        "namespace another": {"metadata": {"name": "new", "namespace": "other"}},
        "namespace a number": {"metadata": {"name": "new", "namespace": 5}},
        "labels a list": {"metadata": {"name": "new", "labels": []}},
        "labels of numbers": {"metadata": {"name": "new", "labels": {"a": 1}}},
        "label key bad": {"metadata": {"name": "new", "labels": {"a b": "c"}}},
        "label key empty": {"metadata": {"name": "new", "labels": {"": "c"}}},
        "label value bad": {"metadata": {"name": "new", "labels": {"a": "b c"}}},
        "label value long": {"metadata": {"name": "new", "labels": {"a": "c" * 64}}},
        "annotation key bad": {"metadata": {"name": "new", "annotations": {"-": "x"}}},
        "annotation a number": {"metadata": {"name": "new", "annotations": {"a": 1}}},
        "finalizer bad": {"metadata": {"name": "new", "finalizers": ["x y"]}},
        "finalizers a string": {"metadata": {"name": "new", "finalizers": "x"}},
        "owner empty": {"metadata": {"name": "new", "ownerReferences": [{}]}},
        "owner a string": {"metadata": {"name": "new", "ownerReferences": ["x"]}},
        "time bad": {"metadata": {"name": "new", "creationTimestamp": "yesterday"}},
        "time a number": {"metadata": {"name": "new", "creationTimestamp": 5}},
        "generation a string": {"metadata": {"name": "new", "generation": "x"}},
        "generation a fraction": {"metadata": {"name": "new", "generation": 1.5}},
        "version of resource given": {"metadata": {"name": "new", "resourceVersion": "5"}},
        "prefix and name absent": {"metadata": {"generateName": ""}},
        "prefix bad": {"metadata": {"generateName": "A_"}},
        "managers bad": {"metadata": {"name": "new", "managedFields": [{"operation": "Nope"}]}},
        "data a list": {"data": []}, "data a string": {"data": "x"}, "data of numbers": {"data": {"a": 1}},
        "data of null": {"data": {"a b": None}}, "data key bad": {"data": {"a b": "c"}},
        "data key long": {"data": {"k" * 254: "c"}}, "data key points": {"data": {"..": "c"}},
        "binary not base64": {"binaryData": {"a": "!"}}, "both data": {"data": {"a": ""}, "binaryData": {"a": ""}},
        "immutable a string": {"immutable": "yes"}, "immutable a number": {"immutable": 1},
    }.items():
        body = {k: v for k, v in dict(config_map(), **change).items() if v is not None}
        yield "config map: " + name, post(MAPS + "?dryRun=All", body)
    strict = MAPS + "?fieldValidation=Strict"
    head = '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"new"'
    yield "strict: unknown at the top", post(strict, head + '},"nope":1}')
    yield "strict: unknown in metadata", post(strict, head + ',"nope":1}}')
    yield "strict: a key twice", post(strict, head + '},"data":{},"data":{}}')
    yield "strict: a name twice", post(strict, head + ',"name":"b"}}')
    yield "strict: case of a key", post(strict, head + '},"Data":{"a":"b"}}')
    yield "strict: many at once", post(strict, head + ',"x":1,"y":2},"z":3,"z":4,"data":{},"data":{}}')


def other_bodies():
    for name, text in {
        "a tab": "\tkind: ConfigMap", "a bomb": "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nkind: *c",
        "an unknown anchor": "kind: *nope", "a key twice": "kind: ConfigMap\nkind: ConfigMap\napiVersion: v1",
        "a list": "- a", "two documents": "kind: A\n---\nkind: B", "a tag": "kind: !!binary x", "text": "hello",
        "brackets open": "{a: [", "a quote open": 'a: "', "deep": "{a: " * 2000, "empty": "", "null": "~",
        "a bad indent": "a:\n  b: 1\n c: 2", "a list as key": "? [a]\n: b",
    }.items():
        yield "YAML: " + name, post(MAPS, text, Content_Type="application/yaml")
    for name, data in {
        "empty": b"", "no magic": b"hello", "half the magic": b"k8s", "magic alone": b"k8s\0",
        "truncated": b"k8s\0\x0a\xff\xff\xff\xff\x0f", "a bad tag": b"k8s\0\x07", "a kind unknown": b"k8s\0\x0a\x08\x0a\x02v1\x12\x02No",
        "groups": b"k8s\0" + b"\x0b" * 2000, "a long varint": b"k8s\0" + b"\xff" * 20,
        "another kind": b"k8s\0\x0a\x0c\x0a\x02v1\x12\x06Secret", "JSON": b"{}",
        "a broken object": b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x03\x0a\x7fx",
    }.items():
        yield "protobuf: " + name, post(MAPS, data, Content_Type=PROTO)
    for name, spec in {
        "replicas a string": {"replicas": "x"}, "replicas a fraction": {"replicas": 1.5},
        "replicas too great": {"replicas": 1 << 40}, "replicas negative": {"replicas": -1},
        "selector a list": {"selector": []}, "selector absent": {"selector": None}, "selector empty": {"selector": {}},
        "template a string": {"template": "x"}, "template absent": {"template": None}, "template empty": {"template": {}},
        "strategy unknown": {"strategy": {"type": "Nope"}}, "paused a string": {"paused": "x"},
        "surge bad": {"strategy": {"rollingUpdate": {"maxSurge": "x"}}},
        "surge a list": {"strategy": {"rollingUpdate": {"maxSurge": []}}},
        "all zero": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
        "progress too short": {"progressDeadlineSeconds": 0}, "history negative": {"revisionHistoryLimit": -1},
        "selector of another": {"selector": {"matchLabels": {"x": "y"}}},
        "selector operator": {"selector": {"matchExpressions": [{"key": "a", "operator": "Nope"}]}},
        "selector without values": {"selector": {"matchExpressions": [{"key": "a", "operator": "In"}]}},
    }.items():
        yield "deployment: " + name, post(APPS, deployment(**spec))
    for name, container in {
        "a string": "x", "a list": [], "empty": {}, "no image": {"name": "c"}, "name upper": {"name": "C", "image": "i"},
        "cpu bad": {"name": "c", "image": "i", "resources": {"limits": {"cpu": "x"}}},
        "cpu a list": {"name": "c", "image": "i", "resources": {"limits": {"cpu": []}}},
        "cpu negative": {"name": "c", "image": "i", "resources": {"requests": {"cpu": "-1"}}},
        "request above limit": {"name": "c", "image": "i",
                                "resources": {"requests": {"cpu": 2}, "limits": {"cpu": 1}}},
        "port zero": {"name": "c", "image": "i", "ports": [{"containerPort": 0}]},
        "port great": {"name": "c", "image": "i", "ports": [{"containerPort": 70000}]},
        "port a string": {"name": "c", "image": "i", "ports": [{"containerPort": "80"}]},
        "protocol": {"name": "c", "image": "i", "ports": [{"containerPort": 1, "protocol": "X"}]},
        "env without name": {"name": "c", "image": "i", "env": [{"value": "x"}]},
        "env twofold": {"name": "c", "image": "i", "env": [{"name": "a", "value": "x", "valueFrom": {}}]},
        "mount unknown": {"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/x"}]},
        "probe empty": {"name": "c", "image": "i", "livenessProbe": {}},
        "pull policy": {"name": "c", "image": "i", "imagePullPolicy": "Sometimes"},
        "command a string": {"name": "c", "image": "i", "command": "x"},
    }.items():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "new"}, "spec": {"containers": [container]}}
        yield "container: " + name, post(CORE + "/pods?dryRun=All", pod)


def patches():
    for name, text in {
        "empty": "", "an object": "{}", "a string": '"x"', "null": "null", "not JSON": "[", "an empty step": "[{}]",
        "step a string": '["x"]', "operation unknown": '[{"op":"nope","path":"/a"}]', "no path": '[{"op":"remove"}]',
        "path relative": '[{"op":"add","path":"a","value":1}]', "path absent": '[{"op":"remove","path":"/data/nope"}]',
        "parent absent": '[{"op":"add","path":"/x/y","value":1}]', "replace absent": '[{"op":"replace","path":"/x","value":1}]',
        "index out of range": '[{"op":"add","path":"/metadata/managedFields/99","value":{}}]',
        "index negative": '[{"op":"remove","path":"/metadata/managedFields/-1"}]',
        "index of letters": '[{"op":"remove","path":"/metadata/managedFields/x"}]',
        "test fails": '[{"op":"test","path":"/data/a","value":"z"}]', "test of absent": '[{"op":"test","path":"/zz","value":1}]',
        "copy from absent": '[{"op":"copy","from":"/zz","path":"/data/c"}]', "move into itself": '[{"op":"move","from":"/data","path":"/data/a"}]',
        "bad escape": '[{"op":"add","path":"/data/~2","value":"x"}]', "whole document removed": '[{"op":"remove","path":""}]',
        "whole document a string": '[{"op":"replace","path":"","value":"x"}]', "kind changed": '[{"op":"replace","path":"/kind","value":"Secret"}]',
        "name changed": '[{"op":"replace","path":"/metadata/name","value":"x"}]', "wrong type": '[{"op":"add","path":"/data","value":[]}]',
        "too many": "[%s]" % ",".join(['{"op":"test","path":"/kind","value":"ConfigMap"}'] * 10001),
    }.items():
        yield "JSON patch: " + name, patch(JSONPATCH, text)
    for kind, word in ((MERGE, "merge"), (STRATEGIC, "strategic")):
        for name, text in {
            "empty": "", "a list": "[]", "a string": '"x"', "null": "null", "not JSON": "{", "number": "1",
            "kind changed": '{"kind":"Secret"}', "version changed": '{"apiVersion":"v2"}', "name changed": '{"metadata":{"name":"x"}}',
            "name removed": '{"metadata":{"name":null}}', "metadata removed": '{"metadata":null}', "metadata a string": '{"metadata":"x"}',
            "namespace changed": '{"metadata":{"namespace":"x"}}', "uid changed": '{"metadata":{"uid":"x"}}',
            "stale": '{"metadata":{"resourceVersion":"1"}}', "version of resource bad": '{"metadata":{"resourceVersion":"x"}}',
            "data of numbers": '{"data":{"a":1}}', "data a list": '{"data":[]}', "labels bad": '{"metadata":{"labels":{"a b":"c"}}}',
            "deep": '{"a":' * 20000 + "1" + "}" * 20000,
        }.items():
            yield "%s patch: %s" % (word, name), patch(kind, text)
    for name, text in {
        "directive unknown": '{"$patch":"nope"}', "directive a number": '{"$patch":1}', "retain keys a string": '{"data":{"$retainKeys":"x"}}',
        "containers by no name": '{"spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}',
        "containers a string": '{"spec":{"template":{"spec":{"containers":"x"}}}}',
        "containers of strings": '{"spec":{"template":{"spec":{"containers":["x"]}}}}',
        "order without items": '{"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"zz"}],"containers":[{"name":"c","image":"j"}]}}}}',
        "delete from a primitive": '{"metadata":{"$deleteFromPrimitiveList/finalizers":"x"}}',
        "selector changed": '{"spec":{"selector":{"matchLabels":{"x":"y"}}}}',
    }.items():
        yield "strategic patch: " + name, patch(STRATEGIC, text, APPS + "/there")
    manager = ONE + "?fieldManager=m"
    for name, text in {
        "empty": "", "a list": "[]", "text": "x", "no kind": '{"metadata":{"name":"there"}}', "no name": '{"apiVersion":"v1","kind":"ConfigMap"}',
        "another name": json.dumps(config_map()), "another kind": '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"there"}}',
        "another version": '{"apiVersion":"v7","kind":"ConfigMap","metadata":{"name":"there"}}', "unknown field": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"there"},"x":1}',
        "managers given": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"there","managedFields":[{}]}}',
        "data of numbers": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"there"},"data":{"a":1}}',
        "a conflict": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"there"},"data":{"a":"other"}}',
    }.items():
        yield "apply: " + name, patch(APPLY, text, manager)
    yield "patch of what is not there", patch(MERGE, {}, MAPS + "/nope")
    yield "apply in a namespace that is not there", patch(
        APPLY, config_map(), "/api/v1/namespaces/nope/configmaps/new?fieldManager=m"
    )


def changes():
    for name, body in {
        "another name": config_map(), "no name": config_map(metadata={}), "stale": config_map(metadata={"name": "there", "resourceVersion": "1"}),
        "bad version": config_map(metadata={"name": "there", "resourceVersion": "x"}),
        "another uid": config_map(metadata={"name": "there", "uid": "x"}), "another namespace": config_map(metadata={"name": "there", "namespace": "x"}),
        "another kind": config_map(kind="Secret"), "empty": {},
    }.items():
        yield "put: " + name, http("PUT", ONE, json.dumps(body))
    yield "put: of what is not there", http("PUT", MAPS + "/nope", json.dumps(config_map(metadata={"name": "nope", "resourceVersion": "1"})))
    for name, body in {
        "not JSON": "{", "another kind": '{"kind":"Pod","apiVersion":"v1"}', "a list": "[]", "grace a string": '{"gracePeriodSeconds":"x"}',
        "policy unknown": '{"propagationPolicy":"Nope"}', "both policies": '{"propagationPolicy":"Orphan","orphanDependents":true}',
        "dry run unknown": '{"dryRun":["x"]}', "another uid": '{"preconditions":{"uid":"x"}}', "another version": '{"preconditions":{"resourceVersion":"1"}}',
    }.items():
        yield "delete: " + name, http("DELETE", ONE, body)
    yield "delete: of what is not there", http("DELETE", MAPS + "/nope")
    yield "delete: of the namespace that stays", http("DELETE", CORE)
    yield "collection: bad selector", http("DELETE", MAPS + "?labelSelector=!!")
    yield "collection: bad field", http("DELETE", MAPS + "?fieldSelector=x%3dy")
    yield "create: there already", post(MAPS, config_map(metadata={"name": "there"}))
    yield "create: in no namespace", post("/api/v1/configmaps", config_map())
    yield "create: in a namespace that is not there", post("/api/v1/namespaces/nope/configmaps", config_map())
    yield "create: at an object", post(ONE, config_map())
    for name, body in {
        "empty": {}, "no resource": {"spec": {}}, "both": {"spec": {"user": "a", "resourceAttributes": {}, "nonResourceAttributes": {}}},
    }.items():
        whole = dict({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview"}, **body)
        yield "review: " + name, post("/apis/authorization.k8s.io/v1/subjectaccessreviews", whole)
    token = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    yield "token: too short", post(CORE + "/serviceaccounts/default/token", dict(token, spec={"expirationSeconds": 5}))
    yield "token: too long", post(CORE + "/serviceaccounts/default/token", dict(token, spec={"expirationSeconds": 1 << 33}))
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "there"}, "spec": {"replicas": -1}}
    yield "scale: negative", http("PUT", APPS + "/there/scale", json.dumps(scale))
    yield "scale: another name", http("PUT", APPS + "/there/scale", json.dumps(dict(scale, metadata={"name": "x"})))


PARTS = (wire, methods, paths, queries, headers, bodies, other_bodies, patches, changes)


def table():
    out = []
    for part in PARTS:
        out += [("%s: %s" % (part.__name__.replace("_", " "), name), data) for name, data in part()]
    names = [name for name, _ in out]
    assert len(names) == len(set(names)), {n for n in names if names.count(n) > 1}
    return out
