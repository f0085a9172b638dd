/** The last message of an exec: how the process ended, as far as the server knows. */
export interface ExecStatus {
  readonly success: boolean;
  /** Exit code of the process; `undefined` where it never ran or the server does not say. 137 is a kill. */
  readonly exitCode: number | undefined;
  /** The server's own words, without control characters. */
  readonly message: string;
}

/** A runtime repeats the whole command before it comes to the point. */
const LONGEST = 2_000;

/** Reads a status message (`metav1.Status` in JSON). Never throws: what cannot be read is a failure without an exit code. */
export function parseStatus(payload: Uint8Array): ExecStatus {
  const text = Buffer.from(payload).toString("utf8");
  let status: unknown;
  try {
    status = JSON.parse(text);
  } catch {
    return { success: false, exitCode: undefined, message: plainText(text, LONGEST) };
  }
  if (typeof status !== "object" || status === null) {
    return { success: false, exitCode: undefined, message: plainText(text, LONGEST) };
  }
  const { status: word, message, reason, details } = status as Record<string, unknown>;
  if (word === "Success") return { success: true, exitCode: 0, message: "" };
  return {
    success: false,
    exitCode: reason === "NonZeroExitCode" ? exitCodeOf(details) : undefined,
    message: plainText(typeof message === "string" ? message : text, LONGEST),
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

/**
 * One line for a message, by default of at most 300 characters: what a container says is foreign text. Both ends are kept, since
 * tools name the path first and the reason last.
 */
export function plainText(text: string, longest = 300): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ").trim();
  if (line.length <= longest) return line;
  const tail = Math.floor(longest / 3);
  return `${line.slice(0, longest - tail - 1)}…${line.slice(-tail)}`;
}
