/*
 * A process of its own that inserts entities one after another into the file it is given, from the number it is given,
 * and says of each that it was confirmed or how it was refused.
 */
import { codeOf } from "../../contracts/errors.ts";
import { EntityCollection } from "../../mixins/entity-collection.ts";
import { FileEntityAdapter } from "../../mixins/file-adapter.ts";

const REFUSALS = 3;

const [file = "", first = "0"] = process.argv.slice(2);
const adapter = new FileEntityAdapter(file, []);
await adapter.connect();
const entities = new EntityCollection<{ id: string; text: string }>("entities", adapter);

for (let n = Number(first), refused = 0; refused < REFUSALS; n++) {
	try {
		await entities.insert({ id: `e${n}`, text: "x".repeat(500) });
		console.log(`confirmed e${n}`);
	} catch (error) {
		refused++;
		console.log(`refused e${n} ${codeOf(error)}`);
	}
}
