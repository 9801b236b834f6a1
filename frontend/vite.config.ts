/**
 * How the dashboard is built and served while it is worked on. In development everything that the product itself answers
 * is handed to it on its default port, so that the page and its API share one origin as they do in production.
 */
import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

const PRODUCT = "http://localhost:3000";
const SERVED_BY_PRODUCT = ["/api", "/q/", "/l/", "/sign-in/", "/socket.io", "/health", "/docs", "/openapi.json"];

export default defineConfig({
	root: fileURLToPath(new URL(".", import.meta.url)),
	plugins: [vue()],
	build: { outDir: "dist", emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 700 },
	server: {
		proxy: Object.fromEntries(SERVED_BY_PRODUCT.map((path) => [path, { target: PRODUCT, ws: path === "/socket.io" }])),
	},
});
