import { workload, type MemberSpec, type ShownRun, type WorkloadSpec } from "./shown-run.ts";

export interface Scene {
  readonly name: string;
  readonly workloads: readonly WorkloadSpec[];
  readonly play?: (run: ShownRun) => void | Promise<void>;
  /** Causes that must be on the screen in full. */
  readonly causes?: readonly string[];
}

const up = (name: string, more: Partial<MemberSpec> = {}): MemberSpec => ({ name, status: "synced", ...more });
const times = (number: number, make: (index: number) => MemberSpec): readonly MemberSpec[] =>
  Array.from({ length: number }, (_, index) => make(index));
const llama = (index: number): MemberSpec =>
  up(`llama3-finetune-experiment-42-worker-0-${index}-x7k2p`, { role: "worker", index: `0/${index}` });

const DENIED = "permission denied for /app/live: the container's user (uid 1000) may not write there";
const FORBIDDEN = (pod: string): string =>
  `Cannot exec into pod ux-new/${pod}: pods "${pod}" is forbidden: User "system:serviceaccount:ux-new:dev" cannot get resource "pods/exec" in API group "" in the namespace "ux-new"`;
/** Told once for all targets. */
const NO_RIGHT = "Cannot exec into pods in namespace ux-new: the user has no right to pods/exec";
const PENDING =
  "the pod is not scheduled (Unschedulable: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.)";
/** As a message has it, and as the screen shows it, in local time. */
const TAKEN = `another kinsync (root@bar, since ${new Date(2026, 0, 1, 9, 48, 49).toISOString()}) now writes /app/src`;
const TAKEN_SHOWN = "another kinsync (root@bar, since 2026-01-01 09:48:49) now writes /app/src";

/** Situations of a run. Each is shown at each width. */
export const SCENES: readonly Scene[] = [
  {
    name: "one pod, up to date",
    workloads: [{ name: "pod/app", snapshot: 2, members: [up("app")] }],
    play: (run) => run.save("app.py", { snapshot: 2 }),
  },
  {
    name: "five members of a JobSet, three saves",
    workloads: [
      {
        name: "jobset/train",
        members: [
          up("train-head-0-0-6m9sq", { role: "head" }),
          ...times(4, (index) => up(`train-worker-0-${index}-s59p9`)),
        ],
      },
    ],
    play: (run) => {
      run.save("app.py");
      run.save("設定/日本語のファイル.py", { ms: 1_240 });
      run.save("lib/util.py", { ms: 9 });
    },
  },
  {
    name: "25 members, up to date",
    workloads: [{ name: "jobset/llama3-finetune-experiment-42", members: times(25, llama) }],
    play: (run) => run.save("train.py", { ms: 36 }),
  },
  {
    name: "25 members, one of each problem",
    workloads: [
      {
        name: "jobset/llama3-finetune-experiment-42",
        members: [
          ...times(20, llama),
          { ...llama(20), status: "failed", reason: `pod/${llama(20).name}, container main: ${DENIED}` },
          {
            ...llama(21),
            status: "waiting",
            reason: "waiting: CrashLoopBackOff (back-off 5m0s restarting failed container)",
          },
          { ...llama(22), status: "stale", reason: "the connection was lost" },
          { ...llama(23), status: "halted", reason: `pod/${llama(23).name}, container main: ${TAKEN}` },
          { ...llama(24), status: "syncing", reason: "to snapshot 12" },
        ],
      },
    ],
    causes: [
      DENIED,
      "CrashLoopBackOff (back-off 5m0s restarting failed container)",
      "the connection was lost",
      TAKEN_SHOWN,
    ],
  },
  {
    name: "25 members, no permission to exec",
    workloads: [
      {
        name: "deploy/web",
        namespace: "ux-new",
        members: times(25, (index) => {
          const name = `web-79fcc7575c-${String(index).padStart(5, "k")}`;
          return { name, status: "stale", reason: FORBIDDEN(name) };
        }),
      },
    ],
    play: (run) => {
      const { pod = "", uid = "", reason = "" } = run.workloads[0]?.targets[0] ?? {};
      const target = {
        pod,
        uid,
        container: "main",
        code: "KINSYNC_CLUSTER_FORBIDDEN",
        hint: "",
        delay: 4_000,
      } as const;
      run.event("note", { code: target.code, reason: NO_RIGHT });
      run.event("retry", { ...target, reason });
    },
    causes: [FORBIDDEN("<pod>")],
  },
  {
    name: "200 members, three problems",
    workloads: [
      {
        name: "jobset/train",
        members: times(200, (index) => {
          const member = up(`train-worker-0-${index}-s59p9`, { role: "worker", index: `0/${index}` });
          if (index % 50 === 7)
            return { ...member, status: "failed", reason: `pod/${member.name}, container main: ${DENIED}` };
          if (index % 20 === 3) return { ...member, status: "waiting", reason: "waiting: ImagePullBackOff" };
          if (index === 100)
            return { ...member, status: "halted", reason: `pod/${member.name}, container main: ${TAKEN}` };
          return member;
        }),
      },
    ],
    causes: [DENIED, "ImagePullBackOff", TAKEN_SHOWN],
  },
  {
    name: "11 workloads",
    workloads: [
      { name: "deploy/ok", members: [up("ok-7d9d9c9f4c-fdh68"), up("ok-7d9d9c9f4c-l9bp6"), up("ok-7d9d9c9f4c-2ntqj")] },
      {
        name: "deploy/ro",
        members: [{ name: "ro-5d4f", status: "failed", reason: "cannot write to /app: the file system is read-only" }],
      },
      {
        name: "deploy/nosh",
        members: [
          { name: "nosh-667c669bb4-h69xk", status: "failed", reason: "no python3 or node, and no shell with tar" },
        ],
      },
      { name: "deploy/crash", members: [{ name: "crash-1", status: "waiting", reason: "waiting: CrashLoopBackOff" }] },
      {
        name: "deploy/pending",
        members: [{ name: "pending-78d7ccc9c4-8d89j", status: "waiting", reason: `waiting: ${PENDING}` }],
      },
      {
        name: "deploy/noimg",
        note: "Roll-out is stuck (ProgressDeadlineExceeded): 1 of 1 new pods exists, none is running",
        members: [{ name: "noimg-55dfbb494f-w29pn", status: "waiting", reason: "waiting: ErrImagePull" }],
      },
      {
        name: "deploy/user",
        members: [
          {
            name: "user-7b969f55d9-rshwd",
            status: "failed",
            reason: `pod/user-7b969f55d9-rshwd, container main: ${DENIED}`,
          },
        ],
      },
      { name: "deploy/zero", note: "the Deployment is scaled to 0 replicas", members: [] },
      { name: "sts/db", members: [up("db-0"), up("db-1")] },
      { name: "deploy/web", namespace: "shop", members: [up("web-1")] },
      { name: "deploy/web", namespace: "blog", members: [up("web-2")] },
    ],
  },
  {
    name: "a command failed in all of 25 members",
    workloads: [
      { name: "deploy/web", members: times(25, (index) => up(`web-79fcc7575c-${String(index).padStart(5, "k")}`)) },
    ],
    play: (run) => {
      run.save("requirements.txt");
      for (const { pod, uid, container } of run.workloads[0]?.targets ?? []) {
        run.event("run", {
          pod,
          uid,
          container,
          command: "pip install -r /app/src/requirements.txt",
          exitCode: 1,
          ok: false,
          output: "Collecting numpyy\nERROR: No matching distribution found for numpyy\n",
          duration: 812,
          reason: "ended with exit code 1",
        });
      }
      const failed = {
        command: "pip install -r /app/src/requirements.txt",
        exitCode: 1,
        reason: "ended with exit code 1",
        output: "Collecting numpyy\nERROR: No matching distribution found for numpyy",
        holds: false,
      };
      run.workloads = run.workloads.map((each) => ({
        ...each,
        targets: each.targets.map((target) => ({ ...target, failedRuns: [failed] })),
      }));
    },
    causes: ["exit code 1: ERROR: No matching distribution found for numpyy"],
  },
  {
    name: "large files on their way",
    workloads: [
      {
        name: "deploy/ok",
        members: times(8, (index) => ({
          name: `ok-7d9d9c9f4c-${String(index).padStart(5, "z")}`,
          status: "syncing",
          reason: "to snapshot 12",
        })),
      },
    ],
    play: async (run) => {
      const MIB = 1024 * 1024;
      for (const { pod, uid, container } of run.workloads[0]?.targets ?? []) {
        run.event("progress", { pod, uid, container, mapping: "src", sent: 20 * MIB, total: 57 * MIB });
      }
    },
  },
  {
    name: "25 members, all shown",
    workloads: [
      {
        name: "jobset/llama3-finetune-experiment-42",
        members: [
          ...times(24, llama),
          {
            name: "llama3-finetune-experiment-42-old-1",
            state: "superseded",
            reason: "its Job is of attempt 0; the JobSet is at attempt 1",
          },
        ],
      },
    ],
    play: (run) => run.press("a"),
  },
  {
    name: "help",
    workloads: [{ name: "jobset/train", members: times(5, (index) => up(`train-worker-0-${index}-s59p9`)) }],
    play: (run) => run.press("?"),
  },
  {
    name: "the end of a run",
    workloads: [
      { name: "jobset/train", members: times(5, (index) => up(`train-worker-0-${index}-s59p9`)) },
      {
        name: "deploy/user",
        members: [
          {
            name: "user-7b969f55d9-rshwd",
            status: "failed",
            reason: `pod/user-7b969f55d9-rshwd, container main: ${DENIED}`,
          },
        ],
      },
    ],
    play: async (run) => {
      run.save("app.py");
      await run.frame();
      run.reporter.end([]);
    },
    causes: [DENIED],
  },
];

export const workloadsOf = (scene: Scene) => scene.workloads.map(workload);
