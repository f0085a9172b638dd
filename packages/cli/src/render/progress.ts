import type { ProgressEvent } from "@kinsync/core";
import { clean } from "./text.ts";
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
  /** Bytes a second; `undefined` in the first moments. */
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

  /** Another event of a target ends its transfer. */
  end(target: { readonly uid: string; readonly container: string }): void {
    for (const key of this.#transfers.keys()) {
      if (key.startsWith(`${target.uid}/${target.container}/`)) this.#transfers.delete(key);
    }
  }

  /** In the order in which they began: a bar keeps its place. */
  view(): readonly TransferView[] {
    const now = this.#now();
    return [...this.#transfers.values()].map(({ pod, began, from, sent, total }) => {
      const elapsed = now - began;
      const rate = elapsed < 400 || sent <= from ? undefined : ((sent - from) * 1_000) / elapsed;
      const left = rate === undefined ? undefined : ((total - sent) * 1_000) / rate;
      return { pod, sent, total, rate, left };
    });
  }
}

/** The same as words, for a log. */
export function formatTransfer(transfer: TransferView): string {
  return `sending to ${clean(transfer.pod)}: ${figures(transfer)}`;
}

/** Share, bytes, rate and the time that is left. */
function figures(transfer: TransferView): string {
  const { sent, total, rate, left } = transfer;
  const speed = rate === undefined ? "" : `, ${bytes(rate)}/s`;
  return `${share(transfer).trimStart()}, ${bytes(sent)} of ${bytes(total)}${speed}${left === undefined ? "" : `, ${duration(left)} left`}`;
}

/** ` 34%`. */
export function share({ sent, total }: TransferView): string {
  return `${Math.floor((sent / total) * 100)}%`.padStart(4);
}
