import { share, type TransferView } from "./progress.ts";
import { pad, shorten, widthOf } from "./fit.ts";
import { clean } from "./text.ts";
import { bytes, duration } from "./units.ts";

/** A bar for a terminal: `  train-0 ██████░░░░ 34%  5.5 s left  34 MiB of 100 MiB  12.1 MiB/s`. What does not fit is left out from the right. */
export function formatBar(transfer: TransferView, width: number): string {
  const nameWidth = Math.max(12, Math.min(32, Math.floor(width * 0.3)));
  const size = Math.max(10, Math.min(30, Math.floor(width / 4)));
  const filled = Math.round(Math.min(1, transfer.sent / transfer.total) * size);
  const bar = "█".repeat(filled) + "░".repeat(size - filled);
  const { sent, total, rate, left } = transfer;
  const parts = [
    ...(left === undefined ? [] : [`${duration(left)} left`]),
    `${bytes(sent)} of ${bytes(total)}`,
    ...(rate === undefined ? [] : [`${bytes(rate)}/s`]),
  ];
  let line = `  ${pad(shorten(clean(transfer.pod), nameWidth), nameWidth)} ${bar} ${share(transfer)}`;
  for (const part of parts) if (widthOf(line) + 2 + part.length <= width) line += `  ${part}`;
  return line;
}
