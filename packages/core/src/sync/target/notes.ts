import type { TransportCapabilities } from "../../contract/capabilities.ts";
import type { ReceiptNote } from "../../contract/session.ts";
import type { ResolvedMapping } from "../../mapping/mapping.ts";
import type { Ledger } from "../plan/ledger.ts";
import { withoutComparison, type ModePolicy } from "../plan/modes.ts";
import { planScope, type DesiredRoot } from "./desired-state.ts";
import type { WorkerListener } from "./worker-options.ts";

/** Limit of mount points in one note. */
const MAX_MOUNTS = 10;

/** What a target cannot have, or is left out in it. */
export class TargetNotes {
  readonly #listener: Pick<WorkerListener, "onNote" | "onReceiptNote">;
  readonly #onLearned: (notes: TargetNotes) => void;
  /** Mappings in whose roots a mode could not be set. */
  #fixedModes: Set<string> | undefined;

  /** @param onLearned the notes know something of the target now, and should be kept beyond the session */
  constructor(listener: Pick<WorkerListener, "onNote" | "onReceiptNote">, onLearned: (notes: TargetNotes) => void) {
    this.#listener = listener;
    this.#onLearned = onLearned;
  }

  /** A receipt reports what the target cannot have. Modes that cannot be set are compared no more. */
  received(mapping: string, notes: readonly ReceiptNote[]): void {
    for (const note of notes) {
      if (note.code === "mode") {
        (this.#fixedModes ??= new Set()).add(mapping);
        this.#onLearned(this);
      }
      this.#listener.onReceiptNote(note);
    }
  }

  /** Reports the file systems below a mirrored folder. */
  mounts(root: DesiredRoot, { mounts }: Ledger): void {
    if (!planScope(root).mirror || mounts.size === 0) return;
    const { id, to } = root.mapping;
    const more = mounts.size > MAX_MOUNTS ? ` and ${mounts.size - MAX_MOUNTS} more` : "";
    const paths = [...mounts].sort().slice(0, MAX_MOUNTS).join(", ");
    this.#listener.onNote(
      "mounts",
      `${id}: other file systems are mounted below ${to}, where \`mirror\` deletes nothing: ${paths}${more}`,
    );
  }

  modePolicy({ id, modes }: ResolvedMapping, capabilities: TransportCapabilities): ModePolicy {
    const policy: ModePolicy = capabilities.modes ? modes : "ignored";
    return this.#fixedModes?.has(id) === true ? withoutComparison(policy) : policy;
  }
}
