import type { HostedSession } from "../contract/session.ts";
import type { RootSpec } from "../contract/transport.ts";
import type { ResolvedMapping } from "../mapping/mapping.ts";
import type { EligibleContainer } from "../resolve/select/eligible.ts";

/**
 * Opens a session to the container as it is now, by the transport of a mapping.
 * @param roots the mapped roots that the session is for, as far as their shape is known
 */
export type OpenSession = (
  eligible: EligibleContainer,
  mapping: ResolvedMapping,
  roots: readonly RootSpec[],
  signal: AbortSignal,
) => Promise<HostedSession>;
