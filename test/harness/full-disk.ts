/*
 * A disk of a test's own that can be filled to its last byte and given room again, with nothing but what any user of a
 * Linux machine may do: a small file system in a namespace of its own, or, where that is not allowed, and where no file at
 * all is to take a byte, a limit of the kernel on the product's files.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type OwnedProcess, startProcess } from "../../scripts/servers/process.ts";
import { until } from "../../scripts/servers/until.ts";
import { atEndOfFile } from "./cleanup.ts";
import { temporaryFolder } from "./folder.ts";
import type { Product } from "./product.ts";

const run = promisify(execFile);

export interface Disk {
	/** Where the product has its data. */
	readonly dir: string;
	/** For `startProduct`: runs the product where the disk is seen. */
	readonly within: readonly string[];
	/** From now on nothing more can be written. */
	fill(product: Product): Promise<void>;
	/** There is room again. */
	free(product: Product): Promise<void>;
}

/** A file system of so many MiB that really is full; a kernel that allows none gives what `frozenFiles` gives. */
export async function smallFileSystem(mebibytes: number): Promise<Disk> {
	const dir = await temporaryFolder();
	const mount = `mount -t tmpfs -o size=${mebibytes}m tmpfs "$0" && echo mounted && exec sleep infinity`;
	const namespaces = ["--user", "--map-root-user", "--mount"];
	const holder = startProcess({ command: "unshare", args: [...namespaces, "bash", "-c", mount, dir] });
	atEndOfFile(() => holder.kill());
	await until(() => holder.exit() || holder.output().includes("mounted"), { what: "a file system" });
	if (holder.exit()) {
		console.info(`No small file system can be had here, files are limited instead: ${holder.output()}`);
		return frozenFiles();
	}
	const entering = ["--target", String(holder.pid), "--user", "--mount", "--preserve-credentials"];
	const inside = (script: string) => {
		const running = startProcess({ command: "nsenter", args: [...entering, "bash", "-c", script, dir] });
		atEndOfFile(() => running.kill());
		return running;
	};
	let filler: OwnedProcess | undefined;
	return {
		...{ dir, within: ["nsenter", ...entering] },
		async fill() {
			// What the product frees is taken again at once.
			const fillUp = 'cat /dev/zero >> "$0/filler" 2> /dev/null';
			const filling = inside(`${fillUp}; echo full; while :; do ${fillUp}; sleep 0.01; done`);
			filler = filling;
			await until(() => filling.output().includes("full"), { what: "the file system to be full" });
		},
		async free() {
			await filler?.kill();
			await inside('rm "$0/filler"').exited;
		},
	};
}

/** A disk on which no write of the product's succeeds, not even one into a file that has its room already. */
export async function frozenFiles(): Promise<Disk> {
	const limit = async ({ pid }: Product, bytes: string) =>
		void (await run("prlimit", [`--pid=${pid}`, `--fsize=${bytes}`]));
	return {
		...{ dir: await temporaryFolder(), within: [] },
		fill: (product) => limit(product, "0:"),
		free: (product) => limit(product, "unlimited:"),
	};
}
