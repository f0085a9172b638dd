import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { execute, run } from "../harness/command.ts";

export interface BuildOptions {
  readonly cache: string;
  readonly report: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** Go 1.21 and newer download the version that a module requires. */
const MIN_GO_MINOR = 21;

/** Time limit of one command of Go: on a slow machine it compiles Kubernetes. */
const GO_LIMIT_MS = 3_600_000;

/** Runs Go in a folder, with more variables of the environment. @returns its standard output */
export type Go = (args: readonly string[], cwd: string, env?: Readonly<Record<string, string>>) => Promise<string>;

/**
 * A folder of the cache that is built once.
 * @param name name of the folder, which identifies the content of what is built
 * @param build writes the content into a folder that becomes the one of the cache once all of it is there
 * @throws if Go is missing, or the build fails
 */
export async function cachedBuild(
  name: string,
  { cache, report, signal }: BuildOptions,
  build: (go: Go, folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cache, name);
  if (await exists(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    const program = await findGo();
    const start = performance.now();
    report(`building ${name} (minutes the first time): ${folder}`);
    const env = { ...process.env, GOFLAGS: "", GOWORK: "off" };
    const options = { timeoutMs: GO_LIMIT_MS, ...(signal === undefined ? {} : { signal }) };
    const go: Go = (args, cwd, more) => run([program, ...args], { ...options, cwd, env: { ...env, ...more } });
    await build(go, unfinished);
    await rename(unfinished, folder).catch(async (error: unknown) => {
      // Another process was faster.
      if (!(await exists(folder))) throw error;
    });
    report(`built ${name} in ${Math.round((performance.now() - start) / 1000)} s`);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}

async function findGo(): Promise<string> {
  for (const go of ["go", "/usr/local/go/bin/go", "/usr/lib/go/bin/go"]) {
    const { code, stdout } = await execute([go, "env", "GOVERSION"]).catch(() => ({ code: 127, stdout: "" }));
    const minor = /^go1\.(\d+)/.exec(stdout)?.[1];
    if (code === 0 && Number(minor) >= MIN_GO_MINOR) return go;
  }
  throw new Error(
    `Kubernetes is built from source. Install Go 1.${MIN_GO_MINOR} or newer in PATH (https://go.dev/dl, or golang-go of Debian 13).`,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
