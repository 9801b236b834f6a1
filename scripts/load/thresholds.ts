/* What a scenario promises, one `KEY OPERATOR NUMBER` each, and whether what was measured keeps it. */

export interface Threshold {
	readonly key: string;
	readonly operator: Operator;
	readonly bound: number;
}

export interface Judged extends Threshold {
	/** Undefined when nothing of that name was measured, which holds no promise. */
	readonly measured: number | undefined;
	readonly holds: boolean;
}

const OPERATORS = {
	"<=": (a: number, b: number) => a <= b,
	">=": (a: number, b: number) => a >= b,
	"==": (a: number, b: number) => a === b,
	"<": (a: number, b: number) => a < b,
	">": (a: number, b: number) => a > b,
} as const;
type Operator = keyof typeof OPERATORS;

const FORM = /^\s*([A-Za-z_][\w.]*)\s*(<=|>=|==|<|>)\s*(-?\d+(?:\.\d+)?)\s*$/;

/** Everything that Artillery and the runner measured, by name: `update_ms.p99`, `ledger.missing`. */
export type Measured = Readonly<Record<string, number>>;

/** @throws Error when it is none */
export function readThreshold(text: string): Threshold {
	const [, key, operator, bound] = FORM.exec(text) ?? [];
	if (key === undefined) throw new Error(`${JSON.stringify(text)}: expected a threshold such as update_ms.p99<100`);
	return { key, operator: operator as Operator, bound: Number(bound) };
}

export function judge(thresholds: readonly Threshold[], measured: Measured): Judged[] {
	return thresholds.map((threshold) => {
		const value = measured[threshold.key];
		const holds = value !== undefined && OPERATORS[threshold.operator](value, threshold.bound);
		return { ...threshold, measured: value, holds };
	});
}

export function shown({ key, operator, bound }: Threshold): string {
	return `${key} ${operator} ${bound}`;
}
