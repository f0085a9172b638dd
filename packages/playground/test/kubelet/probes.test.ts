import { expect, test } from "vitest";
import type { ContainerRecord } from "../../src/kubelet/container-record.ts";
import { watchProbes } from "../../src/kubelet/probes.ts";
import type { RunningContainer } from "../../src/runtime/container.ts";

test("a probe whose command cannot begin, since the container has just ended, fails and rejects nowhere", async () => {
  const signals: string[] = [];
  const { promise: killed, resolve } = Promise.withResolvers<void>();
  const running: RunningContainer = {
    pid: 1,
    liveRoot: "/proc/1/root",
    exited: new Promise(() => undefined),
    signal: (signal) => {
      signals.push(signal);
      resolve();
    },
    exec: () => Promise.reject(new Error("ENOENT: no such file or directory, readlink '/proc/1/root/bin/test'")),
  };
  const probe = { exec: { command: ["test"] }, periodSeconds: 0.01, failureThreshold: 2 };
  const record = { spec: { startupProbe: probe }, started: false, probedReady: false } as unknown as ContainerRecord;
  using _probes = watchProbes(record, running, () => undefined);
  await killed;
  expect(signals).toEqual(["SIGKILL"]);
  expect(record.started).toBe(false);
});
