/* What an answer under load may be: served, or refused quickly with a word about when to come back. Nothing else. */

export const KIND_OF_ANSWER = ["served", "refused", "forbidden"] as const;
type KindOfAnswer = (typeof KIND_OF_ANSWER)[number];

/** Any 5xx but a 503 that says when to come back is forbidden, and so is a 429 that does not, or anything unexpected. */
export function kindOfAnswer(status: number, retryAfter: string | undefined): KindOfAnswer {
	if (status === 200 || status === 202 || status === 302) return "served";
	return (status === 429 || status === 503) && /^\d+$/.test(retryAfter ?? "") ? "refused" : "forbidden";
}
