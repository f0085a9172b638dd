import fc from "fast-check";
import { HOSTILE_NAMES } from "../../../packages/transport-exec/test/support/hostile.ts";
import type { Content } from "./folder.ts";

/** One entry of a local tree, or of what the container holds. */
export interface Put {
  readonly path: string;
  readonly content: Content;
}

/** How the mapping is configured from now on. */
export interface Config {
  readonly mirror: boolean;
  /** The user consented to every delete. */
  readonly allowed: boolean;
  readonly inPlace: boolean;
  readonly modes: "portable" | "exact";
  readonly initial: "verify" | "trust" | "full";
  /** Local folder: another one makes the files those of another project. */
  readonly from: "here" | "there";
}

export type Step =
  /** The local tree changes; others change the container's folder after the batch was planned. */
  | { readonly do: "save"; readonly tree: readonly Put[]; readonly meanwhile: Put | undefined }
  | { readonly do: "deliver" }
  | { readonly do: "others"; readonly put: Put }
  | { readonly do: "configure"; readonly config: Config }
  /** The next delivery claims and reads the root again. */
  | { readonly do: "reconnect" }
  /** Others write lines into kinsync's journal. */
  | { readonly do: "forge"; readonly paths: readonly string[] }
  /** A folder on the way to the mapped root is replaced by a link for one delivery. */
  | { readonly do: "redirect"; readonly folder: "app" | "app/src" };

export interface History {
  readonly shape: "directory" | "file";
  readonly start: readonly Put[];
  readonly steps: readonly Step[];
}

const aName = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom("a", "b", "c") },
  { weight: 2, arbitrary: fc.constantFrom(...HOSTILE_NAMES.filter((name) => name.length < 100)) },
);
const aPath = fc.array(aName, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const aText = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom("", "1", "22", "333", "#!/bin/sh\n") },
  { weight: 1, arbitrary: fc.constant("x".repeat(70_000)) },
);
const aMode = fc.constantFrom(0o644, 0o755, 0o600, 0o444);
const aFile = fc.record({ type: fc.constant("file" as const), text: aText, mode: aMode });
/** `OUT` stands for the folder of others. */
const aTarget = fc.constantFrom(
  "OUT",
  "OUT/a",
  "OUT/b",
  "../../out",
  "../../out/b",
  "../out",
  "..",
  "../..",
  ".",
  "a",
  "nowhere",
);
const aLink = fc.record({ type: fc.constant("link" as const), target: aTarget });
const aFolder = fc.constant({ type: "folder" } as const);
const localContent = fc.oneof({ weight: 5, arbitrary: aFile }, { weight: 1, arbitrary: aLink }, aFolder);
const foundContent = fc.oneof(
  { weight: 3, arbitrary: aFile },
  { weight: 4, arbitrary: aLink },
  { weight: 2, arbitrary: aFolder },
  {
    weight: 1,
    arbitrary: fc.constantFrom("OUT/a", "OUT/b/a").map((to): Content => ({ type: "hard link", to })),
  },
  { weight: 2, arbitrary: fc.constant({ type: "nothing" } as const) },
);

const aLocalPut: fc.Arbitrary<Put> = fc.record({ path: aPath, content: localContent });
const aFoundPut: fc.Arbitrary<Put> = fc.record({ path: aPath, content: foundContent });
const aConfig: fc.Arbitrary<Config> = fc.record({
  mirror: fc.boolean(),
  allowed: fc.boolean(),
  inPlace: fc.nat(4).map((number) => number === 0),
  modes: fc.constantFrom("portable", "exact"),
  initial: fc.constantFrom("verify", "verify", "trust", "full"),
  from: fc.constantFrom("here", "here", "there"),
});
/** Paths that leave the root, and paths that others own. */
const forged = fc.oneof(
  aPath,
  fc.constantFrom("../a", "../../out/a", "a/../../../out/a", "OUT/a", "../src.old/a", ".kinsync", "..", "."),
);

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("save" as const),
      tree: fc.array(aLocalPut, { maxLength: 6 }),
      meanwhile: fc.option(aFoundPut, { nil: undefined, freq: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: "deliver" as const }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("others" as const), put: aFoundPut }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("configure" as const), config: aConfig }) },
  { weight: 3, arbitrary: fc.constant({ do: "reconnect" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("forge" as const),
      paths: fc.array(forged, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("redirect" as const),
      folder: fc.constantFrom("app" as const, "app/src" as const),
    }),
  },
);

export const aHistory: fc.Arbitrary<History> = fc.record({
  shape: fc.oneof(
    { weight: 3, arbitrary: fc.constant("directory" as const) },
    { weight: 1, arbitrary: fc.constant("file" as const) },
  ),
  start: fc.array(aFoundPut, { maxLength: 5 }),
  steps: fc.array(aStep, { minLength: 1, maxLength: 5 }),
});
