import type { EngineEvent, EngineView, Member, Resolution, TargetView } from "@kinsync/core";
import { createPaint } from "../../../src/render/color.ts";
import { createLiveReporter } from "../../../src/render/live.ts";
import type { Reporter } from "../../../src/render/reporter.ts";
import { FakeJobControl, VirtualTerminal } from "./terminal.ts";

type WorkloadView = EngineView["workloads"][number];

/** Local time, so that the pictures are the same in every time zone. */
const TIME = new Date(2026, 0, 1, 10, 42, 7).toISOString();
/** Longer than the time between two frames. */
const FRAME_MS = 130;

export interface MemberSpec {
  readonly name: string;
  readonly role?: string;
  readonly index?: string;
  readonly state?: Member["state"];
  readonly status?: TargetView["status"];
  /** Why the target has this status, or why the member has no target. */
  readonly reason?: string;
}

export interface WorkloadSpec {
  readonly name: string;
  readonly namespace?: string;
  readonly snapshot?: number;
  readonly note?: string;
  readonly members: readonly MemberSpec[];
}

const KINDS: Readonly<Record<string, string>> = { deploy: "Deployment", jobset: "JobSet", sts: "StatefulSet" };

export function workload({ name, namespace = "ml", snapshot = 12, note, members }: WorkloadSpec): WorkloadView {
  const found = members.map(({ name: pod, role, index, state = "current", reason = "" }) => ({
    name: pod,
    uid: pod,
    role,
    index,
    state,
    reason: { code: "c", message: reason },
  })) as unknown as readonly Member[];
  const resolution = {
    workload: { resource: { kind: KINDS[name.split("/")[0] ?? ""] ?? "Pod" }, namespace, name: name.split("/")[1] },
    root: {},
    members: found,
    memberCount: members.length,
    notes: note === undefined ? [] : [{ code: "n", message: note }],
    problems: [],
  } as unknown as Resolution;
  const targets = members.flatMap(({ name: pod, status, reason = "" }): TargetView[] =>
    status === undefined
      ? []
      : [
          {
            pod,
            uid: pod,
            container: "main",
            containerId: status === "waiting" ? undefined : "id",
            mappings: ["src"],
            status,
            snapshot: status === "synced" ? snapshot : undefined,
            files: 1,
            duration: status === "synced" ? 18 : undefined,
            reason: status === "synced" ? "holds the newest snapshot" : reason,
            ...(status === "halted" ? { code: "KINSYNC_TARGET_TAKEN" as const } : {}),
          },
        ],
  );
  return { name, namespace, resolution, mappings: [], snapshot, targets };
}

/** The event of one kind without what all events of a workload share. */
type Input<Name extends EngineEvent["event"]> = Omit<
  Extract<EngineEvent, { readonly event: Name }>,
  "event" | "time" | "workload" | "namespace"
>;

/** A run on a virtual terminal: the real reporter, with a state and events that a test gives it. */
export class ShownRun {
  readonly terminal: VirtualTerminal;
  readonly jobControl = new FakeJobControl();
  readonly reporter: Reporter;
  readonly calls: string[] = [];
  /** Targets with failed commands. */
  dismissed: readonly string[] = [];
  workloads: readonly WorkloadView[];

  private constructor(
    workloads: readonly WorkloadView[],
    { columns = 80, rows = 24, env = {}, keys = true, reporter }: ShownRunOptions,
  ) {
    this.workloads = workloads;
    this.terminal = new VirtualTerminal(columns, rows);
    this.reporter =
      reporter ??
      createLiveReporter({
        output: this.terminal.output,
        paint: createPaint(this.terminal.output, { TERM: "xterm", ...env }, true),
        input: keys ? this.terminal.input : undefined,
        jobControl: keys ? this.jobControl : undefined,
        quit: () => this.calls.push("quit"),
        asksDeletes: true,
      });
  }

  static async start(workloads: readonly WorkloadView[], options: ShownRunOptions = {}): Promise<ShownRun> {
    const run = new ShownRun(workloads, options);
    const named = workloads.map(({ name, namespace }) => ({ workload: name, namespace }));
    run.reporter.start({ command: "up", lines: named.slice(0, 2).map((each) => `${each.workload}: src -> /app/src`) });
    run.reporter.cluster("e2e", "https://127.0.0.1:6443", "ml");
    await run.reporter.prepare();
    const command = (name: string) => () => void run.calls.push(name);
    run.reporter.attach(
      {
        view: () => ({ workloads: run.workloads }),
        commands: {
          rescan: async () => void run.calls.push("rescan"),
          trigger: async () => {
            run.calls.push("trigger");
            return [];
          },
          undo: () => {
            run.calls.push("undo");
            return [];
          },
          pause: command("pause"),
          resume: async () => void run.calls.push("resume"),
          history: () => [],
          dismiss: () => {
            run.calls.push("dismiss");
            return run.dismissed.map((target) => ({ workload: "deploy/web", namespace: "ml", target }));
          },
          reclaim: command("reclaim"),
          retry: command("retry"),
          allowDeletes: command("allowDeletes"),
          setWorkloads: async () => ({ started: [], restarted: [], stopped: [], unchanged: [] }),
        },
      },
      named,
    );
    return run;
  }

  event<Name extends EngineEvent["event"]>(name: Name, input: Input<Name>, of = this.workloads[0]): void {
    const { name: workloadName = "", namespace = "" } = of ?? {};
    const event = { event: name, time: TIME, workload: workloadName, namespace, ...input };
    this.reporter.event(event as unknown as EngineEvent);
  }

  /** A save of one file that all up-to-date targets of a workload received. */
  save(
    path: string,
    options: { readonly snapshot?: number; readonly ms?: number; readonly of?: WorkloadView } = {},
  ): void {
    const { snapshot = 12, ms = 18, of = this.workloads[0] } = options;
    const paths = [path];
    const mapping = { mapping: "src", from: "src", to: "/app/src", files: 14, bytes: 1_000, changed: 1, paths };
    this.event(
      "snapshot",
      { snapshot, files: 14, bytes: 1_000, changed: 1, paths, mappings: [mapping], origin: "save" },
      of,
    );
    const received = of?.targets.filter(({ status }) => status === "synced") ?? [];
    for (const { pod, uid, container } of received) {
      const target = { pod, uid, container };
      this.event("synced", { ...target, mapping: "src", snapshot, files: 1, deleted: 0, bytes: 9, duration: ms }, of);
    }
    for (const { pod, uid, container } of received) {
      this.event("target", { pod, uid, container, status: "synced", snapshot, reason: "" }, of);
    }
  }

  async press(...keys: readonly string[]): Promise<void> {
    for (const key of keys) this.terminal.press(key);
    await this.frame();
  }

  /** Waits for the next frame. */
  async frame(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
    await this.terminal.drawn();
  }

  /** The screen as text, with a frame around it that shows its size. */
  async picture(): Promise<string> {
    await this.frame();
    return framed(await this.terminal.rows(), this.terminal.output.columns ?? 0);
  }
}

export interface ShownRunOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly keys?: boolean;
  /** Default: that of a terminal. */
  readonly reporter?: Reporter;
}

function framed(rows: readonly string[], columns: number): string {
  return `${"=".repeat(columns)}\n${rows.join("\n")}\n${"=".repeat(columns)}\n`;
}
