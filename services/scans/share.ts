/**
 * Which partitions a node counts. Every node computes the same answer from the same list of live nodes; where two lists
 * differ for a moment, the claims in the store decide.
 *
 * @param nodes live nodes, sorted; `node` p mod n of them owns partition p
 * @returns the partitions of `node`, ascending
 */
export function share(nodes: readonly string[], node: string, partitions: number): number[] {
	const mine: number[] = [];
	for (let partition = 0; partition < partitions; partition++) {
		if (nodes[partition % nodes.length] === node) mine.push(partition);
	}
	return mine;
}
