import { capabilitiesOf, type TransportCapabilities } from "../contract/capabilities.ts";
import type { HostedSession, ReceiptNote, Session } from "../contract/session.ts";
import type { Target } from "../contract/target.ts";
import type { OpenContext, TransportPlugin } from "../contract/transport.ts";
import { guard } from "./host-guard.ts";
import { checkedSession, GuardedSession, withDefaults, type TransportLimits } from "./host-session.ts";

/** A transport whose calls name plugin and function when they fail or hang, and whose answers are checked. */
export interface HostedTransport {
  readonly name: string;
  /** All capabilities, with the defaults filled in. */
  readonly capabilities: TransportCapabilities;
  /**
   * As the plugin's `open`. Closes a session that arrives after the time limit or after an abort.
   * @param onNote receives the notes of receipts, in the order of the commits
   */
  open(target: Target, context: OpenContext, onNote?: (note: ReceiptNote) => void): Promise<HostedSession>;
}

/** The only way to call a transport and the sessions that it opens. */
export function hostTransport(transport: TransportPlugin, limits: TransportLimits = {}): HostedTransport {
  const { name } = transport;
  const allLimits = withDefaults(limits);
  const capabilities = capabilitiesOf(transport);
  return {
    name,
    capabilities,
    async open(target, context, onNote) {
      const { signal } = context;
      const limitMs = allLimits.answerMs;
      const session = await guard({ plugin: name, operation: "open", limitMs, signal, onLate: closeLate }, () =>
        transport.open(target, { roots: [], options: {}, ...context }),
      );
      return new GuardedSession(name, checkedSession(name, session, capabilities), capabilities, allLimits, onNote);
    },
  };
}

function closeLate(session: Session): void {
  // No caller waits for it, so an error while it closes has no effect.
  void (async () => session[Symbol.asyncDispose]())().catch(() => undefined);
}
