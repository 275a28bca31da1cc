// The JavaScript client, @kubernetes/client-node, against the server:
//   node js_client.mjs CLIENTS_FOLDER KUBECONFIG
// CLIENTS_FOLDER is where packaging/setup --tests has put it.
import { attempt, check, config, finish, k8s, until } from '../harness/client_node.mjs';

// The status code a call is refused with, 0 when it is not.
async function refused(call) {
	try {
		await call();
		return 0;
	} catch (e) {
		return e.code ?? String(e);
	}
}

const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const namespace = 'js';
const as = (strategy) => k8s.setHeaderOptions('Content-Type', strategy);
const map = (name, data) => ({ metadata: { name, labels: { set: 'a' } }, data });

async function discovery() {
	const version = await config.makeApiClient(k8s.VersionApi).getCode();
	check('version', version.major === '1' && version.minor === '36', version);
	const groups = await config.makeApiClient(k8s.ApisApi).getAPIVersions();
	check('groups', groups.groups.some((g) => g.name === 'apps'), groups);
	const resources = await apps.getAPIResources();
	check('resources', resources.resources.some((r) => r.name === 'deployments/scale'), resources);
}

async function objects() {
	await core.createNamespace({ body: { metadata: { name: namespace } } });
	const made = await core.createNamespacedConfigMap({ namespace, body: map('one', { a: '1' }) });
	check('create', made.metadata.uid && made.data.a === '1', made);
	check('a time is a Date', made.metadata.creationTimestamp instanceof Date, made.metadata);
	const again = () => core.createNamespacedConfigMap({ namespace, body: map('one') });
	check('create twice', (await refused(again)) === 409);
	const bad = () => core.createNamespacedConfigMap({ namespace, body: map('Bad_Name') });
	check('a bad name', (await refused(bad)) === 422);
	check('not found', (await refused(() => core.readNamespacedConfigMap({ name: 'no', namespace }))) === 404);

	made.data.b = '2';
	const put = await core.replaceNamespacedConfigMap({ name: 'one', namespace, body: made });
	check('replace', put.data.b === '2' && put.metadata.resourceVersion > made.metadata.resourceVersion, put);
	check('replace of what has changed', (await refused(() =>
		core.replaceNamespacedConfigMap({ name: 'one', namespace, body: made }))) === 409);

	const one = { name: 'one', namespace };
	const merged = await core.patchNamespacedConfigMap({ ...one, body: { data: { c: '3' } } },
		as(k8s.PatchStrategy.MergePatch));
	check('merge patch', merged.data.c === '3', merged.data);
	const steps = [{ op: 'remove', path: '/data/c' }];
	const cut = await core.patchNamespacedConfigMap({ ...one, body: steps }, as(k8s.PatchStrategy.JsonPatch));
	check('JSON patch', cut.data.c === undefined, cut.data);
	const strategic = await core.patchNamespacedConfigMap({ ...one, body: { data: { d: '4' } } },
		as(k8s.PatchStrategy.StrategicMergePatch));
	check('strategic patch', strategic.data.d === '4', strategic.data);
	const applied = await core.patchNamespacedConfigMap({ ...one, fieldManager: 'js', force: true,
		body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one' }, data: { e: '5' } } },
	as(k8s.PatchStrategy.ServerSideApply));
	check('apply', applied.metadata.managedFields.some((m) => m.manager === 'js' && m.operation === 'Apply'), applied);
	const dry = await core.createNamespacedConfigMap({ namespace, dryRun: 'All', body: map('dry') });
	check('dry run', dry.metadata.uid && (await refused(() =>
		core.readNamespacedConfigMap({ name: 'dry', namespace }))) === 404, dry);
}

async function lists() {
	for (let i = 0; i < 7; i++) {
		await core.createNamespacedConfigMap({ namespace, body: map(`page-${i}`) });
	}
	const names = [];
	let _continue;
	do {
		const page = await core.listNamespacedConfigMap({ namespace, limit: 3, _continue });
		names.push(...page.items.map((x) => x.metadata.name));
		_continue = page.metadata._continue;
	} while (_continue);
	check('pages', names.length === 8 && new Set(names).size === 8, names);
	const some = await core.listNamespacedConfigMap({ namespace, fieldSelector: 'metadata.name=page-3' });
	check('field selector', some.items.length === 1, some.items.length);
	const none = await core.listNamespacedConfigMap({ namespace, labelSelector: 'set=b' });
	check('label selector', none.items.length === 0, none.items.length);
	const all = await core.listConfigMapForAllNamespaces({ labelSelector: 'set=a' });
	check('all namespaces', all.items.length === 8, all.items.length);
	const bad = () => core.listNamespacedConfigMap({ namespace, labelSelector: 'a in (' });
	check('a bad selector', (await refused(bad)) === 400);
}

async function workloads() {
	const labels = { app: 'web' };
	const body = { metadata: { name: 'web' }, spec: { replicas: 1, selector: { matchLabels: labels },
		template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'registry.test/web:1' }] } } } };
	await apps.createNamespacedDeployment({ namespace, body });
	const scale = await apps.readNamespacedDeploymentScale({ name: 'web', namespace });
	scale.spec.replicas = 4;
	await apps.replaceNamespacedDeploymentScale({ name: 'web', namespace, body: scale });
	const web = await apps.readNamespacedDeployment({ name: 'web', namespace });
	check('scale', web.spec.replicas === 4 && web.metadata.generation === 2, web.spec.replicas);
	web.status = { replicas: 4, readyReplicas: 2 };
	const status = await apps.replaceNamespacedDeploymentStatus({ name: 'web', namespace, body: web });
	check('status', status.status.readyReplicas === 2 && status.spec.replicas === 4, status.status);
	const objects = k8s.KubernetesObjectApi.makeApiClient(config);
	const read = await objects.read({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace } });
	check('any object, read by its kind', read.spec.replicas === 4, read);
	const gone = await apps.deleteNamespacedDeployment({ name: 'web', namespace, propagationPolicy: 'Background' });
	check('delete', gone.status === 'Success', gone);
}

async function watches() {
	const seen = [];
	const watch = new k8s.Watch(config);
	const start = (await core.listNamespacedConfigMap({ namespace })).metadata.resourceVersion;
	const where = `/api/v1/namespaces/${namespace}/configmaps`;
	let ended;
	const controller = await watch.watch(where, { resourceVersion: start, allowWatchBookmarks: true },
		(type, object) => seen.push(`${type} ${object.metadata.name}`), (e) => { ended = e ?? 'end'; });
	await core.createNamespacedConfigMap({ namespace, body: map('seen') });
	await core.patchNamespacedConfigMap({ name: 'seen', namespace, body: { data: { x: 'y' } } },
		as(k8s.PatchStrategy.MergePatch));
	await core.deleteNamespacedConfigMap({ name: 'seen', namespace });
	await until(() => seen.length >= 3);
	check('watch', seen.join() === 'ADDED seen,MODIFIED seen,DELETED seen', seen);
	controller.abort();
	check('a watch can be ended', await until(() => ended), ended);

	const missed = [];
	await watch.watch(where, { resourceVersion: start, timeoutSeconds: 1 },
		(type, object) => missed.push(`${type} ${object.metadata.name}`), () => missed.push('end'));
	await until(() => missed.includes('end'));
	check('a watch from the past sees all of it', missed.join() === 'ADDED seen,MODIFIED seen,DELETED seen,end', missed);
}

async function informers() {
	const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: 'set=a' });
	const informer = k8s.makeInformer(config, `/api/v1/namespaces/${namespace}/configmaps`, list, 'set=a');
	const seen = { add: [], update: [], delete: [], connect: 0, error: [] };
	for (const verb of ['add', 'update', 'delete']) informer.on(verb, (x) => seen[verb].push(x.metadata.name));
	informer.on('connect', () => seen.connect++);
	informer.on('error', (e) => seen.error.push(String(e)));
	await informer.start();
	await until(() => seen.add.length >= 8);
	check('an informer lists', seen.add.length === 8 && informer.list().length === 8, seen.add);
	await core.createNamespacedConfigMap({ namespace, body: map('late') });
	await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'other' } } });
	await core.patchNamespacedConfigMap({ name: 'late', namespace, body: { data: { x: 'y' } } },
		as(k8s.PatchStrategy.MergePatch));
	await until(() => seen.update.length);
	check('an informer follows', seen.add.at(-1) === 'late' && seen.update.includes('late'), seen);
	check('only what it selects', !seen.add.includes('other'), seen.add);
	await core.patchNamespacedConfigMap({ name: 'late', namespace, body: { metadata: { labels: { set: null } } } },
		as(k8s.PatchStrategy.MergePatch));
	check('what leaves the selection is gone', await until(() => seen.delete.includes('late')), seen.delete);
	await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'set=a' });
	check('a collection goes', await until(() => informer.list().length === 0), informer.list().length);
	check('without an error', seen.error.length === 0, seen.error);
	await informer.stop();
}

async function resumption() {
	// A version that is forgotten: 410, and whoever watches lists anew.
	const errors = [];
	const events = [];
	await core.createNamespacedConfigMap({ namespace, body: map('old') });
	await new Promise((r) => setTimeout(r, 3500));
	const watch = new k8s.Watch(config);
	let ended;
	await watch.watch('/api/v1/configmaps', { resourceVersion: '1' },
		(type, object) => (type === 'ERROR' ? errors.push(object) : events.push(type)), (e) => { ended = e ?? 'end'; });
	await until(() => ended || errors.length);
	const gone = errors[0]?.code ?? ended?.statusCode;
	check('a version that is forgotten is told as 410', gone === 410, [errors, String(ended), events]);
	const stale = () => core.listConfigMapForAllNamespaces({ resourceVersion: '1', resourceVersionMatch: 'Exact' });
	check('and so in a list', (await refused(stale)) === 410);
}

async function access() {
	const authorization = config.makeApiClient(k8s.AuthorizationV1Api);
	const review = await authorization.createSubjectAccessReview({ body: { spec: { user: 'eve',
		resourceAttributes: { verb: 'get', resource: 'secrets', namespace } } } });
	check('who may what', review.status.allowed === false, review.status);
	const account = { name: 'robot', namespace };
	await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: 'robot' } } });
	const token = await core.createNamespacedServiceAccountToken({ ...account, body: { spec: { audiences: [] } } });
	const robot = new k8s.KubeConfig();
	robot.loadFromOptions({ ...config, users: [{ name: 'robot', token: token.status.token }],
		contexts: [{ name: 'r', user: 'robot', cluster: config.clusters[0].name }], currentContext: 'r' });
	const self = await robot.makeApiClient(k8s.AuthenticationV1Api).createSelfSubjectReview({ body: {} });
	check('a token of a service account', self.status.userInfo.username === `system:serviceaccount:${namespace}:robot`, self);
	const denied = () => robot.makeApiClient(k8s.CoreV1Api).listNamespacedSecret({ namespace });
	check('that may nothing', (await refused(denied)) === 403);
}

// Objects of a definition, in two versions, through the generic client and an informer.
async function custom() {
	const definitions = config.makeApiClient(k8s.ApiextensionsV1Api);
	const objects = config.makeApiClient(k8s.CustomObjectsApi);
	const schema = { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object',
		properties: { size: { type: 'integer', _default: 1 }, note: { type: 'string' } } } } } };
	const version = (name, storage) => ({ name, served: true, storage, schema, subresources: { status: {} } });
	const name = 'widgets.js.example.com';
	await definitions.createCustomResourceDefinition({ body: { metadata: { name }, spec: {
		group: 'js.example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' },
		versions: [version('v1', true), version('v2', false)] } } });
	const at = { group: 'js.example.com', version: 'v1', plural: 'widgets', namespace };
	const list = () => objects.listNamespacedCustomObject(at);
	let served = false;
	for (let i = 0; i < 100 && !served; i++) {
		served = (await refused(list)) === 0;
		if (!served) await new Promise((r) => setTimeout(r, 50));
	}
	check('a definition is served', served, served);
	const widget = (id, spec) => ({ apiVersion: 'js.example.com/v1', kind: 'Widget', metadata: { name: id }, spec });
	await objects.createNamespacedCustomObject({ ...at, body: widget('one', { note: 'a' }) });
	const informer = k8s.makeInformer(config, `/apis/js.example.com/v2/namespaces/${namespace}/widgets`,
		() => objects.listNamespacedCustomObject({ ...at, version: 'v2' }));
	const seen = { add: [], update: [], delete: [], error: [] };
	for (const verb of ['add', 'update', 'delete']) informer.on(verb, (x) => seen[verb].push(x));
	informer.on('error', (e) => seen.error.push(String(e)));
	await informer.start();
	check('its objects are listed', await until(() => seen.add.length === 1), seen);
	check('in the version asked for', seen.add[0].apiVersion === 'js.example.com/v2' && seen.add[0].spec.size === 1, seen.add);
	await objects.createNamespacedCustomObject({ ...at, body: widget('two', { size: 5 }) });
	await objects.patchNamespacedCustomObject({ ...at, name: 'two', body: { spec: { size: 6 } } },
		as(k8s.PatchStrategy.MergePatch));
	check('and followed', await until(() => seen.update.some((x) => x.spec.size === 6)), seen);
	check('a wrong one is refused', (await refused(() => objects.createNamespacedCustomObject({ ...at,
		body: widget('bad', { size: 'x' }) }))) === 422);
	await objects.deleteNamespacedCustomObject({ ...at, name: 'one' });
	check('what goes is told', await until(() => seen.delete.some((x) => x.metadata.name === 'one')), seen.delete);
	await definitions.deleteCustomResourceDefinition({ name });
	check('the end of the definition takes the rest', await until(() => seen.delete.length === 2), seen.delete);
	await informer.stop();
}

for (const part of [discovery, objects, lists, workloads, watches, informers, resumption, access, custom]) await attempt(part.name, part);
finish();
