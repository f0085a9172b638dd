// Whether this machine can confine containers: tried once per process.

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { confinedScript } from "./confined-script.ts";
import { makeDeviceTemplate } from "./device-template.ts";
import { findWriteFence, type WriteFence } from "./write-fence.ts";

/** `confined`: own root, mounts and processes. `unconfined`: a folder of the machine. `auto`: confined if that works. */
export type ConfinementChoice = "confined" | "unconfined" | "auto";

/** The programs that make a confined container. */
export interface ConfinementTools {
  /** Static, so that it runs in an empty root. */
  readonly busybox: string;
  /** util-linux; busybox's has no `--kill-child`. */
  readonly unshare: string;
  readonly nsenter: string;
  /** Not root: a user namespace gives root inside. */
  readonly userNamespace: boolean;
}

export type Confinement =
  | { readonly kind: "confined"; readonly tools: ConfinementTools }
  | {
      readonly kind: "unconfined";
      readonly reason: string;
      /** Keeps processes from writing outside of their container's folder; absent if the machine cannot. */
      readonly fence?: WriteFence;
    };

let probed: Promise<ConfinementTools | string> | undefined;

/**
 * Chooses by what this machine can do, which is tried once per process.
 *
 * @throws Error with the reason if `confined` is chosen and the machine cannot confine containers.
 */
export async function chooseConfinement(wanted: ConfinementChoice): Promise<Confinement> {
  if (wanted === "unconfined") return unconfined("chosen by the option `confinement`");
  probed ??= probe();
  const found = await probed;
  if (typeof found !== "string") return { kind: "confined", tools: found };
  if (wanted === "confined") throw new Error(`Containers cannot be confined on this machine: ${found}`);
  return unconfined(found);
}

async function unconfined(reason: string): Promise<Confinement> {
  const fence = await findWriteFence();
  return { kind: "unconfined", reason, ...(fence === undefined ? {} : { fence }) };
}

/** @returns the tools, or the reason why containers cannot be confined. */
async function probe(): Promise<ConfinementTools | string> {
  if (process.platform !== "linux") return `needs Linux, this is ${process.platform}`;
  const unshare = await findProgram(["unshare"]);
  const nsenter = await findProgram(["nsenter"]);
  if (unshare === undefined || nsenter === undefined) {
    return "needs unshare and nsenter (util-linux)";
  }
  const busybox = await findProgram(["busybox", "busybox.static", "busybox-static"]);
  if (busybox === undefined) return "needs a static busybox";
  const tools: ConfinementTools = { busybox, unshare, nsenter, userNamespace: process.getuid?.() !== 0 };
  return (await tryOut(tools)) ?? tools;
}

/** @returns why it does not work; `undefined` if it works. */
async function tryOut(tools: ConfinementTools): Promise<string | undefined> {
  const root = await mkdtemp(join(tmpdir(), "playground-probe-"));
  try {
    // Only a static busybox runs without the machine's libraries.
    await copyFile(tools.busybox, join(root, "busybox"));
    await makeDeviceTemplate(join(root, "template"), tools.busybox);
    const script = confinedScript({
      busybox: tools.busybox,
      deviceTemplate: join(root, "template"),
      root,
      hostname: "probe",
      workingDir: "/",
      mounts: [{ kind: "tmpfs", target: "/data", sizeBytes: 65_536, readOnly: false }],
      readOnlyRoot: false,
    });
    return await new Promise((resolve) => {
      const args = [
        ...unshareArguments(tools),
        tools.busybox,
        "sh",
        "-c",
        `exec 3>/dev/null 4>&2\n${script}`,
        "sh",
        "/busybox",
        "true",
      ];
      execFile(tools.unshare, args, { timeout: 10_000, env: {} }, (error, _stdout, stderr) => {
        resolve(error === null ? undefined : stderr.trim().split("\n").at(-1) || `unshare ended with ${error.code}`);
      });
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Options of `unshare` that give a new PID 1, its mounts and its host name, all of which end with `unshare` itself. */
export function unshareArguments(tools: ConfinementTools, options: { readonly joined?: boolean } = {}): string[] {
  return [
    ...(tools.userNamespace && options.joined !== true ? ["--user", "--map-root-user"] : []),
    "--mount",
    "--pid",
    "--uts",
    "--ipc",
    "--fork",
    "--kill-child",
    "--propagation",
    "private",
  ];
}

async function findProgram(names: readonly string[]): Promise<string | undefined> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  for (const name of names) {
    for (const folder of folders) {
      if (folder === "") continue;
      const path = join(folder, name);
      try {
        await access(path, constants.X_OK);
        return path;
      } catch {
        // Missing: try the next folder.
      }
    }
  }
  return undefined;
}
