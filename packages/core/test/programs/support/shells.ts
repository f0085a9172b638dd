import { execFileSync } from "node:child_process";

const CANDIDATES: readonly (readonly string[])[] = [["dash"], ["busybox", "sh"], ["bash", "--posix"], ["bash"]];

/** The shells of this machine that stand for those of containers, as argv. */
export const SHELLS = CANDIDATES.filter(([program = "", ...words]) => {
  try {
    execFileSync(program, [...words, "-c", ":"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});
