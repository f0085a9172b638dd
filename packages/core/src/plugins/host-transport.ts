import { posix } from "node:path";
import { capabilitiesOf, type TransportCapabilities } from "../contract/capabilities.ts";
import type { HostedSession, Session } from "../contract/session.ts";
import type { RootSpec } from "../contract/batch.ts";
import type { Place, PlaceContext } from "../contract/place.ts";
import type { Target } from "../contract/target.ts";
import type { OpenContext, TransportPlugin } from "../contract/transport.ts";
import { answer, call, describe, isRecord, isText, pluginError } from "./host-error.ts";
import { guard } from "./host-guard.ts";
import {
  checkedSession,
  GuardedSession,
  withDefaults,
  type SessionHost,
  type TransportLimits,
} from "./host-session.ts";

/** A transport whose calls name plugin and function when they fail or hang, and whose answers are checked. */
export interface HostedTransport {
  readonly name: string;
  /** All capabilities, with the defaults filled in. */
  readonly capabilities: TransportCapabilities;
  /** As the plugin's `open`. Closes a session that arrives after the time limit or after an abort. */
  open(target: Target, context: OpenContext): Promise<HostedSession>;
  /**
   * As the plugin's `place`; `undefined` where it has none.
   * @throws `KINSYNC_PLUGIN_FAILED` where it throws or returns something else
   */
  place(target: Target, root: RootSpec, context: PlaceContext): Place | undefined;
}

/** The only way to call a transport and the sessions that it opens. */
export function hostTransport(transport: TransportPlugin, limits: TransportLimits = {}): HostedTransport {
  const { name } = transport;
  const allLimits = withDefaults(limits);
  const capabilities = capabilitiesOf(transport);
  const host: SessionHost = {
    plugin: name,
    capabilities,
    limits: allLimits,
    endOf: (error) => ({ why: "lost", error: pluginError(name, "ended", error) }),
  };
  return {
    name,
    capabilities,
    async open(target, context) {
      const { signal } = context;
      const limitMs = allLimits.answerMs;
      const session = await guard({ plugin: name, operation: "open", limitMs, signal, onLate: closeLate }, () =>
        transport.open(target, { roots: [], options: {}, ...context }),
      );
      return new GuardedSession(checkedSession(name, session, capabilities), host);
    },
    place: (target, root, context) => call(name, "place", () => checkedPlace(transport.place?.(target, root, context))),
  };
}

function checkedPlace(place: unknown): Place | undefined {
  if (place === undefined) return undefined;
  if (!isRecord(place)) throw answer(`the place is ${describe(place)}, not an object`);
  const { volume, path, readOnly } = place;
  if (!isText(volume)) throw answer(`the place's \`volume\` is ${describe(volume)}, not a text`);
  if (!isText(path) || !path.startsWith("/") || posix.resolve(path) !== path) {
    throw answer(`the place's \`path\` is ${describe(path)}, not an absolute normalized path`);
  }
  return { volume, path, ...(readOnly === true ? { readOnly } : {}) };
}

function closeLate(session: Session): void {
  // No caller waits for it, so an error while it closes has no effect.
  void (async () => session[Symbol.asyncDispose]())().catch(() => undefined);
}
