import { fieldsProtocol } from "../protocol/fields-protocol.ts";
import { shProtocol } from "../protocol/sh-protocol.ts";
import type { AgentProtocol } from "../protocol/agent-protocol.ts";
import { NODE_AGENT } from "../agents/node.ts";
import { PERL_AGENT } from "../agents/perl.ts";
import { PYTHON3_AGENT } from "../agents/python3.ts";
import { SH_AGENT } from "../agents/sh.ts";

/** The programs that an agent can run on. */
export type Runtime = "python3" | "perl" | "node" | "sh";

/** Interpreters first, because they start no process for each file; then by memory and start-up time. */
export const RUNTIMES: readonly Runtime[] = ["python3", "perl", "node", "sh"];

export interface AgentProgram {
  readonly source: string;
  readonly protocol: AgentProtocol;
  /** The argv that reads the agent from standard input: a line with its length, then the text. Empty for `sh`, which already runs. */
  readonly argv: (program: string) => readonly string[];
  /** What the container must have, by the names that the probe reports. */
  readonly needs: readonly string[];
}

/** Isolated mode: Python loads no module of the user, neither from the working directory nor through the environment. */
const PYTHON_BOOT = `I=open(0,"rb",65536,closefd=False);exec(I.read(int(I.readline())))`;
const PERL_BOOT = `binmode STDIN;read STDIN,$s,scalar<STDIN>;eval $s;die $@ if $@`;
const NODE_BOOT =
  `let f=require("fs"),b=Buffer.alloc(1),t="";while(f.readSync(0,b,0,1,null)&&b[0]!=10)t+=b;` +
  `b=Buffer.alloc(+t);for(let n=0,k;n<b.length&&(k=f.readSync(0,b,n,b.length-n,null));)n+=k;new Function("require",""+b)(require)`;

export const AGENTS: Readonly<Record<Runtime, AgentProgram>> = {
  python3: {
    source: PYTHON3_AGENT,
    protocol: fieldsProtocol,
    argv: (program) => [program, "-I", "-S", "-c", PYTHON_BOOT],
    needs: ["python3"],
  },
  perl: {
    source: PERL_AGENT,
    protocol: fieldsProtocol,
    argv: (program) => [program, "-e", PERL_BOOT],
    needs: ["perl"],
  },
  node: {
    source: NODE_AGENT,
    protocol: fieldsProtocol,
    argv: (program) => [program, "-e", NODE_BOOT],
    needs: ["node"],
  },
  sh: {
    source: SH_AGENT,
    protocol: shProtocol,
    argv: () => [],
    needs: "tar dd fullblock stat sha256sum find xargs mv rm mkdir chmod rmdir cat readlink touch cp sed tr wc".split(
      " ",
    ),
  },
};

/** Programs that are started directly in a container without a shell. */
export const DIRECT_PROGRAMS: readonly (readonly [Runtime, string])[] = [
  ["python3", "python3"],
  ["perl", "perl"],
  ["node", "node"],
  ["node", "/nodejs/bin/node"],
];

/** The text of an agent without its comment lines. */
export function strippedSource(runtime: Runtime): string {
  const comment = runtime === "node" ? /^\s*\/\/.*\n/gm : /^\s*#.*\n/gm;
  return AGENTS[runtime].source.trimStart().replace(comment, "");
}
