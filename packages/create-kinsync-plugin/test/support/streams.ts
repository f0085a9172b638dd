import { PassThrough } from "node:stream";
import type { Streams } from "../../src/main.ts";

/** The streams of a process in a folder, with what was written to them. */
export interface FakeProcess extends Streams {
  readonly stdin: PassThrough & { readonly isTTY?: boolean };
  readonly output: () => string;
  readonly errors: () => string;
}

export function fakeProcess(folder: string, { isTerminal = false, env = {} } = {}): FakeProcess {
  const tty = isTerminal ? { isTTY: true, columns: 100, rows: 30, setRawMode: () => undefined } : {};
  const [stdin, stdout] = [Object.assign(new PassThrough(), tty), Object.assign(new PassThrough(), tty)];
  const stderr = new PassThrough();
  const [output, errors] = [textOf(stdout), textOf(stderr)];
  return { stdin, stdout, stderr, env, cwd: () => folder, output, errors };
}

function textOf(stream: PassThrough): () => string {
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}
