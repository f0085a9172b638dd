import { fieldsDialect } from "../fields-dialect.ts";
import { shDialect } from "../sh-dialect.ts";
import type { Dialect } from "../dialect.ts";
import { NODE_AGENT } from "./node.ts";
import { PERL_AGENT } from "./perl.ts";
import { PYTHON3_AGENT } from "./python3.ts";
import { SH_AGENT } from "./sh.ts";

/** The programs that an agent can run on. */
export type Tier = "python3" | "perl" | "node" | "sh";

/** Interpreters first, since they need no process for a file; then by memory and start-up time. */
export const TIERS: readonly Tier[] = ["python3", "perl", "node", "sh"];

export interface AgentProgram {
  readonly source: string;
  readonly dialect: Dialect;
  /** The argv that reads the agent from standard input: a line with its length, then the text. Empty for `sh`, which is there already. */
  readonly argv: (program: string) => readonly string[];
  /** What the container must have for it, by the names that the probe asks for. */
  readonly needs: readonly string[];
}

/** Isolated: no user's module is loaded, neither from the working directory nor by the environment. */
const PYTHON_BOOT = `I=open(0,"rb",65536,closefd=False);exec(I.read(int(I.readline())))`;
const PERL_BOOT = `binmode STDIN;read STDIN,$s,scalar<STDIN>;eval $s;die $@ if $@`;
const NODE_BOOT =
  `let f=require("fs"),b=Buffer.alloc(1),t="";while(f.readSync(0,b,0,1,null)&&b[0]!=10)t+=b;` +
  `b=Buffer.alloc(+t);for(let n=0,k;n<b.length&&(k=f.readSync(0,b,n,b.length-n,null));)n+=k;new Function("require",""+b)(require)`;

export const AGENTS: Readonly<Record<Tier, AgentProgram>> = {
  python3: {
    source: PYTHON3_AGENT,
    dialect: fieldsDialect,
    argv: (program) => [program, "-I", "-S", "-c", PYTHON_BOOT],
    needs: ["python3"],
  },
  perl: { source: PERL_AGENT, dialect: fieldsDialect, argv: (program) => [program, "-e", PERL_BOOT], needs: ["perl"] },
  node: { source: NODE_AGENT, dialect: fieldsDialect, argv: (program) => [program, "-e", NODE_BOOT], needs: ["node"] },
  sh: {
    source: SH_AGENT,
    dialect: shDialect,
    argv: () => [],
    needs: "tar dd fullblock stat sha256sum find xargs mv rm mkdir chmod rmdir cat readlink touch cp sed tr wc".split(
      " ",
    ),
  },
};

/** Programs that are tried by themselves in a container without a shell. */
export const DIRECT_PROGRAMS: readonly (readonly [Tier, string])[] = [
  ["python3", "python3"],
  ["perl", "perl"],
  ["node", "node"],
  ["node", "/nodejs/bin/node"],
];

/** The text of an agent without its comment lines. */
export function strippedSource(tier: Tier): string {
  const comment = tier === "node" ? /^\s*\/\/.*\n/gm : /^\s*#.*\n/gm;
  return AGENTS[tier].source.trimStart().replace(comment, "");
}
