// Cleans up if the playground's process is killed.

import { spawn, type ChildProcess } from "node:child_process";

/** Reads `+ GROUP` and `- GROUP`; at the end of its input kills the groups that are left and removes the folder. */
const script = `
groups=' '
while read -r sign group; do
  case $sign in
  +) groups="$groups$group " ;;
  -) left=' '; for g in $groups; do [ "$g" = "$group" ] || left="$left$g "; done; groups=$left ;;
  esac
done
for g in $groups; do kill -KILL "-$g" 2>/dev/null; done
for try in 1 2 3 4 5; do rm -rf -- "$1" 2>/dev/null && break; sleep 0.2; done
`;

/** A shell that outlives the playground, ends the processes it started and removes its folder. */
export class Watchdog {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;

  constructor(directory: string) {
    // Its own session: an interrupt from the terminal must not end it early.
    const child = spawn("/bin/sh", ["-c", script, "sh", directory], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      cwd: "/",
    });
    this.#process = child;
    this.#exited = new Promise((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    child.stdin?.on("error", () => undefined);
    child.unref();
    const { stdin } = child;
    if (stdin !== null && "unref" in stdin && typeof stdin.unref === "function") stdin.unref();
  }

  add(processGroup: number): void {
    this.#process.stdin?.write(`+ ${processGroup}\n`);
  }

  delete(processGroup: number): void {
    this.#process.stdin?.write(`- ${processGroup}\n`);
  }

  /** Ends it; it removes the folder while it does. */
  async close(): Promise<void> {
    this.#process.ref();
    this.#process.stdin?.end();
    await this.#exited;
  }
}
