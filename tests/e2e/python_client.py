#!/usr/bin/python3
"""The Python client (python3-kubernetes) against the server: python_client.py KUBECONFIG.

The server is to forget changes after two seconds: --etcd-compaction-interval=2s.
"""

import sys
import threading
import time
import warnings

warnings.filterwarnings("ignore")
from kubernetes import client, config, dynamic, watch  # noqa: E402
from kubernetes.client.rest import ApiException  # noqa: E402
from kubernetes.leaderelection import electionconfig, leaderelection  # noqa: E402
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock  # noqa: E402

NS = "python"
passed = failed = 0


def check(name, good, seen=None):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print("ok   " + name if good else "FAIL %s: %.500s" % (name, seen))


def refused(call, *words, **named):
    """The status a call is refused with, 0 when it is not."""
    try:
        call(*words, **named)
        return 0
    except ApiException as e:
        return e.status


def config_map(name, data=None, **labels):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels=labels), data=data)


def objects(core):
    core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NS)))
    made = core.create_namespaced_config_map(NS, config_map("one", {"a": "1"}, set="a"))
    check("create", made.metadata.uid and made.data == {"a": "1"}, made)
    check("a time", made.metadata.creation_timestamp.tzinfo is not None, made.metadata)
    check("create twice", refused(core.create_namespaced_config_map, NS, config_map("one")) == 409)
    check("a bad name", refused(core.create_namespaced_config_map, NS, config_map("A_b")) == 422)
    check("not found", refused(core.read_namespaced_config_map, "no", NS) == 404)
    made.data["b"] = "2"
    put = core.replace_namespaced_config_map("one", NS, made)
    check("replace", put.data == {"a": "1", "b": "2"}, put.data)
    status = refused(core.replace_namespaced_config_map, "one", NS, made)
    check("replace of what has changed", status == 409, status)
    patched = core.patch_namespaced_config_map("one", NS, {"data": {"c": "3", "a": None}})
    check("patch", patched.data == {"b": "2", "c": "3"}, patched.data)
    steps = [{"op": "remove", "path": "/data/c"}]
    check("JSON patch", core.patch_namespaced_config_map("one", NS, steps).data == {"b": "2"})
    dry = core.create_namespaced_config_map(NS, config_map("dry"), dry_run="All")
    absent = refused(core.read_namespaced_config_map, "dry", NS) == 404
    check("dry run", dry.metadata.uid and absent, dry)


def lists(core):
    for i in range(7):
        core.create_namespaced_config_map(NS, config_map("page-%d" % i, set="a"))
    names, more = [], None
    while more != "":
        page = core.list_namespaced_config_map(NS, limit=3, _continue=more)
        names += [x.metadata.name for x in page.items]
        more = page.metadata._continue or ""
    check("pages", names == ["one"] + ["page-%d" % i for i in range(7)], names)
    some = core.list_namespaced_config_map(NS, field_selector="metadata.name=page-3").items
    check("field selector", len(some) == 1, some)
    some = core.list_namespaced_config_map(NS, label_selector="set in (a,b)").items
    check("label selector", len(some) == 8, len(some))
    status = refused(core.list_namespaced_config_map, NS, label_selector="a in (")
    check("a bad selector", status == 400, status)


def workloads(apps, batch):
    labels = {"app": "web"}
    pod = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=labels),
        spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="registry.test/c:1")]),
    )
    spec = client.V1DeploymentSpec(
        selector=client.V1LabelSelector(match_labels=labels), template=pod, replicas=1
    )
    meta = client.V1ObjectMeta(name="web")
    web = apps.create_namespaced_deployment(NS, client.V1Deployment(metadata=meta, spec=spec))
    check("defaults", web.spec.strategy.rolling_update.max_surge == "25%", web.spec.strategy)
    apps.patch_namespaced_deployment_scale("web", NS, {"spec": {"replicas": 3}})
    web = apps.read_namespaced_deployment("web", NS)
    check("scale", web.spec.replicas == 3 and web.metadata.generation == 2, web.spec.replicas)
    web = apps.patch_namespaced_deployment_status("web", NS, {"status": {"replicas": 3}})
    check("status", web.status.replicas == 3, web.status)
    gone = apps.delete_namespaced_deployment("web", NS)
    check("delete", gone.status == "Success", gone)
    pod.spec.restart_policy = "Never"
    job = client.V1Job(metadata=client.V1ObjectMeta(name="job"), spec=client.V1JobSpec(template=pod))
    job = batch.create_namespaced_job(NS, job)
    check("a job's own labels", "controller-uid" in str(job.spec.template.metadata.labels), job)


def watches(core):
    start = core.list_namespaced_config_map(NS).metadata.resource_version
    core.create_namespaced_config_map(NS, config_map("seen"))
    core.patch_namespaced_config_map("seen", NS, {"data": {"x": "y"}})
    core.delete_namespaced_config_map("seen", NS)
    stream = watch.Watch().stream(
        core.list_namespaced_config_map, NS, resource_version=start, timeout_seconds=1
    )
    seen = [(e["type"], e["object"].metadata.name) for e in stream]
    want = [("ADDED", "seen"), ("MODIFIED", "seen"), ("DELETED", "seen")]
    check("watch", seen == want, seen)
    all_of_it = watch.Watch().stream(core.list_namespaced_config_map, NS, timeout_seconds=1)
    names = [e["object"].metadata.name for e in all_of_it if e["type"] == "ADDED"]
    check("a watch from nothing begins with what is there", len(names) == 8, names)


def resumption(core):
    """A watch goes on after its version has been forgotten: 410, a list, and on."""
    old = core.create_namespaced_config_map(NS, config_map("old")).metadata.resource_version
    for i in range(4):
        time.sleep(1)
        core.patch_namespaced_config_map("old", NS, {"data": {"i": str(i)}})
    status = 0
    try:
        past = watch.Watch().stream(
            core.list_namespaced_config_map, NS, resource_version=old, timeout_seconds=5
        )
        for _ in past:
            pass
    except ApiException as e:
        status = e.status
    check("a version that is forgotten is told as 410", status == 410, status)
    status = refused(core.list_namespaced_config_map, NS, resource_version=old,
                     resource_version_match="Exact")
    check("and so in a list", status == 410, status)
    now = core.list_namespaced_config_map(NS).metadata.resource_version
    core.patch_namespaced_config_map("old", NS, {"data": {"i": "last"}})
    seen = watch.Watch().stream(
        core.list_namespaced_config_map, NS, resource_version=now, timeout_seconds=1
    )
    seen = [e["object"].data["i"] for e in seen]
    check("after a list the watch goes on", seen == ["last"], seen)


def by_kind(api):
    resources = dynamic.DynamicClient(api).resources
    pods = resources.get(api_version="v1", kind="Pod")
    check("kinds are discovered", pods.name == "pods" and pods.namespaced, pods)
    maps = resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}, "data": {"a": "b"}}
    check("create by kind", maps.create(body=body, namespace=NS).data.a == "b")
    body["data"] = {"a": "c"}
    mime = "application/strategic-merge-patch+json"
    check("patch by kind", maps.patch(body=body, namespace=NS, content_type=mime).data.a == "c")
    check("get by kind", maps.get(name="d", namespace=NS).data.a == "c")
    check("delete by kind", maps.delete(name="d", namespace=NS).status == "Success")


class Candidate(threading.Thread):
    """One that would lead: through the lock every client of this library uses."""

    def __init__(self, name, log):
        super().__init__(daemon=True)
        self.name, self.log = name, log

    def run(self):
        election = electionconfig.Config(
            ConfigMapLock("lock", NS, self.name), lease_duration=4, renew_deadline=3, retry_period=1,
            onstarted_leading=lambda: self.log.append("leads " + self.name),
            onstopped_leading=lambda: self.log.append("ends " + self.name),
        )
        leaderelection.LeaderElection(election).run()


def election(core):
    log = []
    Candidate("first", log).start()
    wait(lambda: log)
    Candidate("second", log).start()
    time.sleep(2.5)
    check("one leads, the other waits", log == ["leads first"], log)
    # Somebody else holds the record and renews it no more: the first steps down, the lease ends.
    record = core.read_namespaced_config_map("lock", NS)
    key = "control-plane.alpha.kubernetes.io/leader"
    held = record.metadata.annotations[key]
    check("the record names who leads", "'first'" in held or '"first"' in held, held)
    core.patch_namespaced_config_map(
        "lock", NS, {"metadata": {"annotations": {key: held.replace("first", "ghost")}}}
    )
    check("who has lost the record ends", wait(lambda: "ends first" in log), log)
    check("the next leads after the lease", wait(lambda: "leads second" in log), log)


def leases(coordination):
    """Leases as other libraries use them: whoever writes on what it has read wins, once."""
    spec = client.V1LeaseSpec(holder_identity="a", lease_duration_seconds=15)
    meta = client.V1ObjectMeta(name="lead")
    lease = coordination.create_namespaced_lease(NS, client.V1Lease(metadata=meta, spec=spec))
    other = coordination.read_namespaced_lease("lead", NS)
    lease.spec.holder_identity, other.spec.holder_identity = "b", "c"
    check("a lease is taken", refused(coordination.replace_namespaced_lease, "lead", NS, lease) == 0)
    check("once", refused(coordination.replace_namespaced_lease, "lead", NS, other) == 409)


def wait(condition):
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.1)
    return False


def main():
    config.load_kube_config(sys.argv[1])
    api = client.ApiClient()
    core, apps, batch = client.CoreV1Api(), client.AppsV1Api(), client.BatchV1Api()
    parts = [
        lambda: objects(core), lambda: lists(core), lambda: workloads(apps, batch),
        lambda: watches(core), lambda: by_kind(api), lambda: leases(client.CoordinationV1Api()),
        lambda: resumption(core), lambda: election(core),
    ]
    for number, part in enumerate(parts):
        try:
            part()
        except Exception as e:  # whatever the client finds wrong with an answer
            check("part %d" % number, False, "%s: %s" % (type(e).__name__, e))
    print("%d passed, %d failed" % (passed, failed))
    sys.stdout.flush()
    raise SystemExit(failed != 0)


main()
