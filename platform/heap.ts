/** How the heaps of a process behave, said before anything grows. */

import { setFlagsFromString } from "node:v8";

/**
 * A process that collected nothing of its old garbage for 100 s would compact its whole heap to give memory back, which takes
 * 50–170 ms, and under load all processes of a stack do it at once. From now on that waits until the memory is needed.
 */
export function keepFreedMemory(): void {
	setFlagsFromString("--memory-reducer-gc-count=0");
}
