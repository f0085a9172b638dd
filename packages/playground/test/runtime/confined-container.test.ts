import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chooseConfinement } from "../../src/runtime/confinement.ts";
import { isReady, kubeletWorld, patient, status, text, type KubeletWorld } from "../support/kubelet-world.ts";

const found = await chooseConfinement("auto");
const confinable = found.kind === "confined";
const isRoot = confinable && !found.tools.userNamespace;

describe.runIf(confinable)("a confined container", () => {
  let world: KubeletWorld;
  beforeAll(async () => {
    world = kubeletWorld({ confinement: "confined" });
    world.create("box", {
      containers: [
        {
          ...patient(),
          volumeMounts: [
            { name: "small", mountPath: "/small" },
            { name: "words", mountPath: "/words" },
            { name: "words", mountPath: "/app/single.txt", subPath: "one" },
            { name: "shared", mountPath: "/deep/er", subPath: "sub", readOnly: true },
            // Inner ones first, with and without a slash at the end: the API accepts both.
            { name: "inner", mountPath: "/data/sub/inner/", readOnly: true },
            { name: "below", mountPath: "/data/sub" },
            { name: "words", mountPath: "/data/words" },
            { name: "words", mountPath: "/data/one.txt", subPath: "one" },
            { name: "outer", mountPath: "/data/" },
            { name: "outer", mountPath: "/dev/shm/more" },
          ],
        },
        {
          ...patient(),
          name: "locked",
          securityContext: { readOnlyRootFilesystem: true },
          volumeMounts: [{ name: "shared", mountPath: "/rw" }],
        },
        { ...patient(), name: "machine", image: "playground/machine" },
        { name: "empty", image: "playground/empty" },
      ],
      volumes: [
        { name: "small", emptyDir: { sizeLimit: "1Mi" } },
        { name: "words", configMap: { name: "words" } },
        { name: "shared", emptyDir: {} },
        { name: "outer", emptyDir: {} },
        { name: "below", emptyDir: {} },
        { name: "inner", emptyDir: { sizeLimit: "1Mi" } },
      ],
    });
    world.store.create("configmaps", "default", { metadata: { name: "words" }, data: { one: "1", two: "2" } });
    await world.pod("box", isReady);
  });
  afterAll(() => world[Symbol.asyncDispose]());

  function sh(
    script: string,
    container = "main",
  ): Promise<{ code?: number; error?: string; stdout: string; stderr: string }> {
    return world.run("box", ["sh", "-c", script], undefined, container);
  }

  // With a socket as its input, it would lock its output in the kernel, and block every reader, until it is killed.
  it("does not block the playground while one of its programs waits for input", async () => {
    const ref = { namespace: "default", name: "box" };
    const cat = await world.kubelet.exec(ref, "main", ["timeout", "10", "cat"], { stdin: true });
    cat.stdin.write("words\n");
    const [first] = (await once(cat.stdout, "data")) as [Buffer];
    expect(String(first)).toBe("words\n");
    cat.stdin.end();
    expect(await cat.exit).toEqual({ code: 0 });
  });

  it("has its own root for absolute paths", async () => {
    const { stdout } = await sh("pwd; hostname; ls /; echo $HOSTNAME; readlink /proc/1/exe");
    expect(stdout.split("\n")).toEqual(
      expect.arrayContaining(["/app", "box", "app", "bin", "dev", "proc", "tmp", "/bin/busybox"]) as string[],
    );
    expect(stdout).not.toContain("playground");
  });

  it("has its own PID namespace", async () => {
    const { stdout } = await sh("ls -d /proc/[0-9]*; cat /proc/1/cmdline | tr '\\0' ' '");
    expect(stdout.split("\n").length).toBeLessThan(12);
    expect(stdout).toContain("sh -c");
  });

  it("has the devices that programs expect", async () => {
    const { code, stdout } = await sh(
      "echo x > /dev/null && head -c 4 /dev/zero | wc -c && [ -c /dev/urandom ] && echo y > /dev/shm/f && ls -a /dev",
    );
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/playground|machine/);
  });

  it("can open its outputs by name, also those of another process", async () => {
    const { stdout, stderr } = await sh("echo o >/dev/stdout; echo e >/dev/stderr; echo another >/proc/1/fd/1");
    expect({ stdout, stderr }).toEqual({ stdout: "o\n", stderr: "e\n" });
    await expect(world.said("box", "another")).resolves.toBeUndefined();
  });

  it("has pod and instance in the source of its termination log, as in Kubernetes", async () => {
    const pod = await world.pod("box", isReady);
    const { stdout } = await sh("grep ' /dev/termination-log ' /proc/self/mountinfo");
    expect(stdout.split(" ")[3]).toMatch(new RegExp(`/pods/${pod.metadata.uid}/containers/main/[0-9a-f]{8}$`));
  });

  it("runs out of space at its volume's limit", async () => {
    expect((await sh("head -c 500000 /dev/zero > /small/fits")).code).toBe(0);
    const { code, stderr } = await sh(
      "dd if=/dev/zero of=/small/too-much bs=100k count=20; c=$?; rm /small/*; exit $c",
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain("No space left on device");
  });

  it("can't write to what is read-only", async () => {
    expect((await sh("echo x > /deep/er/f")).stderr).toContain("Read-only file system");
    expect((await sh("echo x > /words/one")).stderr).toContain("Read-only file system");
    expect((await sh("echo x > /app/f", "locked")).stderr).toContain("Read-only file system");
    expect((await sh("mkdir -p /rw/sub && echo x > /rw/sub/f", "locked")).code).toBe(0);
    expect((await sh("cat /deep/er/f")).stdout).toBe("x\n");
  });

  it("has its volumes below other volumes, each with a mount of its own", async () => {
    const { stdout } = await sh("awk '$5 ~ /^.(data|dev.shm)/ { print $5 }' /proc/self/mountinfo | sort");
    const below = ["/data", "/data/one.txt", "/data/sub", "/data/sub/inner", "/data/words"];
    expect(stdout.trim().split("\n")).toEqual([...below, "/dev/shm", "/dev/shm/more"]);
    expect((await sh("echo x > /data/f && echo y > /data/sub/f && cat /dev/shm/more/f")).stdout).toBe("x\n");
    expect((await sh("cat /data/one.txt /data/words/two")).stdout).toBe("12");
    expect((await sh("mv /data/f /data/sub/inner/f")).stderr).toMatch(/read-only/i);
    expect((await sh("rmdir /data/sub")).stderr).toMatch(/busy/i);
    // The mount points are folders of the volume that they are below.
    expect((await sh("ls /dev/shm/more /dev/shm/more/sub")).stdout.split("\n")).toEqual([
      "/dev/shm/more:",
      "f",
      "one.txt",
      "sub",
      "words",
      "",
      "/dev/shm/more/sub:",
      "",
    ]);
  });

  it("does not start with a volume below a read-only one that lacks the folder", async () => {
    const volumeMounts = [
      { name: "outer", mountPath: "/data", readOnly: true },
      { name: "inner", mountPath: "/data/sub" },
    ];
    const volumes = [
      { name: "outer", emptyDir: {} },
      { name: "inner", emptyDir: {} },
    ];
    world.create("sealed", { restartPolicy: "Never", containers: [{ ...patient(), volumeMounts }], volumes });
    const pod = await world.pod("sealed", (each) => each.status?.["phase"] === "Failed");
    expect(status(pod, "main").state["terminated"]).toMatchObject({
      reason: "StartError",
      message: expect.stringContaining("Read-only file system") as string,
    });
  });

  it("can't rename over a single mounted file", async () => {
    expect((await sh("cat /app/single.txt")).stdout).toBe("1");
    expect((await sh("echo y > /app/new && mv -f /app/new /app/single.txt")).stderr).toMatch(/busy|read-only/i);
  });

  it("has the kubelet's layout of a ConfigMap", async () => {
    expect((await sh("readlink /words/two; cat /words/two")).stdout).toBe("..data/two\n2");
  });

  it("has this machine's programs if its image includes them", async () => {
    const { code, stdout } = await sh("readlink -f /bin/sh; tar --version | head -1; touch /usr/x", "machine");
    expect(code).not.toBe(0);
    expect(stdout).not.toBe("");
  });

  it("has no shell if its image has none", async () => {
    expect((await sh("true", "empty")).error).toContain('exec: "sh": executable file not found in $PATH');
    expect((await world.run("box", ["/busybox", "echo", "hi"], undefined, "empty")).stdout).toBe("hi\n");
  });

  it("makes its mounts visible to the outside while it runs", async () => {
    await sh("echo seen > /small/s");
    expect(readFileSync(world.kubelet.pathOf("default", "box", "main", "/small/s"), "utf8")).toBe("seen\n");
  });

  it("ends all of its processes, daemons too", async () => {
    await sh("setsid sh -c 'while :; do sleep 1000; done' >/dev/null 2>&1 &", "locked");
    const before = await world.pod("box", isReady);
    world.kubelet.killContainer("default", "box", "locked");
    await world.pod("box", (pod) => isReady(pod) && status(pod, "locked").restartCount === 1);
    const { stdout } = await sh(
      "grep -l setsid /proc/[0-9]*/cmdline; cat /proc/[0-9]*/cmdline | tr '\\0' ' '",
      "locked",
    );
    expect(stdout).not.toContain("while :; do sleep 1000; done' ");
    expect((await sh("cat /rw/sub/f", "locked")).stdout).toBe("x\n");
    expect(status(before, "locked").containerID).toBeDefined();
  });

  it.runIf(isRoot)("runs as another user with runAsUser", async () => {
    world.create("user", {
      securityContext: { runAsUser: 1000, runAsGroup: 2000 },
      containers: [patient("id -u; id -g")],
    });
    await world.said("user", "patient");
    const log = await text(await world.kubelet.logs({ namespace: "default", name: "user" }, "main", { follow: false }));
    expect(log).toBe("1000\n2000\npatient\n");
    expect((await world.run("user", ["sh", "-c", "id -u; id -g; touch /app/x"])).stdout).toBe("1000\n2000\n");
    expect((await world.run("user", ["touch", "/app/x"])).stderr).toContain("Permission denied");
  });
});
