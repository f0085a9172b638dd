import { exec } from "./exec.ts";

export { exec } from "./exec.ts";
export type { ExecOptions } from "./exec.ts";
export type { Tier } from "./agents/tiers.ts";
export default exec;
