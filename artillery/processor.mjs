// What the scenarios' functions do is in scripts/load/, in TypeScript, where it is checked and tested as all else is.
export * from "../scripts/load/processor.ts";
