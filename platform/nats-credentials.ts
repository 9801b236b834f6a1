/** What a client of NATS must be told beside the addresses of its servers: it does not read a user from them. */

/** User and password, or a token, of the first address, and TLS when that asks for it. */
export function natsCredentials(servers: readonly string[]): {
	user?: string;
	pass?: string;
	token?: string;
	tls?: object;
} {
	const url = URL.parse(servers[0] ?? "");
	const tls = url?.protocol === "tls:" ? { tls: {} } : {};
	if (!url?.username) return tls;
	const user = decodeURIComponent(url.username);
	return url.password ? { ...tls, user, pass: decodeURIComponent(url.password) } : { ...tls, token: user };
}
