import { exec } from "./exec.ts";

export { exec } from "./exec.ts";
export type { AgentSession, ExecOptions } from "./exec.ts";
export type { Runtime } from "./agent/runtimes.ts";
export default exec;
