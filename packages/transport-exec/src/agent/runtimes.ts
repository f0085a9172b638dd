import { fieldsProtocol } from "../protocol/fields-protocol.ts";
import { shProtocol } from "../protocol/sh-protocol.ts";
import type { AgentProtocol } from "../protocol/agent-protocol.ts";

/** The programs that an agent can run on. */
export type Runtime = "python3" | "node" | "sh";

/** Interpreters first, because they start no process for each file; then by memory and start-up time. */
export const RUNTIMES: readonly Runtime[] = ["python3", "node", "sh"];

export interface AgentProgram {
  readonly protocol: AgentProtocol;
  /** The argv that reads a program from standard input: a line with its length, then the text. Empty for `sh`, which already runs. */
  readonly argv: (program: string) => readonly string[];
  /** Bytes that it takes at work, measured. */
  readonly memoryBytes: number;
  /** What the container must have, by the names that the probe reports. */
  readonly needs: readonly string[];
}

/** Isolated mode: Python loads no module of the user, neither from the working directory nor through the environment. */
const PYTHON_BOOT = `I=open(0,"rb",65536,closefd=False);exec(I.read(int(I.readline())))`;
const NODE_BOOT =
  `let f=require("fs"),b=Buffer.alloc(1),t="";while(f.readSync(0,b,0,1,null)&&b[0]!=10)t+=b;` +
  `b=Buffer.alloc(+t);for(let n=0,k;n<b.length&&(k=f.readSync(0,b,n,b.length-n,null));)n+=k;new Function("require",""+b)(require)`;

export const AGENTS: Readonly<Record<Runtime, AgentProgram>> = {
  python3: {
    protocol: fieldsProtocol,
    argv: (program) => [program, "-I", "-S", "-c", PYTHON_BOOT],
    needs: ["python3"],
    memoryBytes: 12_000_000,
  },
  node: {
    protocol: fieldsProtocol,
    argv: (program) => [program, "-e", NODE_BOOT],
    needs: ["node"],
    memoryBytes: 45_000_000,
  },
  sh: {
    protocol: shProtocol,
    argv: () => [],
    needs: "tar dd stat sha256sum find xargs mv rm mkdir chmod rmdir cat readlink touch cp sed tr wc".split(" "),
    memoryBytes: 3_000_000,
  },
};

/** Programs that are started directly in a container without a shell. */
export const DIRECT_PROGRAMS: readonly (readonly [Runtime, string])[] = [
  ["python3", "python3"],
  ["node", "node"],
  ["node", "/nodejs/bin/node"],
];
