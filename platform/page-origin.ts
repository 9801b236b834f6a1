/** Which web pages may talk to this process: over HTTP and over Socket.IO the same. */

/**
 * True for a named origin and for the host that the request itself was sent to.
 *
 * @param origin the request's Origin
 * @param host its Host
 * @param named ALLOWED_ORIGINS and PUBLIC_URL's
 */
export function isAllowedOrigin(origin: string, host: string | undefined, named: readonly string[]): boolean {
	// An origin that is none has no host, and must not equal one that was not sent.
	const own = URL.parse(origin)?.host || undefined;
	return named.includes(origin) || (own !== undefined && own === host);
}
