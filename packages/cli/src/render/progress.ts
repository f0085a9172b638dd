import cliProgress from "cli-progress";
import type { ProgressEvent } from "@kinsync/core";
import { clean, cut } from "./text.ts";
import { bytes, duration } from "./units.ts";

/** One transfer that is under way. */
interface Transfer {
  readonly pod: string;
  readonly began: number;
  /** Bytes that were sent when it was first heard of. */
  readonly from: number;
  sent: number;
  total: number;
}

/** What a transfer looks like at one moment. */
export interface TransferView {
  readonly pod: string;
  readonly sent: number;
  readonly total: number;
  /** Bytes a second; `undefined` while it is too early to tell. */
  readonly rate: number | undefined;
  /** Milliseconds that are left at this rate. */
  readonly left: number | undefined;
}

/** Keeps count of long transfers, for rates and the time that is left. */
export class Transfers {
  readonly #now: () => number;
  readonly #transfers = new Map<string, Transfer>();

  /** @param now milliseconds of any clock that only goes forward */
  constructor(now: () => number) {
    this.#now = now;
  }

  progress(event: ProgressEvent): void {
    const key = `${event.uid}/${event.container}/${event.mapping}`;
    const known = this.#transfers.get(key);
    if (event.sent >= event.total) {
      this.#transfers.delete(key);
    } else if (known === undefined || event.sent < known.sent) {
      const { pod, sent, total } = event;
      this.#transfers.set(key, { pod, began: this.#now(), from: sent, sent, total });
    } else {
      known.sent = event.sent;
      known.total = event.total;
    }
  }

  /** A target has something else to tell: its transfer is over. */
  end(target: { readonly uid: string; readonly container: string }): void {
    for (const key of this.#transfers.keys()) {
      if (key.startsWith(`${target.uid}/${target.container}/`)) this.#transfers.delete(key);
    }
  }

  /** Those with the most to go first. */
  view(): readonly TransferView[] {
    const now = this.#now();
    return [...this.#transfers.values()]
      .map(({ pod, began, from, sent, total }) => {
        const elapsed = now - began;
        const rate = elapsed < 400 || sent <= from ? undefined : ((sent - from) * 1_000) / elapsed;
        const left = rate === undefined ? undefined : ((total - sent) * 1_000) / rate;
        return { pod, sent, total, rate, left };
      })
      .toSorted((a, b) => b.total - b.sent - (a.total - a.sent) || a.pod.localeCompare(b.pod));
  }
}

const NAME_WIDTH = 24;
/** The longest figures, with a blank on each side of the bar: ` 100%, 1023 MiB of 1023 MiB, 1023 KiB/s, 59 min 59 s left`. */
const FIGURES_WIDTH = 58;

/** A bar for a terminal: `train-0 ██████░░░░ 34%  34.0 MiB of 100 MiB  12.1 MiB/s  6.0 s left`. */
export function formatBar(transfer: TransferView, width: number): string {
  const { BarFormat } = cliProgress.Format;
  const bar = BarFormat(transfer.sent / transfer.total, {
    barsize: Math.max(10, Math.min(30, width - NAME_WIDTH - FIGURES_WIDTH)),
    barCompleteString: "█".repeat(30),
    barIncompleteString: "░".repeat(30),
    barGlue: "",
  });
  return cut(`${cut(clean(transfer.pod), NAME_WIDTH).padEnd(NAME_WIDTH)} ${bar} ${figures(transfer)}`, width);
}

/** The same as words, for a log. */
export function formatTransfer(transfer: TransferView): string {
  return `sending to ${clean(transfer.pod)}: ${figures(transfer)}`;
}

function figures({ sent, total, rate, left }: TransferView): string {
  const percent = `${Math.floor((sent / total) * 100)}%`.padStart(3);
  const speed = rate === undefined ? "" : `, ${bytes(rate)}/s`;
  return `${percent}, ${bytes(sent)} of ${bytes(total)}${speed}${left === undefined ? "" : `, ${duration(left)} left`}`;
}
