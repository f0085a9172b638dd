import type { SourceChange } from "./plant.ts";

/** One mistake of an author, and the requirement of the kit that finds it. */
export interface PlantedBug extends SourceChange {
  readonly bug: string;
  readonly law: string;
}

/** A mistake that the kit does not find in this environment, and why. */
export interface MissedBug extends SourceChange {
  readonly bug: string;
  readonly why: string;
}

/** A mistake in `open` or in what is claimed. */
export const inShare = (bug: string, law: string, from: string, to: string): PlantedBug => ({
  bug,
  law,
  file: "share.ts",
  from,
  to,
});
/** A mistake in the session. */
export const inSession = (bug: string, law: string, from: string, to: string): PlantedBug => ({
  bug,
  law,
  file: "share-session.ts",
  from,
  to,
});
/** A mistake in what is pulled. */
export const inPull = (bug: string, law: string, from: string, to: string): PlantedBug => ({
  bug,
  law,
  file: "share-pull.ts",
  from,
  to,
});
