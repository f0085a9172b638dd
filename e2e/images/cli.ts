// node e2e/images/cli.ts: builds the images of the situations without Docker, for a cluster elsewhere.
import { copyFile, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../harness/command.ts";
import { ensurePackages, IMAGE_PACKAGES } from "./debian-packages.ts";
import { ensureImages } from "./image-archives.ts";

const USAGE = `Usage: node e2e/images/cli.ts COMMAND [--no-install]

  build FOLDER            build them: one OCI archive for each, FOLDER/busybox.tar...
  load [--kind NAME]      build them, and load them into all nodes of a kind cluster; default: kind

They are built from this machine's own files: Debian or Ubuntu. Missing packages are installed by apt-get (root);
with --no-install their names are printed instead.
`;

process.exitCode = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return 1;
});

async function main(): Promise<number> {
  const { values: flags, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      kind: { type: "string", default: "kind" },
      "no-install": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [command, folder, ...more] = positionals;
  if (flags.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (command === "build" && folder !== undefined && more.length === 0) {
    const target = resolve(folder);
    const archives = await buildArchives(!flags["no-install"]);
    await mkdir(target, { recursive: true });
    for (const archive of archives) await copyFile(archive, join(target, basename(archive)));
    return 0;
  }
  if (command === "load" && folder === undefined) {
    for (const archive of await buildArchives(!flags["no-install"])) {
      report(`loading ${basename(archive)} into the kind cluster ${flags.kind}`);
      await load(archive, flags.kind);
    }
    return 0;
  }
  process.stderr.write(USAGE);
  return 2;
}

async function load(archive: string, cluster: string): Promise<void> {
  try {
    await run(["kind", "load", "image-archive", archive, "--name", cluster], { timeoutMs: 300_000 });
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
    throw new Error("the program kind is not in PATH", { cause });
  }
}

/** Builds once for each state of the machine's packages; the archives stay in the cache. */
async function buildArchives(install: boolean): Promise<readonly string[]> {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "kinsync-e2e");
  const packages = await ensurePackages({ names: IMAGE_PACKAGES, install, report });
  const { archives } = await ensureImages({ cache, packages, node: true, report });
  // The first one, for pod sandboxes, is only for the project's own nodes.
  return archives.slice(1);
}

function report(line: string): void {
  process.stderr.write(`${line}\n`);
}
