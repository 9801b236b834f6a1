/* Every safeguard that `npm run safeguards` takes away. */
import { COUNTING } from "./counting.ts";
import { DURABILITY } from "./durability.ts";
import { READING } from "./reading.ts";
import type { Safeguard } from "./safeguard.ts";

export const SAFEGUARDS: readonly Safeguard[] = [...COUNTING, ...READING, ...DURABILITY];
