import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { heldCommand, stepsOf } from "../../../src/sync/actions/steps.ts";
import { restartAction } from "../../../src/mapping/action.ts";

const WRAPPER = join(import.meta.dirname, "../../../programs/wrapper.sh");
const LIMIT_MS = 20_000;

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** A command that the wrapper runs in a shell, as in a container but for the process ID. */
export class Wrapped implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "kinsync-wrapper-"));
  readonly #shell: readonly string[];
  readonly #process: ChildProcess;
  readonly ended: Promise<number | null>;
  output = "";

  constructor(shell: readonly string[], command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#shell = shell;
    const [program = "", ...words] = shell;
    this.#process = spawn(program, [...words, WRAPPER, ...command], {
      env: { ...process.env, ...this.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process.stdout?.on("data", (data: Buffer) => (this.output += data.toString()));
    this.#process.stderr?.on("data", (data: Buffer) => (this.output += data.toString()));
    this.ended = new Promise((resolve) => this.#process.on("exit", (code) => resolve(code)));
  }

  get env(): Readonly<Record<string, string>> {
    return { KINSYNC_WRAPPER_DIR: join(this.folder, "control"), FOLDER: this.folder };
  }

  read(name: string): string {
    try {
      return readFileSync(join(this.folder, name), "utf8");
    } catch {
      return "";
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Runs a step of a restart, or asks whether the process is held, as a session does. */
  async request(what: "held" | "stop" | "start", { grace = 5_000, settle = 1_000 } = {}): Promise<Ended> {
    const step = stepsOf(restartAction({ grace, settle }), "").find(({ name }) => name === what);
    const command = what === "held" ? heldCommand() : ((step?.command ?? []) as readonly string[]);
    const [, ...words] = command;
    const [program = "", ...options] = this.#shell;
    return await ended(spawn(program, [...options, ...words], { env: { ...process.env, ...this.env } }));
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    const limit = performance.now() + LIMIT_MS;
    while (!condition()) {
      if (performance.now() > limit) throw new Error(`not ${what}: ${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) {
      this.kill("SIGTERM");
      const timer = setTimeout(() => this.kill("SIGKILL"), 3_000);
      await this.ended;
      clearTimeout(timer);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** How a process ends, and what it prints. */
export async function ended(child: ChildProcess): Promise<Ended> {
  let output = "";
  child.stdout?.on("data", (data: Buffer) => (output += data.toString()));
  child.stderr?.on("data", (data: Buffer) => (output += data.toString()));
  const code = await new Promise<number | null>((resolve) => child.on("close", (each) => resolve(each)));
  return { code, output };
}
