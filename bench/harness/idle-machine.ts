import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { progress } from "../report/format.ts";

/** Share of the processors' time below which a machine that runs a cluster counts as idle. */
const MAX_BUSY_SHARE = 0.25;
const SAMPLE_MS = 1_000;
/** Number of consecutive idle samples. */
const SAMPLES = 3;
/** Time limit; then the measurement starts anyway, and the reported load average shows a busy machine. */
const LIMIT_MS = 20_000;

/** Waits until this machine is idle: the start and the end of many pods keep it busy for a while. */
export async function untilIdle(): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  for (let idle = 0; idle < SAMPLES && performance.now() < end;) {
    const before = busyTime();
    await delay(SAMPLE_MS);
    const after = busyTime();
    const share = (after.busy - before.busy) / (after.all - before.all);
    idle = share < MAX_BUSY_SHARE ? idle + 1 : 0;
    progress(`waiting for an idle machine: ${Math.round(share * 100)}% busy`);
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
