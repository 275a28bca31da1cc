// Objects of operators' kinds through @kubernetes/client-node: each is followed by a watch while it
// is created, read, listed, patched, replaced and deleted.
//   node operators.mjs CLIENTS_FOLDER KUBECONFIG OBJECTS
import fs from 'node:fs';
import { attempt, check, config, finish, k8s, rest, until } from '../harness/client_node.mjs';

const [file] = rest;
const objects = config.makeApiClient(k8s.CustomObjectsApi);
const merge = k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch);
const plurals = { ClusterIssuer: 'clusterissuers', Certificate: 'certificates', ServiceMonitor: 'servicemonitors',
	Prometheus: 'prometheuses', PrometheusRule: 'prometheusrules', Application: 'applications', Workflow: 'workflows',
	Gateway: 'gateways', HTTPRoute: 'httproutes', VolumeSnapshotClass: 'volumesnapshotclasses',
	VolumeSnapshot: 'volumesnapshots', VolumeSnapshotContent: 'volumesnapshotcontents' };
const cluster = /^(ClusterIssuer|VolumeSnapshotClass|VolumeSnapshotContent)$/;

async function life(object) {
	const [group, version] = object.apiVersion.split('/');
	const global = cluster.test(object.kind);
	const scope = global ? 'ClusterCustomObject' : 'NamespacedCustomObject';
	const at = { group, version, plural: plurals[object.kind], ...(global ? {} : { namespace: 'default' }) };
	const name = 'by-js';
	const url = `/apis/${group}/${version}/${global ? '' : 'namespaces/default/'}${at.plural}`;
	const seen = [];
	const list = await objects[`list${scope}`](at);
	check(`${object.kind}: listed`, list.kind === `${object.kind}List` && list.items.length >= 1, list);
	const request = await new k8s.Watch(config).watch(url, { resourceVersion: list.metadata.resourceVersion },
		(type, o) => seen.push([type, o.metadata?.generation, o.metadata?.labels?.by]), () => {});
	const made = await objects[`create${scope}`]({ ...at, body: { ...object, metadata: { name } } });
	check(`${object.kind}: created`, made.metadata.uid && made.metadata.generation === 1, made.metadata);
	const patched = await objects[`patch${scope}`]({ ...at, name, body: { metadata: { labels: { by: 'js' } } } }, merge);
	check(`${object.kind}: a label is no new generation`, patched.metadata.generation === 1 && patched.metadata.labels.by === 'js', patched.metadata);
	patched.metadata.labels.by = 'put';
	const put = await objects[`replace${scope}`]({ ...at, name, body: patched });
	const stale = await objects[`replace${scope}`]({ ...at, name, body: patched }).then(() => 0, (e) => e.code);
	check(`${object.kind}: replaced once`, put.metadata.labels.by === 'put' && stale === 409, stale);
	const read = await objects[`get${scope}`]({ ...at, name });
	check(`${object.kind}: read as it was written`, JSON.stringify(read) === JSON.stringify(put), read);
	await objects[`delete${scope}`]({ ...at, name });
	const wanted = JSON.stringify([['ADDED', 1, undefined], ['MODIFIED', 1, 'js'], ['MODIFIED', 1, 'put'], ['DELETED', 1, 'put']]);
	await until(() => seen.length >= 4);
	check(`${object.kind}: the watch has seen it all`, JSON.stringify(seen) === wanted, seen);
	request.abort();
}

for (const object of k8s.loadAllYaml(fs.readFileSync(file, 'utf8'))) {
	await attempt(object.kind, () => life(object));
}
finish();
