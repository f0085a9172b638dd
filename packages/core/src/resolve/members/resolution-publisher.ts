import type { Reason } from "../../contract/kind.ts";
import type { KubeObject } from "../../contract/resource.ts";
import type { KinsyncError } from "../../errors/error.ts";
import { sameJson } from "../../kube/trim.ts";
import type { MemberChange, Resolution, WorkloadRef } from "../resolution.ts";
import type { MemberSnapshot } from "./member-list.ts";
import type { Members } from "./members.ts";

export interface ResolutionPublisherOptions {
  readonly ref: WorkloadRef;
  /** Name of the kind; `undefined` without one. */
  readonly kind: string | undefined;
  readonly members: Members;
  readonly onResolution: (resolution: Resolution, changes: readonly MemberChange[]) => void;
}

/** What a pass found, beside the members. */
export interface PassResult {
  readonly root: KubeObject | undefined;
  readonly problems: readonly KinsyncError[];
  /** Every watch was listed, or is known to be unavailable. */
  readonly isComplete: boolean;
  readonly notes: () => readonly Reason[];
  readonly roles: () => readonly string[] | undefined;
}

const NO_MEMBERS: MemberSnapshot = { members: Object.freeze([]), count: 0 };

/** Makes resolutions of the results of passes, and reports each that differs from the last one. */
export class ResolutionPublisher {
  readonly ready: Promise<Resolution>;
  readonly #ready = Promise.withResolvers<Resolution>();
  readonly #options: ResolutionPublisherOptions;
  /** As in the last resolution. */
  #snapshot: MemberSnapshot = NO_MEMBERS;
  #current: Resolution | undefined;
  #isReady = false;

  constructor(options: ResolutionPublisherOptions) {
    this.#options = options;
    this.ready = this.#ready.promise;
    // A caller that does not wait for it need not handle its rejection.
    this.ready.catch(() => undefined);
  }

  get current(): Resolution | undefined {
    return this.#current;
  }

  publish({ root, problems, isComplete, notes: notesOf, roles: rolesOf }: PassResult): void {
    const becomesReady = !this.#isReady && isComplete;
    if (becomesReady) this.#isReady = true;
    if (!this.#isReady && problems.length === 0) return;
    const { ref, kind, members, onResolution } = this.#options;
    const current = this.#current;
    const notes = this.#isReady ? notesOf() : [];
    const roles = this.#isReady ? rolesOf() : undefined;
    // Before `ready` members are not reported, so that half a list never looks complete.
    const hasChanges = this.#isReady && members.hasChanges;
    const isSame =
      current !== undefined &&
      current.root === root &&
      !hasChanges &&
      current.problems === problems &&
      sameJson(current.notes, notes) &&
      sameJson(current.roles, roles);
    if (!isSame) {
      const changes = hasChanges ? members.takeChanges() : [];
      if (hasChanges) this.#snapshot = members.snapshot();
      this.#current = resolutionOf({ workload: ref, kind, root, notes, roles, problems, snapshot: this.#snapshot });
      onResolution(this.#current, changes);
    }
    if (becomesReady && this.#current !== undefined) this.#ready.resolve(this.#current);
  }

  /** Rejects `ready`, unless it is settled. */
  close(reason: unknown): void {
    this.#ready.reject(reason);
  }
}

function resolutionOf({
  snapshot,
  ...rest
}: Omit<Resolution, "members" | "memberCount"> & { readonly snapshot: MemberSnapshot }): Resolution {
  return {
    ...rest,
    memberCount: snapshot.count,
    get members() {
      return snapshot.members;
    },
  };
}
