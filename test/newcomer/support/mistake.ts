import type { Fixture } from "./fixture.ts";

/** Something that a newcomer gets wrong, and what a good answer to it holds. */
export interface Mistake {
  /** The situation, in a few words. */
  readonly what: string;
  /** The command line, after `kinsync`. Words are separated by blanks; a list where a word holds one. */
  readonly line: string | readonly string[];
  /** Files of the working directory besides `src/main.py`. */
  readonly files?: Readonly<Record<string, string>>;
  /** Prepares what files cannot: a kubeconfig, a denied right, the owner of a file. Its result ends with the try. */
  readonly prepare?: (fixture: Fixture) => Promise<Prepared | void> | Prepared | void;
  /** In a process of its own: a config in TypeScript is run by Node there, not by the tests' own tools. */
  readonly isProcess?: boolean;
  /** Needs containers with file systems of their own. */
  readonly needsConfinement?: boolean;
  /** Needs links, as POSIX has them. */
  readonly needsPosix?: boolean;
  /** Needs the root user. */
  readonly needsRoot?: boolean;
  readonly code: number;
  /** What is wrong: the file, the key, the workload, the flag. */
  readonly object: string | RegExp;
  readonly cause: string | RegExp;
  /** What to do next; missing where the mistake turned out to be allowed. */
  readonly next?: string | RegExp;
  /** Seconds within which the answer has to be there. Default: 10. */
  readonly within?: number;
}

export interface Prepared {
  readonly env?: Readonly<Record<string, string>>;
  /** Ends what was prepared, such as a denied right. */
  readonly end?: () => void;
}

/** A config of one workload, as YAML. */
export function config(workload: string, ...lines: readonly string[]): Readonly<Record<string, string>> {
  return {
    "kinsync.config.yaml": ["workloads:", `  - workload: ${workload}`, ...lines.map((line) => `    ${line}`), ""].join(
      "\n",
    ),
  };
}

/** A config of `pod/app` with one mapping, given as the inside of a YAML flow map. */
export function mapping(inside: string): Readonly<Record<string, string>> {
  return config("pod/app", "sync:", `  - { ${inside} }`);
}
