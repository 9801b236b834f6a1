/** Starts the dashboard: finds out who is signed in, then shows the page that was asked for. */
import "./styles/tokens.css";
import "./styles/base.css";
import { createPinia } from "pinia";
import { createApp } from "vue";
import App from "./App.vue";
import { whenUnauthorized } from "./api/client.ts";
import { LIVE_CONNECTIONS } from "./live/use-real-time-analytics.ts";
import { newRouter } from "./router.ts";
import { useLive } from "./stores/live.ts";
import { useSession } from "./stores/session.ts";

const app = createApp(App);
app.use(createPinia());
const session = useSession();
const live = useLive();
await session.load();

const router = newRouter();
whenUnauthorized(() => {
	session.ended();
	const { fullPath, meta } = router.currentRoute.value;
	if (!meta.public) void router.push({ name: "sign-in", query: { to: fullPath } });
});
live.watchBrowser();
app.provide(LIVE_CONNECTIONS, live.connections);
app.use(router);
app.mount("#app");
