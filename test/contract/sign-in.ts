/*
 * Signing in as the owner of a deployment does: `npm run sign-in` beside the running product, then the link.
 */
import path from "node:path";
import { describeVariables } from "../../platform/config.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import type { Product } from "../harness/product.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");

type Environment = Readonly<Record<string, string | undefined>>;

/** What `npm run sign-in` prints for a deployment: the address that signs in. @param own variables of that deployment */
export async function signInLink(
	{ dataDir, url }: Pick<Product, "dataDir" | "url">,
	own: Environment = {},
): Promise<string> {
	const env = { ...process.env };
	for (const { name } of describeVariables()) delete env[name];
	const made = startProcess({
		command: "npm",
		args: ["run", "--silent", "sign-in"],
		cwd: ROOT,
		env: { ...env, ...own, DATA_DIR: dataDir, PORT: new URL(url).port },
	});
	const { code } = await made.exited;
	const link = /^sign-in (\S+)$/m.exec(made.output())?.[1];
	if (code !== 0 || link === undefined) throw new Error(`npm run sign-in ended with ${code}: ${made.output()}`);
	return link;
}

/** Opens a link once; the session's cookie as a browser would send it. */
export async function openLink(link: string): Promise<string> {
	const answer = await fetch(link, { redirect: "manual" });
	const cookie = answer.headers.get("set-cookie")?.split(";", 1)[0];
	if (!cookie) throw new Error(`The sign-in link was answered ${answer.status} without a session`);
	return cookie;
}

export async function signIn(product: Product, own?: Environment): Promise<string> {
	return openLink(await signInLink(product, own));
}
