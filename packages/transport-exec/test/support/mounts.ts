import { execFileSync } from "node:child_process";
import type { Make } from "./containers.ts";

/** True where this machine lets its user mount a file system in a namespace of its own. */
export const canMount = (() => {
  if (process.geteuid?.() !== 0) return false;
  try {
    execFileSync("unshare", ["-m", "sh", "-c", "mount -t tmpfs none /mnt && mount -t proc proc /mnt"], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
})();

/** A container whose processes see mounts of their own. @param script shell code that makes them, in the working directory */
export function withMounts(make: Make, script: string): Make {
  const code = `{ export OLD_PATH="$PATH" PATH=/usr/sbin:/usr/bin:/sbin:/bin; ${script}; } >&2 && export PATH="$OLD_PATH" && exec "$@"`;
  return { ...make, enter: ["/usr/bin/unshare", "-m", "/bin/sh", "-c", code, "_"] };
}
