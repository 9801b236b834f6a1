/* Who is chosen how often: the nth of many with a probability that falls as 1/n, as codes on walls and pages are. */

/** A function that picks a whole number from 0 (most often) to `count` - 1. @param random numbers from 0 to 1 */
export function zipf(count: number, random: () => number = Math.random): () => number {
	let sum = 0;
	const sums = Float64Array.from({ length: count }, (_, n) => {
		sum += 1 / (n + 1);
		return sum;
	});
	return () => {
		const at = random() * sum;
		let low = 0;
		let high = count - 1;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((sums[middle] as number) < at) low = middle + 1;
			else high = middle;
		}
		return low;
	};
}
