import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AGENTS } from "../../src/agent/runtimes.ts";

const SYSTEM = ["/usr/local/bin", "/usr/bin", "/bin"];

/** A folder of programs that serves as the PATH of a container. */
export class ToolFolder {
  readonly path: string;

  constructor(parent: string) {
    this.path = join(parent, "bin");
    mkdirSync(this.path);
  }

  /** The system's tools that the `sh` agent needs, and what shells need to run scripts. */
  addSystemTools(): this {
    for (const name of [...AGENTS.sh.needs, "sh", "id", "sleep", "dirname", "tail", "chown", "gzip"]) {
      const found = SYSTEM.map((folder) => join(folder, name)).find((path) => existsSync(path));
      if (found !== undefined) this.link(name, found);
    }
    return this;
  }

  /** The applets of busybox, but for these. */
  addBusybox(busybox: string, without: readonly string[] = []): this {
    for (const applet of execFileSync(busybox, ["--list"], { encoding: "utf8" }).split("\n")) {
      if (applet !== "" && !without.includes(applet)) symlinkSync(busybox, join(this.path, applet));
    }
    return this;
  }

  link(name: string, target: string): this {
    rmSync(join(this.path, name), { force: true });
    symlinkSync(target, join(this.path, name));
    return this;
  }

  /** A program in shell. */
  write(name: string, text: string): this {
    rmSync(join(this.path, name), { force: true });
    writeFileSync(join(this.path, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(this.path, name), 0o755);
    return this;
  }

  remove(name: string): this {
    rmSync(join(this.path, name));
    return this;
  }
}
