import { FAR_MS } from "../stream/link-meter.ts";
import { AGENTS, type Runtime } from "./runtimes.ts";
import { compressText, type RequestParts } from "../protocol/request-text.ts";

/** The sh agent, sent together with the probe. The probe starts it where no agent that is preferred can run, and otherwise skips it. */
export interface SentAhead {
  /** The agent's program, which gzip made smaller, then its first request. */
  readonly parts: RequestParts;
  readonly packedBytes: number;
  readonly bytes: number;
  /** Programs of preferred agents. */
  readonly preferred: readonly string[];
}

export interface SentAheadOptions {
  readonly runtimes: readonly Runtime[];
  /** True for an agent that failed in the container. */
  readonly hasFailed: (runtime: Runtime) => boolean;
  /** Milliseconds of the handshake. */
  readonly handshakeMs: number;
  readonly source: () => string;
  readonly request: () => RequestParts;
}

/** @returns `undefined` where it would not be worth it, or could not be the one that is chosen */
export function sendAhead(options: SentAheadOptions): SentAhead | undefined {
  const { runtimes, hasFailed, handshakeMs, source, request } = options;
  const at = runtimes.indexOf("sh");
  if (handshakeMs < FAR_MS || at === -1 || hasFailed("sh")) return undefined;
  const packed = compressText(source())?.packed;
  if (packed === undefined) return undefined;
  const parts = [packed, ...request()];
  const bytes = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
  const preferred = runtimes.slice(0, at).filter((runtime) => !hasFailed(runtime));
  return { parts, packedBytes: packed.length, bytes, preferred: preferred.flatMap((runtime) => AGENTS[runtime].needs) };
}
