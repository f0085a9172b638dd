import { randomBytes } from "node:crypto";
import type { ClusterConnection, RunResult, Target } from "@kinsync/core/contract";
import { goneError, lostError, timeoutError } from "../stream/target-error.ts";
import { runProgram } from "./run-program.ts";
import { ExecStream } from "../stream/exec-stream.ts";
import { OutputTail } from "./output-tail.ts";
import type { Hello } from "../agent/attempt.ts";
import { createToken } from "../agent/token.ts";
import { unescapePath } from "../protocol/escape.ts";

/** Output before the first line of the runner at most. */
const MAX_NOISE_BYTES = 64 * 1024;
/** Time for a killed command to end; then the connection is dropped. */
const KILL_GRACE_MS = 3_000;

export interface RunOptions {
  readonly timeout: number;
  readonly signal: AbortSignal;
  readonly onOutput?: (text: string) => void;
  readonly openTimeout: number;
  readonly pingInterval: number;
}

/**
 * Runs a command over an exec stream of its own, so that a long command does not delay files. The stream reaches the container by its
 * name; the command starts only after the incarnation proved that it is the session's container.
 */
export async function runInContainer(
  cluster: ClusterConnection,
  target: Target,
  hello: Hello,
  command: readonly string[] | string,
  options: RunOptions,
): Promise<RunResult> {
  const { signal } = options;
  signal.throwIfAborted();
  const began = performance.now();
  const mark = randomBytes(12).toString("hex");
  const token = createToken();
  const program = runProgram(hello, command, { token, mark });
  const output = new OutputTail(mark, options.onOutput);
  const started = Promise.withResolvers<string>();
  started.promise.catch(() => {});
  const finished = Promise.withResolvers<void>();
  let head: Buffer | undefined = Buffer.alloc(0);

  const receive = (data: Uint8Array): void => {
    if (head === undefined) {
      output.push(data);
      if (output.exitCode !== undefined) finished.resolve();
      return;
    }
    let bytes: Buffer = Buffer.concat([head, data]);
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10)) {
      const line = bytes.subarray(0, end).toString("utf8");
      bytes = bytes.subarray(end + 1);
      // What is not behind the token is noise: output of a shell at its start, of a preload, of a shim.
      const at = line.indexOf(`${token}= `);
      if (at === -1) continue;
      head = undefined;
      started.resolve(line.slice(at + token.length + 2));
      if (bytes.length > 0) receive(bytes);
      return;
    }
    head = bytes;
    if (head.length > MAX_NOISE_BYTES)
      started.reject(lostError(target, `it wrote ${MAX_NOISE_BYTES} bytes before the command began`));
  };

  const stream = await ExecStream.open(cluster, target, program.argv, {
    signal,
    handshakeTimeout: options.openTimeout,
    pingInterval: options.pingInterval,
    onStdout: receive,
    onStderr: () => {},
  });
  const ended = stream.ended.then(() => {
    started.reject(lostError(target, "it ended before the command began"));
    finished.resolve();
  });
  try {
    stream.write(program.first);
    const line = await within(started.promise, options.openTimeout, signal, () =>
      timeoutError(target, "the command did not start", options.openTimeout),
    );
    checkIncarnation(unescapePath(line), hello, target);
    stream.write(program.second);

    let why: RunResult["why"] = "exited";
    const stop = (reason: "timeout" | "aborted") => (): void => {
      if (why !== "exited") return;
      why = reason;
      // The end of the input kills the command with its process group. A stream that does not end then is dropped.
      stream.write("kill\n");
      stream.endInput();
      setTimeout(() => finished.resolve(), KILL_GRACE_MS).unref();
    };
    const timer = setTimeout(stop("timeout"), options.timeout);
    const onAbort = stop("aborted");
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await finished.promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
    if (why === "exited" && output.exitCode === undefined) why = "lost";
    return {
      exitCode: why === "exited" ? output.exitCode : undefined,
      why,
      ...output.result(),
      duration: performance.now() - began,
    };
  } finally {
    stream.drop();
    await ended;
  }
}

/** Rejects a container that is not the session's: it was restarted since. Throws `KINSYNC_TARGET_GONE`. */
export function checkIncarnation(incarnation: string, hello: Hello, target: Target): void {
  if (incarnation === "-" || incarnation === hello.incarnation || hello.incarnation === target.containerId) return;
  throw goneError(target, "the container was restarted");
}

async function within<T>(promise: Promise<T>, limit: number, signal: AbortSignal, late: () => Error): Promise<T> {
  const stop = Promise.withResolvers<never>();
  stop.promise.catch(() => {});
  const timer = setTimeout(() => stop.reject(late()), limit);
  const onAbort = (): void => stop.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, stop.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
