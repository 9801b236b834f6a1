declare module "moleculer-cron" {
	import type { ServiceSchema } from "moleculer";

	const mixin: Partial<ServiceSchema>;
	export default mixin;
}
