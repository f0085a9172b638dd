import { hostname, userInfo } from "node:os";

/** Who runs this, for the markers in the containers: `ada@laptop`. */
export function defaultOwner(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A uid without an entry in the user database, as in some containers.
    return `uid ${process.getuid?.() ?? "unknown"}@${hostname()}`;
  }
}
