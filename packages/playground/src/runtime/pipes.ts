// Real pipes for what a container's processes read and write. Node's own are sockets, and those cannot be opened again:
// `echo word >/dev/stderr`, which works in every container, would fail. And while a program waits in sendfile(2) for input from a
// socket, as busybox's `cat` does, the kernel keeps its output pipe locked: a reader of that pipe, even a non-blocking one,
// waits too; here, this is the whole playground.

import { execFile } from "node:child_process";
import { closeSync, constants, openSync, unlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";

const batch = 32;

/** One end for a child; close it here once the child has it. */
export interface OutputPipe {
  readonly childFd: number;
  readonly stream: Readable;
}

/** The other direction. */
export interface InputPipe {
  readonly childFd: number;
  readonly stream: Writable;
}

/** Creates pipes; each is used once. There are none on systems whose named pipes Node cannot use. */
export class PipePool {
  /** The folder with the named pipes. */
  readonly directory: string;
  #paths: string[] = [];
  #made = 0;
  #filling: Promise<void> | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** @returns `undefined` if the caller must use Node's own. */
  async output(): Promise<OutputPipe | undefined> {
    if (process.platform !== "linux") return undefined;
    const path = await this.#take();
    const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const childFd = openSync(path, constants.O_WRONLY);
    unlinkSync(path);
    return { childFd, stream: new Socket({ fd: readFd, readable: true, writable: false }) };
  }

  /** @returns `undefined` if the caller must use Node's own. */
  async input(): Promise<InputPipe | undefined> {
    if (process.platform !== "linux") return undefined;
    const path = await this.#take();
    // Held until both ends are open, because each waits for the other.
    const bothFd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const childFd = openSync(path, constants.O_RDONLY);
    const writeFd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    closeSync(bothFd);
    unlinkSync(path);
    return { childFd, stream: new Socket({ fd: writeFd, readable: false, writable: true }) };
  }

  async #take(): Promise<string> {
    for (;;) {
      const path = this.#paths.pop();
      if (path !== undefined) return path;
      this.#filling ??= this.#fill().finally(() => (this.#filling = undefined));
      await this.#filling;
    }
  }

  async #fill(): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    const paths = Array.from({ length: batch }, () => join(this.directory, String((this.#made += 1))));
    // Any user may open them again: the container's user may differ from ours.
    await promisify(execFile)("mkfifo", ["-m", "666", ...paths], { timeout: 10_000 });
    this.#paths = paths;
  }
}
