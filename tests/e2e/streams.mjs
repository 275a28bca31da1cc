// What the JavaScript client, @kubernetes/client-node, has for looking into pods: commands, attach,
// ports, logs, files, figures.
//   node streams.mjs CLIENTS_FOLDER KUBECONFIG
// Pods "web" (nginx, also at port 80) and "talker" (says what it hears) run in the namespace default.
import { PassThrough, Readable, Writable } from 'node:stream';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { attempt, check, config, finish, k8s, until } from '../harness/client_node.mjs';

class Sink extends Writable {
	text = '';
	size = 0;
	_write(chunk, _, done) {
		this.size += chunk.length;
		if (this.size < 100000) this.text += chunk;
		done();
	}
}

const core = config.makeApiClient(k8s.CoreV1Api);

// A command to its end: what it said and how it ended.
async function run(pod, command, input, tty = false) {
	const out = new Sink();
	const err = new Sink();
	let status;
	let closed = false;
	const socket = await new k8s.Exec(config).exec('default', pod, '', command, out, tty ? null : err,
		input, tty, (s) => { status = s; });
	socket.addEventListener('close', () => { closed = true; });
	await until(() => status && closed);
	return { out, err, status, closed };
}

async function commands() {
	const both = await run('web', ['sh', '-c', 'echo out; echo err >&2']);
	check('a command, its output and errors', both.out.text === 'out\n' && both.err.text === 'err\n', both);
	check('its success', both.status?.status === 'Success' && both.closed, both.status);
	const seven = await run('web', ['sh', '-c', 'exit 7']);
	const cause = seven.status?.details?.causes?.[0];
	check('its code', seven.status?.reason === 'NonZeroExitCode' && cause?.reason === 'ExitCode' && cause?.message === '7', seven.status);
	const none = await run('web', ['nothing-there']);
	check('no such command', none.status?.status === 'Failure' && none.status?.code === 500, none.status);
	const echo = await run('web', ['cat'], Readable.from([Buffer.from('typed '), Buffer.from('twice')]));
	check('its input, and the end of it', echo.out.text === 'typed twice' && echo.status?.status === 'Success', echo);
	const large = await run('web', ['wc', '-c'], Readable.from([Buffer.alloc(1 << 20), Buffer.alloc(1 << 20)]));
	check('two megabytes of input', large.out.text.trim() === '2097152', large.out.text);
	const zeros = await run('web', ['head', '-c', '5000000', '/dev/zero']);
	check('five megabytes of output', zeros.out.size === 5000000, zeros.out.size);
	const tty = await run('web', ['tty'], null, true);
	check('a terminal', /\/dev\/pts\//.test(tty.out.text) && tty.status?.status === 'Success', tty);
	const words = ['sh', '-c', 'printf "%s|" "$@"', 'x', 'a b', '', 'ü&=+%', '$HOME'];
	const kept = await run('web', words);
	check('words arrive as they are', kept.out.text === 'a b||ü&=+%|$HOME|', kept.out.text);
	const refused = await run('nobody', ['true']).then(() => '', (e) => String(e.message ?? e));
	check('no such pod', /404/.test(refused), refused);
}

async function ports() {
	const input = new PassThrough();
	const output = new Sink();
	const error = new Sink();
	const socket = await new k8s.PortForward(config).portForward('default', 'web', [80], output, error, input);
	input.write('GET /healthz HTTP/1.1\r\nHost: web\r\n\r\n');
	await until(() => output.text.endsWith('ok\n'));
	input.write('GET /hostname HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n');
	await until(() => output.text.endsWith('web\n'));
	check('a port, twice', /^HTTP\/1.1 200[^]*ok\nHTTP\/1.1 200[^]*web\n$/.test(output.text), output.text);
	check('without an error', error.text === '', error.text);
	socket.close();
	const closed = new Sink();
	const other = await new k8s.PortForward(config).portForward('default', 'web', [81], new Sink(), closed, new PassThrough());
	await until(() => closed.text);
	check('a port that nobody listens at', /connection refused/i.test(closed.text), closed.text);
	other.close();
}

async function attach() {
	const input = new PassThrough();
	const output = new Sink();
	const socket = await new k8s.Attach(config).attach('default', 'talker', 'sh', output, null, input, false);
	input.write('from js\n');
	check('attached', await until(() => output.text.includes('heard from js')), output.text);
	socket.close();
}

async function logs() {
	const log = new k8s.Log(config);
	const read = async (options) => {
		const sink = new Sink();
		let ended = false;
		sink.on('finish', () => { ended = true; });
		const request = await log.log('default', 'talker', 'sh', sink, options);
		return { sink, request, ended: () => ended };
	};
	const last = await read({ tailLines: 1, timestamps: true });
	await until(last.ended);
	check('the end of a log', /^\d{4}-\d\d-\d\dT[\d:]+\.\d+Z heard from js\n$/.test(last.sink.text), last.sink.text);
	const followed = await read({ follow: true, tailLines: 1 });
	const input = new PassThrough();
	const socket = await new k8s.Attach(config).attach('default', 'talker', 'sh', null, null, input, false);
	input.write('and more\n');
	check('followed', await until(() => followed.sink.text === 'heard from js\nheard and more\n'), followed.sink.text);
	followed.request.abort();
	socket.close();
	const code = await log.log('default', 'talker', 'nobody', new Sink(), {}).then(() => 0, (e) => e.code);
	check('no such container', code === 400, code);
}

async function files() {
	const work = fs.mkdtempSync(path.join(os.tmpdir(), 'files-'));
	fs.mkdirSync(path.join(work, 'in/deep'), { recursive: true });
	fs.writeFileSync(path.join(work, 'in/deep/file'), 'there and back');
	const copy = new k8s.Cp(config);
	await copy.cpToPod('default', 'web', 'nginx', path.join(work, 'in'), '/tmp');
	let got;
	for (let i = 0; i < 50 && got !== 'there and back'; i++) {
		got = (await run('web', ['cat', '/tmp/deep/file'])).out.text;
	}
	check('files reach a container', got === 'there and back', got);
	fs.rmSync(work, { recursive: true });
}

async function figures() {
	const metrics = new k8s.Metrics(config);
	let pods;
	for (let i = 0; i < 100 && !pods?.items.some((p) => p.metadata.name === 'web'); i++) {
		pods = await metrics.getPodMetrics('default').catch(() => undefined);
		await new Promise((r) => setTimeout(r, 100));
	}
	const web = pods?.items.find((p) => p.metadata.name === 'web');
	check('figures of pods', web?.containers[0].name === 'nginx' && web.containers[0].usage.memory, pods);
	const nodes = await metrics.getNodeMetrics();
	check('and of nodes', nodes.items[0].usage.cpu && nodes.items[0].window, nodes);
	const top = await k8s.topPods(core, metrics, 'default');
	check('the top of pods', top.find((p) => p.Pod.metadata.name === 'web').Containers.length === 1, top);
}

for (const part of [commands, ports, attach, logs, files, figures]) await attempt(part.name, part);
finish();
