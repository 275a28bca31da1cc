#!/usr/bin/python3
"""Every object, read in every version that serves it and written back as it was read: nothing
changes, and who owns which field stays known. all_versions.py KUBECONFIG
"""

import sys
import warnings

warnings.filterwarnings("ignore")
from kubernetes import client, config  # noqa: E402
from kubernetes.client.rest import ApiException  # noqa: E402

# What cannot be written back as it stands, each with why.
APART = {
    ("Endpoints", "kubernetes"): "a test's server stands at an address of the loopback",
    ("EndpointSlice", "kubernetes"): "so does its slice",
    ("HorizontalPodAutoscaler", "old-web"): "autoscaling/v1 puts the processor's metric last",
}
api = client.ApiClient(config.load_kube_config(sys.argv[1]))


def ask(method, path, body=None):
    answer = api.call_api(
        path, method, body=body, auth_settings=["BearerToken"], response_type="object",
        header_params={"Content-Type": "application/json", "Accept": "application/json"},
        _return_http_data_only=True)
    return answer


def versions():
    """The version's name and where it is served."""
    yield "v1", "/api/v1"
    for group in ask("GET", "/apis")["groups"]:
        for version in group["versions"]:
            yield version["groupVersion"], "/apis/" + version["groupVersion"]


def resources(root):
    for resource in ask("GET", root)["resources"]:
        if "/" not in resource["name"] and {"get", "list", "update"} <= set(resource["verbs"]):
            yield resource


def differences(path):
    old = ask("GET", path)
    try:
        new = ask("PUT", path, old)
    except ApiException as e:
        return "%s %s" % (e.status, e.body)
    return ["%s: %.300s, %.300s" % (k, old.get(k), new.get(k))
            for k in {**old, **new} if old.get(k) != new.get(k)]


def main():
    written, bad, kinds = 0, 0, set()
    for version, root in versions():
        for resource in resources(root):
            for item in ask("GET", root + "/" + resource["name"])["items"]:
                meta = item["metadata"]
                if (resource["kind"], meta["name"]) in APART:
                    continue
                within = "/namespaces/" + meta["namespace"] if "namespace" in meta else ""
                path = "%s%s/%s/%s" % (root, within, resource["name"], meta["name"])
                found = differences(path)
                written, bad = written + 1, bad + bool(found)
                kinds.add((version, resource["kind"]))
                if found:
                    print("FAIL %s: %s" % (path, found))
    print("%d objects written back, of %d kinds, %d changed" % (written, len(kinds), bad))
    raise SystemExit(1 if bad or len(kinds) < 45 else 0)


main()
