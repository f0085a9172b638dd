import type { KindDefinition } from "@kinsync/core/contract";
import type { KindModule } from "@kinsync/core/testing";

/** One mistake that an author makes. */
export interface PlantedBug {
  /** What is wrong, in words. */
  readonly bug: string;
  /** Made once for each run of the kit, so that no memory is left from an earlier one. */
  readonly kind: () => Partial<KindDefinition>;
  /** The requirement of the kit that finds it. */
  readonly law: string;
  /** The kind is also checked in a process of its own. */
  readonly isolated?: KindModule;
}

/** A mistake that the kit does not find with the cases of a careful author, and why. */
export interface MissedBug extends Omit<PlantedBug, "law"> {
  readonly why: string;
}

export const EXPECTED = "members are as expected";
