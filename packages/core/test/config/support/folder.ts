import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { checkConfig, loadConfig } from "@kinsync/core/config";
import type { CheckOptions, KinsyncConfig, LoadConfigOptions, LoadedConfig } from "@kinsync/core/config";
import { isKinsyncError } from "../../../src/errors/error.ts";
import type { KinsyncError } from "../../../src/errors/error.ts";

/** A folder of a test with files in it; gone afterwards. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
  write(name: string, text: string): Promise<string>;
  load(options?: Partial<LoadConfigOptions>): Promise<LoadedConfig | undefined>;
  /** Loads and checks; fails where there is none. */
  check(options?: CheckOptions): Promise<KinsyncConfig>;
}

export async function createFolder(files: Readonly<Record<string, string>> = {}): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), "kinsync-config-"));
  const folder: Folder = {
    path,
    async write(name, text) {
      const file = join(path, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      return file;
    },
    load: (options) => loadConfig({ cwd: path, home: path, signal: AbortSignal.timeout(10_000), ...options }),
    async check(options) {
      const loaded = await folder.load();
      if (loaded === undefined) throw new Error("no config was found");
      return (await checkConfig(loaded, options)).config;
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
  for (const [name, text] of Object.entries(files)) await folder.write(name, text);
  return folder;
}

/** The error that a promise is rejected with; it has to be one of kinsync's. */
export async function failure(promise: Promise<unknown>): Promise<KinsyncError> {
  try {
    await promise;
  } catch (error) {
    if (isKinsyncError(error)) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

/**
 * The same for loading a folder's config, by Node itself in a process of its own: a test runner compiles what it imports,
 * so that what Node refuses would pass.
 */
export async function failureInNode(
  folder: Pick<Folder, "path">,
): Promise<{ readonly code: string; readonly message: string; readonly hint: string }> {
  const script = `
    import { checkConfig, loadConfig, loadPlugins } from ${JSON.stringify(new URL("../../../src/config/index.ts", import.meta.url).href)};
    const cwd = ${JSON.stringify(folder.path)};
    const signal = AbortSignal.timeout(20_000);
    try {
      const loaded = await loadConfig({ cwd, home: cwd, signal });
      const plugins = await loadPlugins((await checkConfig(loaded)).config, { ...loaded, signal, timeout: 300 });
      console.log(JSON.stringify({ code: "OK", kinds: plugins.kinds.map((each) => [each.plugin.name, each.origin]) }));
    } catch ({ code, message, hint }) {
      console.log(JSON.stringify({ code, message, hint }));
    }
    process.exit(0);`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--conditions=kinsync:source",
    "--input-type=module",
    "-e",
    script,
  ]);
  return JSON.parse(stdout) as { readonly code: string; readonly message: string; readonly hint: string };
}

/** The same for a function. */
export function thrown(run: () => unknown): KinsyncError {
  try {
    run();
  } catch (error) {
    if (isKinsyncError(error)) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
