/* Every safeguard that `npm run safeguards` takes away. */
import { AGREEING } from "./agreeing.ts";
import { COUNTING } from "./counting.ts";
import { DURABILITY } from "./durability.ts";
import { READING } from "./reading.ts";
import type { Safeguard } from "./safeguard.ts";

export const SAFEGUARDS: readonly Safeguard[] = [...COUNTING, ...READING, ...AGREEING, ...DURABILITY];
