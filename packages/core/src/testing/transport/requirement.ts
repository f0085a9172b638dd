import type { TransportCapabilities } from "../../contract/capabilities.ts";
import type { TransportEnvironment } from "./environment.ts";
import type { Fixture } from "./fixture.ts";

/** What a transport must claim for a requirement to apply to it. */
export type Need =
  | "folders"
  | "links"
  | "modes"
  | "deletes"
  | "run"
  | "pull"
  | "inPlace"
  | "mirror"
  | "atomic: file"
  | "atomic: batch"
  | "acknowledges: seen"
  | "acknowledges: accepted";

/** What an environment must be able to do for a requirement to be checked. */
export type Hook = "makeLink" | "restart" | "breakConnection" | "cutNext" | "stall" | "smallFolder";

/** One thing that a transport must do. */
export interface Requirement {
  /** Scenario and result. */
  readonly name: string;
  /** Default: it applies to every transport. */
  readonly needs?: readonly Need[];
  /** Default: every environment can check it. */
  readonly hooks?: readonly Hook[];
  /** Rejects where the transport does not meet the requirement; throws `NotApplicable` where it turns out not to apply. */
  readonly check: (fixture: Fixture) => Promise<void>;
}

/** The requirement does not apply to this transport or cannot be checked in this environment. */
export class NotApplicable extends Error {}

/** Why a requirement is skipped; `undefined` where it is to be checked. */
export function reasonToSkip(
  { needs = [], hooks = [] }: Requirement,
  capabilities: TransportCapabilities,
  environment: TransportEnvironment,
): string | undefined {
  const unclaimed = needs.filter((need) => !isClaimed(need, capabilities));
  if (unclaimed.length > 0) return `not claimed by the transport: ${unclaimed.join(", ")}`;
  const missing = hooks.filter((hook) => environment[hook] === undefined);
  return missing.length === 0 ? undefined : `missing in the test environment: ${missing.join(", ")}`;
}

function isClaimed(need: Need, { atomic, acknowledges, ...capabilities }: TransportCapabilities): boolean {
  switch (need) {
    case "atomic: file":
      return atomic !== "none";
    case "atomic: batch":
      return atomic === "batch";
    case "acknowledges: seen":
      return acknowledges === "seen";
    case "acknowledges: accepted":
      return acknowledges === "accepted";
    default:
      return capabilities[need];
  }
}
