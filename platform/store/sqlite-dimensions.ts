/** Dimensions as the embedded store writes them: a number in rows of values, a bit in a bucket's mark of the cap. */

import { BUCKET_DIMENSIONS, type BucketDimension } from "../../contracts/scan.ts";

export function dimensionNumber(dimension: BucketDimension): number {
	return BUCKET_DIMENSIONS.indexOf(dimension);
}

export function dimensionBits(dimensions: readonly BucketDimension[]): number {
	return dimensions.reduce((bits, dimension) => bits | (1 << dimensionNumber(dimension)), 0);
}
