import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Runtime } from "../../src/index.ts";

/** One make of container that the tests run the agents in. */
export interface Make {
  readonly name: string;
  readonly runtime: Runtime;
  /** argv in place of `sh`. Empty: a container without a shell. */
  readonly shell: readonly string[];
  /** argv in front of that of each process. */
  readonly enter?: readonly string[];
  /** Fills a folder with the programs of the container; returns its PATH. */
  readonly path: (folder: string) => string;
}

const SYSTEM = "/usr/local/bin:/usr/bin:/bin";

function find(program: string): string | undefined {
  for (const folder of [...SYSTEM.split(":"), ...(process.env["PATH"] ?? "").split(delimiter)]) {
    const path = join(folder, program);
    if (existsSync(path)) return path;
  }
  return undefined;
}

function withPrograms(programs: Readonly<Record<string, string>>, rest = SYSTEM): (folder: string) => string {
  return (folder) => {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(bin, name));
    return rest === "" ? bin : `${bin}:${rest}`;
  };
}

function busyboxOnly(busybox: string): (folder: string) => string {
  return (folder) => {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    const applets = execFileSync(busybox, ["--list"], { encoding: "utf8" }).split("\n");
    for (const applet of applets) if (applet !== "") symlinkSync(busybox, join(bin, applet));
    return bin;
  };
}

const sh = find("sh");
const dash = find("dash");
const bash = find("bash");
const busybox = find("busybox");
// A version manager's shim is a script that needs its own environment.
const python3 = ["/usr/bin/python3", "/usr/local/bin/python3"].find((path) => existsSync(path));

const makes: (Make | { readonly name: string })[] = [
  { name: "node, without a shell", runtime: "node", shell: [], path: withPrograms({ node: process.execPath }, "") },
  sh === undefined ? { name: "sh" } : { name: "sh", runtime: "sh", shell: [sh], path: () => SYSTEM },
  dash === undefined ? { name: "dash" } : { name: "dash", runtime: "sh", shell: [dash], path: () => SYSTEM },
  bash === undefined ? { name: "bash" } : { name: "bash", runtime: "sh", shell: [bash], path: () => SYSTEM },
  busybox === undefined
    ? { name: "busybox" }
    : { name: "busybox", runtime: "sh", shell: [busybox, "sh"], path: busyboxOnly(busybox) },
  python3 === undefined || sh === undefined
    ? { name: "python3" }
    : { name: "python3", runtime: "python3", shell: [sh], path: withPrograms({ python3 }) },
  python3 === undefined
    ? { name: "python3, without a shell" }
    : { name: "python3, without a shell", runtime: "python3", shell: [], path: withPrograms({ python3 }, "") },
];

/** Makes that this machine has the programs for. */
export const MAKES: readonly Make[] = makes.filter((make) => "runtime" in make);
/** Makes that it cannot run; their tests are reported as skipped. */
export const MISSING: readonly string[] = makes.filter((make) => !("runtime" in make)).map((make) => make.name);
