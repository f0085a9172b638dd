// One container of a pod, across its restarts.

import { ContainerLog } from "../runtime/container-log.ts";
import type { RunningContainer } from "../runtime/container.ts";
import type { ContainerSpec } from "./pod-spec.ts";
import type { ContainerFacts, ContainerRole, ContainerState } from "./pod-status.ts";

export class ContainerRecord implements ContainerFacts {
  spec: ContainerSpec;
  readonly role: ContainerRole;
  state: ContainerState;
  lastState: Extract<ContainerState, { kind: "terminated" }> | undefined;
  containerId: string | undefined;
  restartCount = 0;
  started = false;
  probedReady = true;
  /** Must end without a restart. */
  stopping = false;
  /** The files of the newest run; absent before the first one. */
  root: string | undefined;
  running: RunningContainer | undefined;
  log = new ContainerLog();
  previousLog: ContainerLog | undefined;

  constructor(spec: ContainerSpec, role: ContainerRole, reason: string) {
    this.spec = spec;
    this.role = role;
    this.state = { kind: "waiting", reason };
  }

  /** A run starts: the last state and log of the previous run are stored, as the kubelet does. */
  begin(containerId: string): void {
    if (this.containerId !== undefined) {
      this.restartCount += 1;
      this.previousLog = this.log;
    }
    if (this.state.kind === "terminated") this.lastState = this.state;
    this.log = new ContainerLog();
    this.containerId = containerId;
  }

  wait(reason: string, message?: string): void {
    if (this.state.kind === "terminated") this.lastState = this.state;
    this.state = { kind: "waiting", reason, ...(message === undefined ? {} : { message }) };
  }
}
