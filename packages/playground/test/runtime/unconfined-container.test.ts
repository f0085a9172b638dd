import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { findWriteFence } from "../../src/runtime/write-fence.ts";
import { isReady, kubeletWorld, patient, status, text, type KubeletWorld } from "../support/kubelet-world.ts";
import { goneFromMachine, isAlive } from "../support/machine.ts";

const fence = await findWriteFence();

describe("an unconfined container", () => {
  it("works in a folder of the machine, which PLAYGROUND_ROOT names", async () => {
    await using world = kubeletWorld({ confinement: "unconfined" });
    world.create("box", {
      containers: [{ ...patient(), volumeMounts: [{ name: "v", mountPath: "/data" }] }],
      volumes: [{ name: "v", emptyDir: {} }],
    });
    await world.pod("box", isReady);
    const root = world.kubelet.root("default", "box", "main");
    const script = 'pwd; echo "$PLAYGROUND_ROOT"; echo "$TMPDIR"; echo x > ../data/f';
    const { stdout } = await world.run("box", ["sh", "-c", script]);
    expect(stdout.split("\n").slice(0, 3)).toEqual([join(root, "app"), root, join(root, "tmp")]);
    expect(readFileSync(join(root, "data/f"), "utf8")).toBe("x\n");
  });

  it("has its volumes below other volumes", async () => {
    await using world = kubeletWorld({ confinement: "unconfined" });
    const volumeMounts = [
      { name: "inner", mountPath: "/data/sub" },
      { name: "outer", mountPath: "/data/" },
    ];
    const volumes = [
      { name: "inner", emptyDir: {} },
      { name: "outer", emptyDir: {} },
    ];
    world.create("box", { containers: [{ ...patient(), volumeMounts }], volumes });
    await world.pod("box", isReady);
    const script = 'cd "$PLAYGROUND_ROOT/data" && echo x >f && echo y >sub/g && find -L . -type f | sort';
    expect((await world.run("box", ["sh", "-c", script])).stdout).toBe("./f\n./sub/g\n");
  });

  it("keeps mount points and working folder within its folder, whatever their names", async () => {
    const outside = realpathSync(mkdtempSync(join(tmpdir(), "playground-outside-")));
    onTestFinished(() => rmSync(outside, { recursive: true, force: true }));
    mkdirSync(join(outside, "folder"));
    writeFileSync(join(outside, "folder/file"), "the machine's");
    await using world = kubeletWorld({ confinement: "unconfined" });
    const up = "/..".repeat(20);
    const volumes = [{ name: "v", emptyDir: {} }];
    world.create("up", {
      containers: [
        {
          ...patient(),
          workingDir: `${up}${outside}/new`,
          volumeMounts: [{ name: "v", mountPath: `${up}${outside}/folder` }],
        },
      ],
      volumes,
    });
    await world.pod("up", isReady);
    // The first run of the container leaves a link in its volume; the second one is mounted below it.
    const shared = { hostPath: { path: "/shared" } };
    world.create("first", {
      containers: [{ ...patient(), volumeMounts: [{ name: "v", mountPath: "/data" }] }],
      volumes: [{ name: "v", ...shared }],
    });
    await world.pod("first", isReady);
    symlinkSync(outside, join(world.kubelet.root("default", "first", "main"), "data/link"));
    world.create("second", {
      restartPolicy: "Never",
      containers: [
        {
          ...patient(),
          volumeMounts: [
            { name: "v", mountPath: "/data" },
            { name: "w", mountPath: "/data/link/new/folder" },
          ],
        },
      ],
      volumes: [
        { name: "v", ...shared },
        { name: "w", emptyDir: {} },
      ],
    });
    const second = await world.pod("second", (pod) => pod.status?.["phase"] === "Failed");
    expect(status(second, "main").state["terminated"]).toMatchObject({ reason: "StartError" });
    expect(readFileSync(join(outside, "folder/file"), "utf8")).toBe("the machine's");
    expect(existsSync(join(outside, "new"))).toBe(false);
  });

  it("ends its commands and the processes that it started", async () => {
    await using world = kubeletWorld({ confinement: "unconfined" });
    world.create("box", { restartPolicy: "Never", containers: [patient("sleep 1000 & echo $! > child")] });
    await world.said("box", "patient");
    const child = Number(readFileSync(join(world.kubelet.root("default", "box", "main"), "app/child"), "utf8"));
    const command = world.run("box", ["sh", "-c", "sleep 1000"]);
    await world.run("box", ["true"]);
    world.kubelet.killContainer("default", "box", "main");
    expect((await command).code).toBe(137);
    await world.pod("box", (pod) => pod.status?.["phase"] === "Failed");
    await goneFromMachine(() => isAlive(child));
    expect(isAlive(child)).toBe(false);
  });

  it("reports a missing program like a container runtime", async () => {
    await using world = kubeletWorld({ confinement: "unconfined" });
    world.create("box", { containers: [patient()] });
    world.create("bad", { restartPolicy: "Never", containers: [{ ...patient(), command: ["no-such-program"] }] });
    await world.pod("box", isReady);
    const { error } = await world.run("box", ["no-such-program"]);
    expect(error).toContain('exec: "no-such-program": executable file not found in $PATH');
    const pod = await world.pod("bad", (pod) => pod.status?.["phase"] === "Failed");
    expect(status(pod, "main").state["terminated"]).toMatchObject({ exitCode: 128, reason: "StartError" });
  });
});

describe.runIf(fence !== undefined)("a write fence around an unconfined container", () => {
  let world: KubeletWorld;
  let outside: string;
  beforeAll(async () => {
    outside = realpathSync(mkdtempSync(join(tmpdir(), "playground-outside-")));
    writeFileSync(join(outside, "file"), "the machine's");
    mkdirSync(join(outside, "folder"));
    world = kubeletWorld({ confinement: "unconfined" });
    world.create("box", {
      containers: [
        {
          ...patient("echo started > here"),
          volumeMounts: [
            { name: "shared", mountPath: "/shared" },
            { name: "locked", mountPath: "/locked", readOnly: true },
            { name: "words", mountPath: "/words" },
          ],
        },
        { ...patient(), name: "read-only", securityContext: { readOnlyRootFilesystem: true } },
      ],
      volumes: [
        { name: "shared", emptyDir: {} },
        { name: "locked", emptyDir: {} },
        { name: "words", configMap: { name: "words" } },
      ],
    });
    world.store.create("configmaps", "default", { metadata: { name: "words" }, data: { one: "1" } });
    await world.pod("box", isReady);
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
    rmSync(outside, { recursive: true, force: true });
  });

  function sh(script: string, container = "main"): ReturnType<KubeletWorld["run"]> {
    return world.run("box", ["sh", "-c", script, "sh"], undefined, container);
  }

  it.each([
    ["make a file", (out: string) => `echo x > ${out}/new`],
    ["make a folder", (out: string) => `mkdir ${out}/new`],
    ["change a file", (out: string) => `echo x >> ${out}/file`],
    ["empty a file", (out: string) => `: > ${out}/file`],
    ["remove a file", (out: string) => `rm -f ${out}/file`],
    ["remove a folder", (out: string) => `rmdir ${out}/folder`],
    ["move a file away", (out: string) => `mv ${out}/file .`],
    ["move a file there", (out: string) => `echo x > own && mv own ${out}/file`],
    ["write over a link of its own", (out: string) => `ln -sf ${out} link && echo x > link/new`],
    ["write to the machine's root", () => "mkdir /playground-was-here"],
    ["write in the background", (out: string) => `(echo x > ${out}/new) & wait $!`],
  ])("does not let it %s outside of its folder", async (_what, script) => {
    const { code, stderr } = await sh(script(outside));
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/permission denied|operation not permitted/i);
    expect(readFileSync(join(outside, "file"), "utf8")).toBe("the machine's");
    expect(existsSync(join(outside, "folder"))).toBe(true);
    expect(existsSync(join(outside, "new"))).toBe(false);
    expect(existsSync("/playground-was-here")).toBe(false);
  });

  it("also holds for its first process and for the folder of another container", async () => {
    const other = world.kubelet.root("default", "box", "read-only");
    expect((await sh(`echo x > ${other}/new`)).stderr).toMatch(/permission denied|operation not permitted/i);
    world.create("prober", {
      restartPolicy: "Never",
      containers: [{ ...patient(), command: ["sh", "-c", `echo x > ${outside}/new`] }],
    });
    await world.pod("prober", (pod) => pod.status?.["phase"] === "Failed");
    expect(existsSync(join(outside, "new"))).toBe(false);
  });

  it("allows to create, change, move and remove its own files", async () => {
    const script = [
      "set -e",
      "mkdir -p a/b ../elsewhere",
      "echo one > a/f; echo two >> a/f; mv a/f a/b/g; mv a/b/g ../elsewhere/h",
      "ln -s nowhere a/link; ln ../elsewhere/h a/hard; chmod 755 a/hard; touch -d 2020-01-01T00:00:00 a/hard",
      "mkfifo a/pipe; rm -r a; cat here ../elsewhere/h",
      'echo t > "$TMPDIR/t"',
    ].join("\n");
    expect(await sh(script)).toMatchObject({ code: 0, stdout: "started\none\ntwo\n", stderr: "" });
  });

  it("lets it write to its volumes, and not to those that are read-only", async () => {
    expect((await sh("echo x > ../shared/f && cat ../shared/f ../words/one")).stdout).toBe("x\n1");
    for (const script of ["echo y > ../locked/f", "echo y > ../words/one", "rm ../words/one"])
      expect((await sh(script)).stderr, script).toMatch(/permission denied|operation not permitted/i);
    expect((await sh("echo x > here", "read-only")).stderr).toMatch(/permission denied|operation not permitted/i);
  });

  it("lets it use devices, and open its outputs by name", async () => {
    const { stdout, stderr, code } = await sh("echo x >/dev/null && echo o >/dev/stdout && echo e >/dev/stderr");
    expect({ stdout, stderr, code }).toEqual({ stdout: "o\n", stderr: "e\n", code: 0 });
  });

  it("passes input, arguments, environment and signals through", async () => {
    const ref = { namespace: "default", name: "box" };
    const words = ["it's", "a b", "-e", "--", "$HOME"];
    const script = 'printf "%s|" "$@"; env | grep PERL; read -r line; echo "$line"; kill -TERM $$';
    const process = await world.kubelet.exec(ref, "main", ["sh", "-c", script, "sh", ...words], { stdin: true });
    process.stdin.end("a line\n");
    expect(await text(process.stdout)).toBe(`${words.join("|")}|a line\n`);
    expect(await process.exit).toEqual({ code: 143 });
  });
});
