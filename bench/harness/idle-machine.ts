import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { progress } from "../report/format.ts";

/** Share of the processors' time that a machine with nothing to do but to keep a cluster may take. */
const IDLE = 0.25;
/** Milliseconds of one look, and how many of them in a row have to be quiet. */
const LOOK = 1_000;
const LOOKS = 3;
/** Milliseconds after which it is measured all the same: a busy machine is told by its load average. */
const PATIENCE = 20_000;

/** Waits until this machine is at rest: the start of many pods, and the end of those before, weigh on it for a while. */
export async function untilQuiet(): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (let quiet = 0; quiet < LOOKS && performance.now() < end;) {
    const before = busyTime();
    await delay(LOOK);
    const after = busyTime();
    const share = (after.busy - before.busy) / (after.all - before.all);
    quiet = share < IDLE ? quiet + 1 : 0;
    progress(`waiting for a quiet machine: ${Math.round(share * 100)}% busy`);
  }
  progress("");
}

function busyTime(): { readonly busy: number; readonly all: number } {
  let busy = 0;
  let all = 0;
  for (const { times } of cpus()) {
    const sum = times.user + times.nice + times.sys + times.irq;
    busy += sum;
    all += sum + times.idle;
  }
  return { busy, all };
}
