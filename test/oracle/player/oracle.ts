import type { KindPlugin, KubeObject } from "@kinsync/core/contract";
import type { Store } from "../cluster/store.ts";

/** The place of a member that its controller gave it. A field that is missing is not compared. */
export interface Place {
  readonly role?: string | undefined;
  readonly index?: string | undefined;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Which pods files must go to, now that the controllers are at rest and the client has seen everything. */
export interface Expectation {
  /** By UID. */
  readonly targets: ReadonlyMap<string, Place>;
  /** Pods of which nothing in the cluster says whether they stay. Any answer is right. Default: none. */
  readonly open?: ReadonlySet<string>;
}

/** One pass of a controller. It yields after each write, so that others can write in between. */
export type Pass = () => Generator<void>;

/** Carries out one thing that users or nodes do. The number chooses between what it could be done to. */
export type Deed = (choice: number) => void;

/** One history of one workload, as far as it has been played. */
export interface Course {
  readonly controllers: Readonly<Record<string, Pass>>;
  /** What users do. */
  readonly deeds: Readonly<Record<string, Deed>>;
  /** Controllers whose decisions are to be seen before answers are compared, in the order in which they build on each other. */
  readonly deciders: readonly string[];
  readonly expected: () => Expectation;
  /** By the delivered root: its controller has not seen its newest spec, so that what it told before may be revoked. Default: never. */
  readonly isInDoubt?: (root: KubeObject) => boolean;
  /** The same for an owner of pods below the root. Default: never. */
  readonly isOwnerInDoubt?: (owner: KubeObject) => boolean;
  /** Groups of a pod besides its UID and those of its owners. Default: none. */
  readonly groupsOf?: (pod: KubeObject) => readonly string[];
  /** Targets of a workload to which nothing happens any more: proves that the controllers that are played do their work. Default: any. */
  readonly finalCount?: () => number | undefined;
}

/** Plays the controllers of one kind. It knows, without the kind's rule, which pods each revision made and which ones are obsolete. */
export interface Oracle {
  /** Name of the kind. */
  readonly name: string;
  readonly kind: () => KindPlugin;
  /** The kinds that its children are delegated to. Default: none. */
  readonly children?: () => readonly KindPlugin[];
  readonly start: (store: Store) => Course;
}

/** Name of the workload that is judged. Others have other names, or had this one before. */
export const ROOT = "web";
