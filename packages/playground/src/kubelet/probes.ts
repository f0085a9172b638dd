// Startup, readiness and liveness probes by exec. Other probes count as passed.

import type { RunningContainer } from "../runtime/container.ts";
import type { ContainerRecord } from "./container-record.ts";
import { delay } from "./delay.ts";
import type { Probe } from "./pod-spec.ts";

/** Runs the probes of one run of a container until it is disposed. `changed` is called when the container became started, ready or unready. */
export function watchProbes(record: ContainerRecord, running: RunningContainer, changed: () => void): Disposable {
  const stop = new AbortController();
  void watch(record, running, changed, stop.signal);
  return { [Symbol.dispose]: () => stop.abort() };
}

async function watch(
  record: ContainerRecord,
  running: RunningContainer,
  changed: () => void,
  signal: AbortSignal,
): Promise<void> {
  const { startupProbe, readinessProbe, livenessProbe } = record.spec;
  if (startupProbe !== undefined) {
    if (!(await untilPassed(startupProbe, running, signal))) return;
    record.started = true;
    record.probedReady = readinessProbe === undefined;
    changed();
  }
  if (readinessProbe !== undefined) {
    void probe(readinessProbe, running, signal, (passed) => {
      if (record.probedReady === passed) return;
      record.probedReady = passed;
      changed();
    });
  }
  if (livenessProbe !== undefined) {
    void probe(livenessProbe, running, signal, (passed) => {
      if (!passed) running.signal("SIGKILL");
    });
  }
}

/** @returns false if the container ends first (too many failures end it). */
async function untilPassed(probe: Probe, running: RunningContainer, signal: AbortSignal): Promise<boolean> {
  for (let failures = 0; await pause(probe, failures === 0, signal);) {
    if (await passes(probe, running)) return !signal.aborted;
    failures += 1;
    if (failures >= (probe.failureThreshold ?? 3)) {
      running.signal("SIGKILL");
      return false;
    }
  }
  return false;
}

async function probe(
  probe: Probe,
  running: RunningContainer,
  signal: AbortSignal,
  verdict: (passed: boolean) => void,
): Promise<void> {
  let passed = 0;
  let failed = 0;
  for (let first = true; await pause(probe, first, signal); first = false) {
    const ok = await passes(probe, running);
    if (signal.aborted) return;
    passed = ok ? passed + 1 : 0;
    failed = ok ? 0 : failed + 1;
    if (passed >= (probe.successThreshold ?? 1)) verdict(true);
    if (failed >= (probe.failureThreshold ?? 3)) verdict(false);
  }
}

function pause(probe: Probe, first: boolean, signal: AbortSignal): Promise<boolean> {
  return delay((first ? (probe.initialDelaySeconds ?? 0) : (probe.periodSeconds ?? 10)) * 1000, signal);
}

async function passes({ exec, timeoutSeconds = 1 }: Probe, running: RunningContainer): Promise<boolean> {
  if (exec?.command === undefined) return true;
  try {
    return await succeeds(exec.command, timeoutSeconds, running);
  } catch {
    // The container ended before its command could begin: a failure, as with the kubelet.
    return false;
  }
}

async function succeeds(
  command: readonly string[],
  timeoutSeconds: number,
  running: RunningContainer,
): Promise<boolean> {
  const process = await running.exec(command, { stdin: false });
  process.stdout.resume();
  process.stderr.resume();
  const timer = setTimeout(() => process.kill(), timeoutSeconds * 1000).unref();
  const exit = await process.exit;
  clearTimeout(timer);
  return "code" in exit && exit.code === 0;
}
