import { expect, test } from "vitest";
import type { Pod } from "../../src/contract/index.ts";
import { Interner } from "../../src/kube/interner.ts";
import { sharePod } from "../../src/kube/share.ts";
import { trimPod } from "../../src/kube/trim.ts";
import { JOBS, object, pod } from "../support/objects.ts";

const job = object(JOBS, "train-worker-of-a-long-name");

function rawPod(index: number): unknown {
  const name = `train-worker-${index}`;
  const base = pod(name, {
    owner: job,
    labels: { "batch.kubernetes.io/job-name": job.metadata.name, index: String(index) },
    annotations: { "example.com/checksum": "0123456789abcdef" },
    spec: {
      nodeName: "node-of-a-long-name",
      hostname: name,
      containers: [
        {
          name: "main",
          image: "registry.example.com/team/train:1",
          volumeMounts: [
            { name: "data", mountPath: "/data" },
            {
              name: `kube-api-access-${"abcdefghij".slice(index, index + 5)}`,
              mountPath: "/var/run/secrets/kubernetes.io/serviceaccount",
              readOnly: true,
            },
          ],
        },
      ],
    },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: [
        { name: "main", containerID: `containerd://${index}`, ready: true, state: { running: { startedAt: "now" } } },
      ],
    },
  });
  return JSON.parse(JSON.stringify(base)) as unknown;
}

test("two pods of one template share containers, conditions, owner references, annotations and container states", () => {
  const interner = new Interner();
  const [one, two] = [1, 2].map((index) => sharePod(trimPod(rawPod(index)), interner)) as [Pod, Pod];
  expect(one.spec.containers).toBe(two.spec.containers);
  expect(one.status?.conditions).toBe(two.status?.conditions);
  expect(one.metadata.ownerReferences).toBe(two.metadata.ownerReferences);
  expect(one.metadata.annotations).toBe(two.metadata.annotations);
  const [first, second] = [one, two].map(({ status }) => status?.containerStatuses?.[0]);
  expect(first?.state).toBe(second?.state);
});

test("sharing changes nothing that a pod says", () => {
  const interner = new Interner();
  for (const index of [1, 2, 1]) {
    expect(sharePod(trimPod(rawPod(index)), interner)).toEqual(trimPod(rawPod(index)));
  }
});

test("a pod without labels, status or mounts can be shared", () => {
  const raw = { metadata: { name: "a", uid: "1" }, spec: { containers: [{ name: "main" }] } };
  expect(sharePod(trimPod(raw), new Interner())).toEqual({ apiVersion: "v1", kind: "Pod", ...raw });
});

test("the mount of the service account's token loses the random suffix of its name, and nothing else", () => {
  const [container] = trimPod(rawPod(1)).spec.containers;
  expect(container?.volumeMounts).toEqual([
    { name: "data", mountPath: "/data" },
    { name: "kube-api-access", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true },
  ]);
});
