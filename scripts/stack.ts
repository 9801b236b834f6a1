/*
 * `npm run stack`: the clustered product on this machine, without Docker. Ctrl-C ends it; so does
 * `npm run stack -- --down` from another terminal, which also clears what a stack that was killed left behind.
 */
import path from "node:path";
import { parseArgs } from "node:util";
import { buildDashboard } from "./build-dashboard.ts";
import { startStack } from "./stack/start.ts";
import { takeDown } from "./stack/state.ts";

const DEFAULT_DIR = path.join(import.meta.dirname, "..", ".stack");
const DEFAULT_PORT = "3000";

const HELP = `npm run stack -- [options]

  --port N        where the gateways listen (${DEFAULT_PORT}; 0 takes a free port)
  --dir FOLDER    data, logs by process and state (.stack)
  --env NAME=VALUE  a variable for every process; repeatable
  --no-restart    leaves a process that dies dead
  --down          ends the stack that runs in the folder
  --help          this text`;

function readOptions() {
	const { values } = parseArgs({
		allowNegative: true,
		options: {
			port: { type: "string", default: DEFAULT_PORT },
			dir: { type: "string", default: DEFAULT_DIR },
			env: { type: "string", multiple: true, default: [] },
			restart: { type: "boolean", default: true },
			down: { type: "boolean", default: false },
			help: { type: "boolean", default: false },
		},
	});
	if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
		throw new Error(`--port is ${JSON.stringify(values.port)}: expected a port, 0–65535`);
	}
	const env = Object.fromEntries(
		values.env.map((pair) => {
			const [, name, value] = /^([A-Z_]+)=(.*)$/s.exec(pair) ?? [];
			if (name === undefined || value === undefined)
				throw new Error(`--env is ${JSON.stringify(pair)}: expected NAME=VALUE`);
			return [name, value];
		}),
	);
	return { ...values, port: Number(values.port), env };
}

async function up({ dir, port, env, restart }: ReturnType<typeof readOptions>): Promise<void> {
	const stop = new AbortController();
	const told = new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
	// A terminal sends SIGINT to the launcher and to this process, and the launcher hands its own on: once is enough.
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => stop.abort(new Error("told to stop")));
	if (process.env.SCANPULSE_LAUNCHED) process.on("disconnect", () => stop.abort(new Error("the launcher is gone")));

	await buildDashboard();
	const report = (member: string, what: string) => console.log(`${new Date().toISOString()} ${member} ${what}`);
	const stack = await startStack({ dir, port, env, restarts: restart, report, aborted: stop.signal });
	for (const [name, value] of Object.entries(stack.env)) console.log(`${name}=${value}`);
	const signInUrl = stack.signInUrl();
	if (signInUrl) console.log(`sign-in ${signInUrl}`);
	console.log(`ready ${stack.url}`);
	await told;
	console.log("stopping");
	await stack.close();
}

async function down({ dir }: ReturnType<typeof readOptions>): Promise<void> {
	const ran = await takeDown(path.resolve(dir));
	console.log(ran.length > 0 ? `Ended ${ran.join(", ")}.` : "Nothing was running.");
}

try {
	const options = readOptions();
	if (options.help) console.log(HELP);
	else await (options.down ? down : up)(options);
	process.exit(0);
} catch (error) {
	console.error(error instanceof Error ? error.message : String(error));
	process.exit(1);
}
