/*
 * `npm run image`: builds the product's image, `scanpulse:VERSION`, with the first builder that is installed. Arguments
 * after `--` go to the builder (`npm run image -- --platform linux/arm64`).
 */
import { spawn } from "node:child_process";
import path from "node:path";
import manifest from "../package.json" with { type: "json" };

const ROOT = path.join(import.meta.dirname, "..");
const BUILDERS = ["docker", "podman", "nerdctl", "buildah"] as const;

/** How the builder ended; undefined when it is not installed. */
function build(builder: string, args: readonly string[]): Promise<number | undefined> {
	return new Promise((resolve, reject) => {
		const child = spawn(builder, args, { cwd: ROOT, stdio: "inherit" });
		child.on("error", (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? resolve(undefined) : reject(error)));
		child.on("close", (code) => resolve(code ?? 1));
	});
}

async function buildImage(extra: readonly string[]): Promise<number> {
	const image = `scanpulse:${manifest.version}`;
	for (const builder of BUILDERS) {
		const code = await build(builder, ["build", "--tag", image, ...extra, "."]);
		if (code === undefined) continue;
		if (code === 0) console.log(`built ${image}`);
		else console.error(`${builder} could not build ${image} (see above): expected a ${builder} that can build images`);
		return code;
	}
	console.error(`No builder of images is installed: expected one of ${BUILDERS.join(", ")} on PATH to build ${image}.`);
	return 1;
}

process.exitCode = await buildImage(process.argv.slice(2));
