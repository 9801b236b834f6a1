/*
 * The direction of imports: main → services → mixins → platform → contracts, and frontend → contracts. Actors never reach
 * into each other's folders, and there are no cycles, not even of types: two modules that need each other are one module,
 * or have a third in common. Tools (scripts, test, bench) may look at everything; nothing of the product looks at them.
 */
"use strict";

const MAIN = "^(main|moleculer\\.config)\\.ts$";
const TOOLS = "^(scripts|test|bench|artillery)/";
const OWN_CODE =
	"^(main\\.ts|moleculer\\.config\\.ts|services/|mixins/|platform/|contracts/|frontend/|scripts/|test/|bench/)";

/** Files in `from` may import, of the repository's own code, only what one of `allowed` matches. */
const only = (name, from, allowed, comment) => ({
	name,
	comment,
	severity: "error",
	from: { path: from },
	to: { path: OWN_CODE, pathNot: allowed },
});

module.exports = {
	forbidden: [
		{
			name: "no-cycles",
			comment: "Modules that import each other, also if only for types, cannot be read or tested one by one.",
			severity: "error",
			from: {},
			to: { circular: true },
		},
		only("contracts-stand-alone", "^contracts/", ["^contracts/"], "contracts/ imports nothing of the product."),
		only("platform-downward", "^platform/", ["^platform/", "^contracts/"], "platform/ may import contracts/."),
		only(
			"mixins-downward",
			"^mixins/",
			["^(mixins|platform|contracts)/"],
			"mixins/ may import platform/ and contracts/.",
		),
		only(
			"services-downward",
			"^services/",
			["^(services|mixins|platform|contracts)/"],
			"services/ may import mixins/, platform/ and contracts/.",
		),
		{
			name: "actors-speak-by-messages",
			comment: "An actor calls another by its actions and events, never by importing from its folder.",
			severity: "error",
			from: { path: "^services/([^/]+)/" },
			to: { path: "^services/", pathNot: "^services/$1/" },
		},
		only(
			"frontend-downward",
			"^frontend/(?!test/)",
			["^frontend/(?!test/)", "^contracts/"],
			"frontend/ may import contracts/.",
		),
		only(
			"frontend-tests",
			"^frontend/test/",
			["^frontend/", "^contracts/", "^test/harness/"],
			"Tests of the dashboard may use the test harness besides the dashboard.",
		),
		only(
			"main-needs-no-tools",
			MAIN,
			["^(services|mixins|platform|contracts)/", MAIN, "^scripts/build-dashboard\\.ts$"],
			"Of the tools, the product runs only the build of the dashboard.",
		),
		{
			name: "nothing-imports-main",
			comment: "A process is started, not imported.",
			severity: "error",
			from: { pathNot: [MAIN, TOOLS] },
			to: { path: MAIN },
		},
		{
			name: "no-unresolvable",
			comment: "An import that leads nowhere.",
			severity: "error",
			from: {},
			to: { couldNotResolve: true },
		},
		{
			name: "no-undeclared-package",
			comment: "A package must be in a package.json of this repository.",
			severity: "error",
			from: {},
			to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
		},
		{
			name: "product-without-dev-packages",
			comment: "What the product imports must be there after npm ci --omit=dev.",
			severity: "error",
			from: { path: [MAIN, "^(services|mixins|platform|contracts)/"] },
			to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
		},
	],
	options: {
		doNotFollow: { path: "node_modules" },
		exclude: { path: "^(frontend/dist|node_modules)/" },
		tsPreCompilationDeps: true,
		combinedDependencies: true,
		tsConfig: { fileName: "tsconfig.json" },
		enhancedResolveOptions: {
			exportsFields: ["exports"],
			conditionNames: ["import", "require", "node", "default", "types"],
			mainFields: ["module", "main", "types"],
			extensions: [".ts", ".js", ".cjs", ".mjs", ".vue", ".json", ".d.ts"],
		},
	},
};
