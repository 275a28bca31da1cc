// For scripts that use @kubernetes/client-node: its first two arguments are the folder where
// packaging/setup --tests has put it and a kubeconfig; what is behind them is the script's.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

const [folder, kubeconfig] = process.argv.slice(2);
const require = createRequire(path.resolve(folder, 'x.js'));
export const k8s = await import(pathToFileURL(require.resolve('@kubernetes/client-node')));
export const config = new k8s.KubeConfig();
config.loadFromFile(kubeconfig);
export const rest = process.argv.slice(4);

let passed = 0;
let failed = 0;
export function check(name, good, seen) {
	if (good) passed++;
	else failed++;
	console.log(good ? `ok   ${name}` : `FAIL ${name}: ${JSON.stringify(seen)}`);
}
// Whatever it throws is a failure of that name.
export async function attempt(name, run) {
	try {
		await run();
	} catch (e) {
		check(name, false, String(e.stack ?? e.message ?? e).slice(0, 600));
	}
}
export async function until(condition) {
	for (let i = 0; i < 400 && !condition(); i++) await new Promise((r) => setTimeout(r, 50));
	return condition();
}
export function finish() {
	console.log(`${passed} passed, ${failed} failed`);
	process.exit(failed ? 1 : 0);
}
