// The empty `/dev` of a container, made once and copied into each: that is one process instead of twenty.

import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Devices of the machine that every container sees. */
export const devices: readonly string[] = ["null", "zero", "full", "random", "urandom", "tty"];

/** @param folder - is created; must not exist. */
export async function makeDeviceTemplate(folder: string, busybox: string): Promise<void> {
  await mkdir(join(folder, ".playground"), { recursive: true });
  await copyFile(busybox, join(folder, ".playground/busybox"));
  for (const name of [".machine", "shm"]) await mkdir(join(folder, name));
  for (const name of [...devices, "termination-log"]) await writeFile(join(folder, name), "");
  await symlink("/proc/self/fd", join(folder, "fd"));
  for (const [number, name] of ["stdin", "stdout", "stderr"].entries()) {
    await symlink(`/proc/self/fd/${number}`, join(folder, name));
  }
}
