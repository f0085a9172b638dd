import type { GangState } from "@kinsync/core";
import type { Paint } from "./color.ts";
import { clean } from "./text.ts";

/** Members that are named of those that the others wait for. */
const NAMED = 3;

/** `prepared 4 of 5, waiting for pod/x, container main: no space left on the device`. */
export function formatPrepared({ prepared, members, needed, waitingFor }: GangState): string {
  const quorum = needed === members ? "" : ` (${needed} are enough)`;
  return `prepared ${prepared} of ${members}${quorum}${formatHolders(waitingFor)}`;
}

/** What a gang did, or cannot do, as a line; `undefined` where the statuses of its members show it. */
export function formatGang(state: GangState, paint: Paint): string | undefined {
  const { phase, snapshot, waitingFor } = state;
  const name = `snapshot ${snapshot}`;
  switch (phase) {
    case "held":
      return `${paint("yellow", "held")} ${name}: ${formatPrepared(state)}; no container shows it`;
    case "given-up":
      return `${paint("yellow", "given up")} ${name}: ${formatPrepared(state)}; no container shows it. The next save or \`kinsync trigger\` tries again`;
    case "rolled-back":
      return `${paint("yellow", "rolled back")} ${name}${formatHolders(waitingFor, "did not reach")}; all containers return to the snapshot before`;
    case "committed":
      return waitingFor.length === 0 ? undefined : `${paint("yellow", "late")} ${name}${formatHolders(waitingFor)}`;
    case "preparing":
    case "released":
      return undefined;
  }
}

function formatHolders(holders: GangState["waitingFor"], verb = "waiting for"): string {
  if (holders.length === 0) return "";
  const named = holders.slice(0, NAMED).map(({ target, reason }) => {
    // Errors name their target first.
    const why = clean(reason).replace(`${clean(target)}: `, "");
    return `${clean(target)}${why === "" ? "" : `: ${why}`}`;
  });
  const more = holders.length - named.length;
  return `, ${verb} ${named.join("; ")}${more > 0 ? ` and ${more} more` : ""}`;
}
