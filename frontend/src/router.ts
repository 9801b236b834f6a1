/** The pages, each in a piece of its own, and the rule that all but one need somebody who is signed in. */
import { createRouter, createWebHistory, type Router } from "vue-router";
import { useSession } from "./stores/session.ts";

export function newRouter(): Router {
	const router = createRouter({
		history: createWebHistory(),
		scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
		routes: [
			{ path: "/", name: "overview", component: () => import("./pages/OverviewPage.vue"), meta: { title: "Overview" } },
			{ path: "/codes", name: "codes", component: () => import("./pages/CodesPage.vue"), meta: { title: "Codes" } },
			{
				path: "/codes/:id",
				name: "code",
				component: () => import("./pages/CodePage.vue"),
				props: true,
				meta: { title: "Code" },
			},
			{
				path: "/reports",
				name: "reports",
				component: () => import("./pages/ReportsPage.vue"),
				meta: { title: "Reports" },
			},
			{
				path: "/settings",
				name: "settings",
				component: () => import("./pages/SettingsPage.vue"),
				meta: { title: "Settings" },
			},
			{
				path: "/sign-in",
				name: "sign-in",
				component: () => import("./pages/SignInPage.vue"),
				meta: { title: "Sign in", public: true },
			},
			{
				path: "/:path(.*)*",
				name: "not-found",
				component: () => import("./pages/NotFoundPage.vue"),
				meta: { title: "Not found" },
			},
		],
	});
	router.beforeEach((to) => {
		const { status } = useSession();
		if (status === "signed-out" && !to.meta.public) return { name: "sign-in", query: { to: to.fullPath } };
		if (status === "signed-in" && to.name === "sign-in") return { name: "overview" };
		return true;
	});
	router.afterEach((to) => {
		document.title = `${String(to.meta.title ?? "")} · Scanpulse`;
	});
	return router;
}
