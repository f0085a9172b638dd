import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { finish, isReady, kubeletWorld, patient, phase, status, text } from "../support/kubelet-world.ts";

describe("a pod with one container", () => {
  it("becomes Running with a container ID, an address and all its conditions", async () => {
    await using world = kubeletWorld();
    world.create("web", { containers: [patient()] });
    const pod = await world.pod("web", isReady);
    expect(phase(pod)).toBe("Running");
    expect(pod.spec?.["nodeName"]).toBe("playground-node");
    expect(status(pod, "main").containerID).toMatch(/^playground:\/\/[0-9a-f]{64}$/);
    expect(pod.status?.["podIP"]).toMatch(/^10\.244\./);
    const conditions = pod.status?.["conditions"] as { type: string; status: string }[];
    expect(conditions.map(({ type, status }) => `${type}=${status}`)).toEqual([
      "PodReadyToStartContainers=True",
      "Initialized=True",
      "Ready=True",
      "ContainersReady=True",
      "PodScheduled=True",
    ]);
  });

  it("runs commands in its container, and reports their output and exit code", async () => {
    await using world = kubeletWorld();
    world.create("web", { containers: [patient("echo hello > made")] });
    await world.said("web", "patient");
    expect(await world.run("web", ["sh", "-c", "cat; cat made; echo no >&2; exit 3"], "in\n")).toEqual({
      code: 3,
      stdout: "in\nhello\n",
      stderr: "no\n",
    });
  });

  it("reports a command that is missing in its image", async () => {
    await using world = kubeletWorld();
    world.create("web", { containers: [patient()] });
    await world.pod("web", isReady);
    const { error } = await world.run("web", ["no-such-command"]);
    expect(error).toContain('exec: "no-such-command": executable file not found in $PATH');
  });

  it("when it is killed, ends its commands with 137 and restarts with new files and a new ID", async () => {
    await using world = kubeletWorld();
    world.create("web", { containers: [patient()] });
    const first = await world.pod("web", isReady);
    const root = world.kubelet.root("default", "web", "main");
    writeFileSync(join(root, "app/precious"), "bytes");
    const long = await world.kubelet.exec(
      { namespace: "default", name: "web" },
      "main",
      ["sh", "-c", "echo up; sleep 100"],
      {
        stdin: false,
      },
    );
    await new Promise((resolve) => long.stdout.once("data", resolve));
    world.kubelet.killContainer("default", "web", "main");
    expect((await finish(long)).code).toBe(137);
    const second = await world.pod("web", (pod) => isReady(pod) && status(pod, "main").restartCount === 1);
    expect(second.metadata.uid).toBe(first.metadata.uid);
    expect(status(second, "main").containerID).not.toBe(status(first, "main").containerID);
    expect(status(second, "main").lastState["terminated"]).toMatchObject({ exitCode: 137, reason: "Error" });
    expect(existsSync(join(world.kubelet.root("default", "web", "main"), "app/precious"))).toBe(false);
  });

  it("ends by SIGTERM within its grace period, and leaves no files", async () => {
    await using world = kubeletWorld();
    world.create("web", { containers: [patient()], terminationGracePeriodSeconds: 30 });
    await world.said("web", "patient");
    const root = world.kubelet.root("default", "web", "main");
    world.store.delete("pods", "default", "web");
    await world.gone("web");
    expect(existsSync(root)).toBe(false);
    expect(world.kubelet.containers()).toEqual([]);
  });

  it("is killed if it ignores SIGTERM", async () => {
    await using world = kubeletWorld();
    const deaf = { ...patient(), command: ["sh", "-c", "trap '' TERM; while :; do sleep 1; done"] };
    world.create("web", { containers: [deaf] });
    await world.pod("web", isReady);
    world.store.delete("pods", "default", "web", { gracePeriodSeconds: 1 });
    await world.gone("web");
    expect(world.kubelet.containers()).toEqual([]);
  });

  it("keeps its log, and that of the previous run", async () => {
    await using world = kubeletWorld();
    world.create("web", { containers: [patient("echo one; echo two")] });
    await world.said("web", "patient");
    const followed = await world.kubelet.logs({ namespace: "default", name: "web" }, undefined, {
      follow: true,
      tailLines: 1,
    });
    world.kubelet.killContainer("default", "web", "main");
    expect(await text(followed)).toBe("patient\n");
    await world.pod("web", (pod) => status(pod, "main").restartCount === 1);
    const previous = await world.kubelet.logs({ namespace: "default", name: "web" }, "main", {
      follow: false,
      previous: true,
    });
    expect(await text(previous)).toBe("one\ntwo\npatient\n");
  });
});

describe("a pod that can't run", () => {
  it("waits for its gates", async () => {
    await using world = kubeletWorld();
    world.create("gated", { containers: [patient()], schedulingGates: [{ name: "a.b/c" }] });
    const pod = await world.pod("gated", (pod) => pod.status?.["conditions"] !== undefined);
    expect(pod.status).toMatchObject({
      phase: "Pending",
      conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }],
    });
    expect(pod.spec?.["nodeName"]).toBeUndefined();
    world.store.update("pods", { ...pod, spec: { ...pod.spec, schedulingGates: [] } });
    await world.pod("gated", isReady);
  });

  it("waits for its image", async () => {
    await using world = kubeletWorld({ backOff: { initialMilliseconds: 5 } });
    world.create("web", { containers: [{ ...patient(), image: "nobody/has:this" }] });
    const pod = await world.pod(
      "web",
      (pod) => status(pod, "main").state["waiting"]?.["reason"] === "ImagePullBackOff",
    );
    expect(phase(pod)).toBe("Pending");
    expect(status(pod, "main").containerID).toBeUndefined();
  });

  it("backs off if its command is missing in the image", async () => {
    await using world = kubeletWorld({ backOff: { initialMilliseconds: 50 } });
    world.create("web", { containers: [{ ...patient(), command: ["nosuch"] }] });
    const pod = await world.pod(
      "web",
      (pod) => status(pod, "main").state["waiting"]?.["reason"] === "CrashLoopBackOff",
    );
    expect(status(pod, "main").lastState["terminated"]).toMatchObject({ exitCode: 128, reason: "StartError" });
    expect(phase(pod)).toBe("Running");
  });

  it("waits for the ConfigMap of its environment", async () => {
    await using world = kubeletWorld();
    const env = [{ name: "WORD", valueFrom: { configMapKeyRef: { name: "words", key: "one" } } }];
    world.create("web", { containers: [{ ...patient(), env }] });
    await world.pod("web", (pod) => status(pod, "main").state["waiting"]?.["reason"] === "CreateContainerConfigError");
    world.store.create("configmaps", "default", { metadata: { name: "words" }, data: { one: "hello" } });
    await world.pod("web", isReady);
    expect((await world.run("web", ["sh", "-c", "echo $WORD"])).stdout).toBe("hello\n");
  });
});

describe("the end of a pod", () => {
  it("is Succeeded if every container succeeded and may not restart", async () => {
    await using world = kubeletWorld();
    world.create("task", {
      restartPolicy: "Never",
      containers: [{ ...patient(), command: ["sh", "-c", "echo done; exit 0"] }],
    });
    const pod = await world.pod("task", (pod) => phase(pod) === "Succeeded");
    expect(status(pod, "main").state["terminated"]).toMatchObject({ exitCode: 0, reason: "Completed" });
    const conditions = pod.status?.["conditions"] as { type: string; status: string; reason?: string }[];
    expect(conditions.find(({ type }) => type === "Ready")).toMatchObject({ status: "False", reason: "PodCompleted" });
    const log = await world.kubelet.logs({ namespace: "default", name: "task" }, undefined, { follow: true });
    expect(await text(log)).toBe("done\n");
    await expect(world.run("task", ["true"])).rejects.toMatchObject({ code: 500, reason: "InternalError" });
    world.store.delete("pods", "default", "task");
    await world.gone("task");
  });

  it("is Failed with the exit code of the process", async () => {
    await using world = kubeletWorld();
    world.create("task", { restartPolicy: "Never", containers: [{ ...patient(), command: ["sh", "-c", "exit 7"] }] });
    const pod = await world.pod("task", (pod) => phase(pod) === "Failed");
    expect(status(pod, "main").state["terminated"]).toMatchObject({ exitCode: 7, reason: "Error" });
  });

  it("is delayed by a restart with the policy OnFailure", async () => {
    await using world = kubeletWorld();
    const command = ["sh", "-c", "[ -e seen/once ] && exit 0; : > seen/once; exit 1"];
    const main = { ...patient(), command, workingDir: "/", volumeMounts: [{ name: "seen", mountPath: "/seen" }] };
    world.create("task", { restartPolicy: "OnFailure", containers: [main], volumes: [{ name: "seen", emptyDir: {} }] });
    const pod = await world.pod("task", (pod) => phase(pod) === "Succeeded");
    expect(status(pod, "main").restartCount).toBe(1);
  });

  it("waits for finalizers", async () => {
    await using world = kubeletWorld();
    world.create("kept", { containers: [patient()] }, { finalizers: ["a.b/c"] });
    await world.said("kept", "patient");
    world.store.delete("pods", "default", "kept");
    const pod = await world.pod("kept", (pod) => phase(pod) === "Succeeded");
    world.store.update("pods", { ...pod, metadata: { ...pod.metadata, finalizers: [] } });
    await world.gone("kept");
    expect(world.store.list("pods")).toEqual([]);
  });
});

describe("a pod with init containers", () => {
  it("runs them in order, before the others, and keeps sidecars running", async () => {
    await using world = kubeletWorld();
    const shared = { volumeMounts: [{ name: "shared", mountPath: "/shared" }], workingDir: "/" };
    world.create("web", {
      initContainers: [
        { ...patient(), name: "first", ...shared, command: ["sh", "-c", "echo first >> shared/order"] },
        { ...patient("echo sidecar >> shared/order"), name: "side", ...shared, restartPolicy: "Always" },
        { ...patient(), name: "last", ...shared, command: ["sh", "-c", "echo last >> shared/order"] },
      ],
      containers: [{ ...patient("echo main >> shared/order"), ...shared }],
      volumes: [{ name: "shared", emptyDir: {} }],
    });
    const pod = await world.pod("web", isReady);
    expect(status(pod, "first", "initContainerStatuses").state["terminated"]).toMatchObject({ reason: "Completed" });
    expect(status(pod, "side", "initContainerStatuses")).toMatchObject({ ready: true, started: true });
    await world.said("web", "patient");
    const { stdout } = await world.run("web", ["cat", "shared/order"]);
    expect(stdout.split("\n").filter((word) => word !== "sidecar")).toEqual(["first", "last", "main", ""]);
  });

  it("ends when its main containers have ended, sidecars or not", async () => {
    await using world = kubeletWorld();
    world.create("task", {
      restartPolicy: "Never",
      initContainers: [{ ...patient(), name: "side", restartPolicy: "Always" }],
      containers: [{ ...patient(), command: ["sh", "-c", "exit 0"] }],
    });
    const pod = await world.pod("task", (pod) => phase(pod) === "Succeeded");
    expect(status(pod, "side", "initContainerStatuses").state["terminated"]).toBeDefined();
  });

  it("fails with them if it may not restart", async () => {
    await using world = kubeletWorld();
    world.create("task", {
      restartPolicy: "Never",
      initContainers: [{ ...patient(), name: "init", command: ["sh", "-c", "exit 2"] }],
      containers: [patient()],
    });
    const pod = await world.pod("task", (pod) => phase(pod) === "Failed");
    expect(status(pod, "main").state["waiting"]).toMatchObject({ reason: "PodInitializing" });
  });
});

describe("a node", () => {
  it("leaves no process and no file behind", async () => {
    const world = kubeletWorld();
    world.create("web", { containers: [patient("sleep 1000 &")] });
    await world.pod("web", isReady);
    const root = world.kubelet.root("default", "web", "main");
    const pid = world.kubelet.containers()[0]?.pid ?? 0;
    expect(() => process.kill(pid, 0)).not.toThrow();
    await world[Symbol.asyncDispose]();
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(existsSync(root)).toBe(false);
  });

  it("shows a container's files from outside", async () => {
    await using world = kubeletWorld();
    world.create("web", { containers: [patient("echo inside > made")] });
    await world.said("web", "patient");
    const pod = await world.pod("web", isReady);
    const root = world.kubelet.hostPathOf(pod.metadata.uid, "main");
    expect(readFileSync(join(root, "app/made"), "utf8")).toBe("inside\n");
  });

  it("delays the start of containers by startDelay", async () => {
    await using world = kubeletWorld({ startDelay: (_pod, container) => (container === "late" ? 60_000 : 0) });
    world.create("web", { containers: [patient(), { ...patient(), name: "late" }] });
    const pod = await world.pod("web", (pod) => status(pod, "main").started);
    expect(status(pod, "late").state["waiting"]).toMatchObject({ reason: "ContainerCreating" });
  });
});
