import { oneLine } from "./one-line.ts";

/** The last message of an exec: how the process ended, as far as the server knows. */
export interface ExecStatus {
  readonly success: boolean;
  /** Exit code of the process; `undefined` if it never ran or the server does not report one. 137 is a kill. */
  readonly exitCode: number | undefined;
  /** The server's message, without control characters. */
  readonly message: string;
}

/** Container runtimes repeat the whole command before the reason. */
const MAX_MESSAGE_CHARACTERS = 2_000;

/** Reads a status message (`metav1.Status` in JSON). Never throws: an unreadable message is a failure without an exit code. */
export function parseStatus(payload: Uint8Array): ExecStatus {
  const text = Buffer.from(payload).toString("utf8");
  let status: unknown;
  try {
    status = JSON.parse(text);
  } catch {
    return { success: false, exitCode: undefined, message: oneLine(text, MAX_MESSAGE_CHARACTERS) };
  }
  if (typeof status !== "object" || status === null) {
    return { success: false, exitCode: undefined, message: oneLine(text, MAX_MESSAGE_CHARACTERS) };
  }
  const { status: word, message, reason, details } = status as Record<string, unknown>;
  if (word === "Success") return { success: true, exitCode: 0, message: "" };
  return {
    success: false,
    exitCode: reason === "NonZeroExitCode" ? exitCodeOf(details) : undefined,
    message: oneLine(typeof message === "string" ? message : text, MAX_MESSAGE_CHARACTERS),
  };
}

function exitCodeOf(details: unknown): number | undefined {
  if (typeof details !== "object" || details === null) return undefined;
  const { causes } = details as { causes?: unknown };
  if (!Array.isArray(causes)) return undefined;
  for (const cause of causes as { reason?: unknown; message?: unknown }[]) {
    if (cause?.reason !== "ExitCode") continue;
    const code = Number(cause.message);
    return Number.isInteger(code) ? code : undefined;
  }
  return undefined;
}
