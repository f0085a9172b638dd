import type { PullEvent, PullMember } from "@kinsync/core";
import { clean, cleanData } from "../../render/text.ts";
import { bytes, count, duration } from "../../render/units.ts";
import type { OfWorkload } from "../logs/format-entry.ts";

/** Lines of one member that are printed; the number of the others is in the last one. */
const MAX_LEFT_OUT_LINES = 20;

/** Events as lines for people. */
export class PullFormat {
  readonly #overwrite: boolean;
  /** Lines of each member, by UID. */
  readonly #printed = new Map<string, number>();

  /** @param overwrite files that differ are replaced */
  constructor(overwrite: boolean) {
    this.#overwrite = overwrite;
  }

  /** `undefined`: another line shows it. */
  line(event: PullEvent): string | undefined {
    const who = nameOf(event.member);
    switch (event.type) {
      case "started":
      case "progress":
        return undefined;
      case "left-out": {
        const printed = this.#printed.get(event.member.uid) ?? 0;
        this.#printed.set(event.member.uid, printed + 1);
        if (printed >= MAX_LEFT_OUT_LINES) return undefined;
        const path = event.path === "" ? "the path" : clean(event.path);
        // With it, what is in the way is a link or a folder, which nothing replaces.
        const next =
          event.code !== "exists" || this.#overwrite
            ? ""
            : ". --overwrite replaces files that differ, but no links and folders";
        return `note: ${who}: left out ${path}: ${clean(event.reason)}${next}`;
      }
      case "done": {
        const { written, unchanged, links, leftOut, resumedBytes } = event;
        const parts = [
          `${count(written, "file")} (${bytes(event.bytes)})`,
          ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
          ...(links > 0 ? [count(links, "link")] : []),
          ...(resumedBytes > 0 ? [`${bytes(resumedBytes)} from an earlier pull`] : []),
          ...(leftOut > 0 ? [`${leftOut} left out`] : []),
        ];
        return `${who} -> ${clean(event.to)}: ${parts.join(", ")}`;
      }
      case "retry":
        return `note: ${who}: ${clean(event.error.message)}; trying again in ${duration(event.delay)}`;
      case "failed":
        return `error: ${who}: ${event.error.code}: ${clean(event.error.message)}. ${nextOf(event)}`;
    }
  }
}

/** What arrived of an interrupted pull is not lost. */
function nextOf({ error }: Extract<PullEvent, { readonly type: "failed" }>): string {
  return error.retry === "retry" ? "To go on from what arrived, pull again." : clean(error.hint);
}

export function nameOf({ role, index, pod }: PullMember): string {
  const part = [role, index].filter((each) => each !== undefined).join(" ");
  return part === "" ? clean(pod) : `${clean(part)} (${clean(pod)})`;
}

/** One event as an object for JSON lines. */
export function jsonOf(event: PullEvent, { workload, namespace }: OfWorkload): object {
  const { type, member, ...rest } = event;
  const base = { event: `pull-${type}`, time: new Date().toISOString(), workload, ...member, namespace };
  if (event.type !== "failed" && event.type !== "retry") return cleanData({ ...base, ...rest }) as object;
  const { code, message, hint } = event.error;
  const delay = event.type === "retry" ? { delay: event.delay } : {};
  return { ...base, code, reason: clean(message), hint: clean(hint), ...delay };
}
