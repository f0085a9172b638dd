import { spawn } from "node:child_process";
import { once } from "node:events";
import { AGENTS } from "../../src/agent/runtimes.ts";
import { programSource } from "../../src/agent/program-source.ts";
import type { Make } from "./containers.ts";

export const TOKEN = "TOKEN";

/** An agent on its interpreter, without a session: a test writes requests and reads lines. */
export interface BareAgent extends AsyncDisposable {
  readonly pid: number;
  write(data: string | Uint8Array): void;
  /** The next line without its token. Lines of other programs are skipped. */
  line(): Promise<string>;
  /** Lines up to the answer of a request, which is the last one. */
  answer(): Promise<readonly string[]>;
  /** Ends the input. */
  end(): void;
  /** Nobody reads the output from now on. */
  breakOutput(): void;
  /** Settles when the process has ended. */
  readonly ended: Promise<number | null>;
  /** All that it wrote. */
  output(): string;
}

export function startBareAgent(make: Make, folder: string, path: string, idleSeconds = 90): BareAgent {
  const source = programSource(make.runtime, "agent", { token: TOKEN, idleSeconds, encodings: ["gzip"] });
  const size = Buffer.byteLength(source);
  const isShell = make.runtime === "sh";
  const [program = "", ...args] = isShell
    ? [...make.shell, "-c", 'IFS= read -r l; eval "$l"']
    : AGENTS[make.runtime].argv(make.runtime);
  const child = spawn(program, args, { cwd: folder, env: { PATH: path, LC_ALL: "C" }, detached: true });
  child.stdin.on("error", () => {});
  let text = "";
  let all = "";
  let isOver = false;
  let wake = Promise.withResolvers<void>();
  child.stdout.setEncoding("latin1").on("data", (data: string) => {
    text += data;
    all += data;
    wake.resolve();
  });
  child.stdout.on("end", () => {
    isOver = true;
    wake.resolve();
  });
  const ended = once(child, "exit").then(([code]) => code as number | null);
  child.stdin.write(isShell ? `eval "$(dd bs=${size} count=1 iflag=fullblock 2>/dev/null)"\n` : `${size}\n`);
  child.stdin.write(source);
  const line = async (): Promise<string> => {
    for (;;) {
      const end = text.indexOf("\n");
      if (end !== -1) {
        const found = text.slice(0, end);
        text = text.slice(end + 1);
        const at = found.indexOf(TOKEN);
        if (at !== -1) return Buffer.from(found.slice(at + TOKEN.length), "latin1").toString("utf8");
      } else if (isOver) throw new Error(`the agent ended; it wrote ${all}`);
      else {
        wake = Promise.withResolvers<void>();
        await wake.promise;
      }
    }
  };
  return {
    pid: child.pid ?? 0,
    write: (data) => child.stdin.write(data),
    line,
    async answer() {
      const lines: string[] = [];
      for (;;) {
        const next = await line();
        lines.push(next);
        if (next.startsWith(". ") || next.startsWith("! ")) return lines;
      }
    },
    end: () => child.stdin.end(),
    breakOutput: () => void child.stdout.destroy(),
    ended,
    output: () => all,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await ended;
      }
    },
  };
}
