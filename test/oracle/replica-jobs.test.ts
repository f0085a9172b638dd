import { expect, test } from "vitest";
import { setPhase } from "./cluster/kubelet.ts";
import { Store } from "./cluster/store.ts";
import { PODS } from "./cluster/types.ts";
import { endOf, type RestartPolicy } from "./controllers/replica-job.ts";
import { REPLICA_JOB_ORACLES } from "./kinds/replica-job.ts";
import { ROOT } from "./player/oracle.ts";

/** The types of the replicas by kind: the first one is the one whose end is the job's. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  pytorchjob: ["Master", "Worker"],
  tfjob: ["Chief", "Worker"],
  xgboostjob: ["Master", "Worker"],
  paddlejob: ["Master", "Worker"],
  jaxjob: ["Worker"],
  "mpijob v1": ["Launcher", "Worker"],
};

/** A job of training-operator v1.9.3 in which three workers run, and are then changed. @returns how it has ended, if it has */
function endAfter(
  name: string,
  restartPolicy: RestartPolicy,
  change: (store: Store, workers: readonly string[], scale: (replicas: number) => void) => void,
): string | undefined {
  const oracle = REPLICA_JOB_ORACLES.find((each) => each.name === name);
  if (oracle === undefined) throw new Error(`there is no oracle for ${name}`);
  const store = new Store();
  const course = oracle.start(store);
  const root = store.all().find(({ metadata }) => metadata.name === ROOT);
  const [field] = Object.keys(root?.spec ?? {}).filter((key) => key.endsWith("ReplicaSpecs"));
  if (root === undefined || field === undefined) throw new Error(`${name} has no replicas`);
  const { uid } = root.metadata;
  const scale = (replicas: number): void => {
    const entries = (TYPES[name] ?? []).map((type) => {
      return [type, { replicas: type === "Worker" ? replicas : 1, restartPolicy }] as const;
    });
    store.patch(uid, { spec: { [field]: Object.fromEntries(entries) } });
  };
  const pass = (): void => {
    for (const _ of course.controllers["job"]?.() ?? []);
  };
  scale(3);
  pass();
  const pods = store.list(PODS);
  for (const pod of pods) setPhase(store, pod, "Running");
  pass();
  const workers = pods.filter(({ metadata }) => metadata.name.includes("worker")).map(({ metadata }) => metadata.uid);
  expect(workers).toHaveLength(3);
  change(store, workers, scale);
  pass();
  pass();
  return endOf(store.get(uid) ?? root);
}

const deleteOne = (store: Store, [worker = ""]: readonly string[]): void => store.markDeleted(worker);

const UNLESS_NEVER = { OnFailure: undefined, Never: "Failed", ExitCode: undefined };

test.each([
  ["pytorchjob", UNLESS_NEVER],
  ["paddlejob", UNLESS_NEVER],
  ["jaxjob", UNLESS_NEVER],
  ["xgboostjob", { OnFailure: "Failed", Never: "Failed", ExitCode: undefined }],
  ["tfjob", { OnFailure: "Failed", Never: "Failed", ExitCode: "Failed" }],
  ["mpijob v1", { OnFailure: undefined, Never: undefined, ExitCode: undefined }],
] as const)("a running worker of a %s that is being deleted counts as failed", (name, ends) => {
  for (const [policy, end] of Object.entries(ends)) {
    expect([policy, endAfter(name, policy as RestartPolicy, deleteOne)]).toEqual([policy, end]);
  }
});

test("a JAXJob that is scaled down goes on while its removed workers run, and with those that fail", () => {
  const end = endAfter("jaxjob", "ExitCode", (store, [, one = "", two = ""], scale) => {
    scale(1);
    store.markDeleted(one);
    store.markDeleted(two);
    store.patch(two, { status: { phase: "Failed" } });
  });
  expect(end).toBeUndefined();
});

test("a JAXJob that is scaled down has succeeded as soon as a removed worker has", () => {
  const end = endAfter("jaxjob", "ExitCode", (store, [, one = "", two = ""], scale) => {
    scale(1);
    store.markDeleted(one);
    store.markDeleted(two);
    store.patch(two, { status: { phase: "Succeeded" } });
  });
  expect(end).toBe("Succeeded");
});
