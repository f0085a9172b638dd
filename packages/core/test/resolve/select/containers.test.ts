import { expect, test } from "vitest";
import type { Pod } from "../../../src/contract/index.ts";
import {
  chooseDefaultContainer,
  containersOf,
  selectContainer,
  type ContainerChoice,
  type ContainerDefaults,
} from "../../../src/resolve/select/containers.ts";
import { pod } from "../../support/objects.ts";

function withContainers(names: readonly string[], annotations: Record<string, string> = {}): Pod {
  return pod("p", { annotations, spec: { containers: names.map((name) => ({ name, image: `registry/${name}:1` })) } });
}

const NO_DEFAULTS: ContainerDefaults = { name: undefined, infrastructure: new Set() };

function chosen(of: Pod, choice: ContainerChoice = {}, defaults = NO_DEFAULTS): string {
  const containers = containersOf(of);
  const defaultContainer = chooseDefaultContainer(of, containers, defaults);
  const found = selectContainer({ name: of.metadata.name, pod: of, containers, defaultContainer }, choice);
  return "missing" in found ? `missing: ${found.missing}` : found.name;
}

test("main containers, native sidecars, running init containers and ephemeral ones could hold files", () => {
  const running = (name: string) => ({ name, containerID: `containerd://${name}`, state: { running: {} } });
  const all = pod("p", {
    spec: {
      containers: [{ name: "main" }],
      initContainers: [{ name: "done" }, { name: "proxy", restartPolicy: "Always" }, { name: "now" }, { name: "next" }],
      ephemeralContainers: [{ name: "debug" }],
    },
    status: {
      phase: "Pending",
      containerStatuses: [{ name: "main", state: { waiting: { reason: "PodInitializing" } } }],
      initContainerStatuses: [
        { name: "done", containerID: "containerd://done", state: { terminated: { exitCode: 0 } } },
        running("proxy"),
        running("now"),
        { name: "next", state: { waiting: { reason: "PodInitializing" } } },
      ],
      ephemeralContainerStatuses: [running("debug")],
    },
  });
  expect(containersOf(all).map(({ name, type, runningId, waiting }) => [name, type, runningId, waiting])).toEqual([
    ["main", "container", undefined, "waiting: PodInitializing"],
    ["proxy", "sidecar", "containerd://proxy", undefined],
    ["now", "init", "containerd://now", undefined],
    ["debug", "ephemeral", "containerd://debug", undefined],
  ]);
});

test.each([
  [
    "a crash loop",
    {
      containerStatuses: [
        { name: "main", state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 40s" } } },
      ],
    },
    "waiting: CrashLoopBackOff (back-off 40s)",
  ],
  [
    "an image that cannot be pulled",
    { containerStatuses: [{ name: "main", state: { waiting: { reason: "ImagePullBackOff" } } }] },
    "waiting: ImagePullBackOff",
  ],
  [
    "an ended container",
    { containerStatuses: [{ name: "main", state: { terminated: { exitCode: 137, reason: "OOMKilled" } } }] },
    "terminated with exit code 137 (OOMKilled)",
  ],
  [
    "a pod without a node",
    {
      phase: "Pending",
      conditions: [
        { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes are available" },
      ],
    },
    "waiting: the pod is not scheduled (Unschedulable: 0/3 nodes are available)",
  ],
  ["an evicted pod", { phase: "Failed", reason: "Evicted" }, "the pod has ended: Failed (Evicted)"],
  ["a pod without a status", {}, "waiting: not started"],
  [
    "a container without an ID yet",
    { containerStatuses: [{ name: "main", containerID: "", state: { running: {} } }] },
    "waiting: it runs, but the API does not name its ID yet",
  ],
])("%s says why it does not run", (_situation, status, sentence) => {
  const [container] = containersOf(pod("p", { status }));
  expect(container).toMatchObject({ runningId: undefined, waiting: sentence });
});

test("the container that is asked for by name or by a part of its image", () => {
  expect(chosen(withContainers(["a", "b"]), { name: "b" })).toBe("b");
  expect(chosen(withContainers(["a", "b"]), { image: "registry/b" })).toBe("b");
  expect(chosen(withContainers(["a", "b"]), { name: "c" })).toBe(
    "missing: pod p has no container named c; it has a, b",
  );
  expect(chosen(withContainers(["a"]), { image: "x" })).toBe(
    "missing: pod p has no container with image x; it has a (registry/a:1)",
  );
});

test("an init container that is asked for while it does not run is missing for that reason", () => {
  const one = pod("p", { spec: { containers: [{ name: "main" }], initContainers: [{ name: "setup" }] } });
  expect(chosen(one, { name: "setup" })).toBe("missing: init container setup of pod p does not run now");
});

test("by default: the annotation, then the kind, then the first that is no sidecar", () => {
  const annotation = { "kubectl.kubernetes.io/default-container": "b" };
  const defaults: ContainerDefaults = { name: "c", infrastructure: new Set(["agent"]) };
  expect(chosen(withContainers(["a", "b", "c"], annotation), {}, defaults)).toBe("b");
  expect(chosen(withContainers(["a", "b", "c"]), {}, defaults)).toBe("c");
  expect(chosen(withContainers(["istio-proxy", "agent", "a"]), {}, defaults)).toBe("a");
  expect(chosen(withContainers(["istio-proxy", "agent"]))).toBe("agent");
  expect(chosen(withContainers(["a"], { "kubectl.kubernetes.io/default-container": "no-more" }))).toBe("a");
});

test("a pod of nothing but a proxy is somebody's own proxy", () => {
  expect(chosen(withContainers(["istio-proxy"]))).toBe("istio-proxy");
});
