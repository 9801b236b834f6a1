/*
 * What Node's HTTP server does by itself: every request's body is read and thrown away, and answered with the headers and
 * the body of the product's answer, made beforehand. `node bench/load/bare-server.ts`; prints `ready URL`.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const ID = "0199a1b2-c3d4-7000-8000-0123456789ab";
const REDIRECT = {
	"X-Request-Id": ID,
	"RateLimit-Limit": "100",
	"RateLimit-Remaining": "99",
	"RateLimit-Reset": "1",
	Location: "https://example.com/landing",
	"Cache-Control": "private, no-store",
	"Content-Length": "0",
	"X-Scan-Id": ID,
};
const BODY = Buffer.from(JSON.stringify({ id: ID }));
const ACCEPTED = {
	"X-Request-Id": ID,
	"Content-Type": "application/json; charset=utf-8",
	"Cache-Control": "private, no-cache",
	"X-Content-Type-Options": "nosniff",
	"Content-Length": BODY.length,
};

const server = createServer({ noDelay: true, keepAliveTimeout: 65_000 }, (request, response) => {
	if (request.method === "GET") {
		response.writeHead(302, REDIRECT).end();
		return;
	}
	request.resume();
	request.once("end", () => response.writeHead(202, ACCEPTED).end(BODY));
});
server.listen(0, "127.0.0.1", () => console.log(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}`));
process.on("SIGTERM", () => process.exit(0));
