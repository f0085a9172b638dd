import { figures, type TransferView } from "./progress.ts";
import { cut } from "./cut.ts";
import { clean } from "./text.ts";

const NAME_WIDTH = 24;
/** The longest figures, with a blank on each side of the bar: ` 100%, 1023 MiB of 1023 MiB, 1023 KiB/s, 59 min 59 s left`. */
const FIGURES_WIDTH = 58;

/** A bar for a terminal: `train-0 ██████░░░░ 34%  34.0 MiB of 100 MiB  12.1 MiB/s  6.0 s left`. */
export function formatBar(transfer: TransferView, width: number): string {
  const size = Math.max(10, Math.min(30, width - NAME_WIDTH - FIGURES_WIDTH));
  const filled = Math.round(Math.min(1, transfer.sent / transfer.total) * size);
  const bar = "█".repeat(filled) + "░".repeat(size - filled);
  return cut(`${cut(clean(transfer.pod), NAME_WIDTH).padEnd(NAME_WIDTH)} ${bar} ${figures(transfer)}`, width);
}
