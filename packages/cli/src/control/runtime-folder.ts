import { chmod, lstat, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** Length of a socket's path: Linux takes 107 bytes, macOS 103. */
const MAX_PATH_BYTES = 103;
/** Of the longest name of a socket, with the slash before it. */
const NAME_BYTES = 24;

/** Folders in which a run's socket may be, the preferred one first. On Windows, sockets are pipes, which have names and no folder. */
export function runtimeFolders(env: Environment): readonly string[] {
  const runtime = env["XDG_RUNTIME_DIR"];
  const shared = join(env["TMPDIR"] ?? tmpdir(), `kinsync-${process.getuid?.() ?? 0}`);
  return runtime === undefined || runtime === "" ? [shared] : [join(runtime, "kinsync"), shared];
}

/** The first folder that is, or can be made, the user's alone. @throws an `Error` that says why there is none */
export async function ownRuntimeFolder(env: Environment): Promise<string> {
  let reason = "";
  for (const folder of runtimeFolders(env)) {
    try {
      await makeOwn(folder);
      return folder;
    } catch (error) {
      reason = `${folder}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  throw new Error(reason);
}

/** True where only this user can have put something there. */
export async function isOwn(folder: string): Promise<boolean> {
  const stats = await lstat(folder).catch(() => undefined);
  return stats?.isDirectory() === true && (process.getuid === undefined || stats.uid === process.getuid());
}

async function makeOwn(folder: string): Promise<void> {
  if (Buffer.byteLength(folder) + NAME_BYTES > MAX_PATH_BYTES) throw new Error("the path is too long for a socket");
  // The folder above is not kinsync's to make: a missing one is a mistake that other messages name.
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  });
  if (!(await isOwn(folder))) throw new Error("it belongs to another user, or is not a folder");
  await chmod(folder, 0o700);
}
