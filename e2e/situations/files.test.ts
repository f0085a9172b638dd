import { expect } from "vitest";
import { run } from "../harness/command.ts";
import { container, EMPTY, pod, podSpec, statefulSet } from "../harness/manifests.ts";
import { emptyPod, mappedPod } from "../harness/mapped-pod.ts";
import { situation } from "../harness/situation.ts";

situation("unusual file names are synced", {}, async (fixture) => {
  const { project } = fixture;
  const names = [
    " leading and trailing ",
    "-rf",
    "--",
    "'single' \"double\" `back`",
    "back\\slash \\n",
    "new\nline",
    "tab\tand\rreturn",
    "$HOME $(touch no) ;&|<>*?[x]{a,b}!#~%^",
    "日本語 – ümläut – emoji 🦊",
    "x".repeat(255),
    `${"ü".repeat(127)}x`,
    // One code point and two: equal to the eye, and on some file systems.
    "caf\u00e9",
    "cafe\u0301",
    `${"folder/".repeat(60)}deep`,
    `${`${"long ".repeat(39)}/`.repeat(15)}path`,
    "...",
    "dir with 'quote/and\nnewline/-file",
  ];
  for (const [at, name] of names.entries()) await project.write(`src/${name}`, `${at}\n`);
  const { pods } = await mappedPod(fixture);
  await fixture.untilSame(pods);
  for (const [at, name] of names.entries()) await project.write(`src/${name}`, `changed ${at}\n`);
  await fixture.untilSame(pods);
  for (const name of names.slice(0, 13)) await project.remove(`src/${name}`);
  await fixture.untilSame(pods);
});

situation("a later run finds files with unusual names", {}, async (fixture) => {
  const { project } = fixture;
  await project.writeAll({
    "src/new\nline/f.txt": "one\n",
    "src/new\nline/deep/er\n/g.txt": "g\n",
    "src/file\nof two lines": "two\n",
    "src/-rf/'quotes'.txt": "q\n",
    "src/plain.txt": "p\n",
  });
  const x = await emptyPod(fixture);
  expect((await fixture.sync("pod/x")).end.code).toBe(0);
  await fixture.untilSame([x]);
  expect((await fixture.sync("pod/x")).end.code).toBe(0);
  await fixture.untilSame([x]);
  await project.write("src/new\nline/f.txt", "two\n");
  await project.remove("src/new\nline/deep");
  await project.remove("src/-rf");
  expect((await fixture.sync("pod/x")).end.code).toBe(0);
  await fixture.untilSame([x]);
});

situation("the executable bit is synced", {}, async (fixture) => {
  const { project } = fixture;
  await project.writeAll({ "src/run.sh": "#!/bin/sh\n", "src/f.txt": "one\n" });
  await project.chmod("src/run.sh", 0o755);
  const { pods } = await mappedPod(fixture);
  await fixture.untilSame(pods);
  await project.chmod("src/run.sh", 0o644);
  await project.chmod("src/f.txt", 0o755);
  await fixture.untilSame(pods);
  for (const each of pods) {
    expect(await fixture.list(each)).toEqual({ "run.sh": "file: #!/bin/sh\n", "f.txt": "program: one\n" });
  }
});

situation("symbolic links are synced, including dangling ones", {}, async (fixture) => {
  const { project } = fixture;
  await project.writeAll({ "src/f.txt": "one\n", "src/a/b.txt": "b\n" });
  await project.link("src/to-file", "f.txt");
  await project.link("src/to-folder", "a");
  await project.link("src/a/up", "../f.txt");
  await project.link("src/nowhere", "not/there");
  await project.link("src/absolute", "/etc/hostname");
  const { pods } = await mappedPod(fixture);
  await fixture.untilSame(pods);
  await project.remove("src/to-file");
  await project.link("src/to-file", "a/b.txt");
  await project.remove("src/nowhere");
  await fixture.untilSame(pods);
});

situation("files, folders and links replace one another", {}, async (fixture) => {
  const { project } = fixture;
  await project.writeAll({
    "src/one": "file\n",
    "src/two/inside.txt": "x\n",
    "src/three": "file\n",
    "src/stays": "s\n",
  });
  await project.makeFolder("src/four");
  const { pods } = await mappedPod(fixture);
  await fixture.untilSame(pods);
  await project.remove("src/one");
  await project.write("src/one/inside.txt", "now a folder\n");
  await project.remove("src/two");
  await project.write("src/two", "now a file\n");
  await project.remove("src/three");
  await project.link("src/three", "stays");
  await project.remove("src/four");
  await project.link("src/four", "one");
  await fixture.untilSame(pods);
  await project.remove("src/one");
  await project.write("src/one", "a file again\n");
  await project.remove("src/four");
  await project.write("src/four/x", "a folder again\n");
  await project.remove("src/three");
  await project.makeFolder("src/three");
  await fixture.untilSame(pods);
});

situation("ignored files are neither synced nor deleted", {}, async (fixture) => {
  const { kubectl, project } = fixture;
  const sync = [{ from: "src", to: "/app/src", ignore: ["*.log", "/data/"], ignoreFiles: [".gitignore"] }];
  await project.write("kinsync.config.json", JSON.stringify({ workloads: [{ workload: "pod/x", sync }] }));
  await project.writeAll({
    "src/.gitignore": "*.o\n!keep.o\n",
    "src/f.txt": "one\n",
    "src/a.o": "no\n",
    "src/keep.o": "yes\n",
    "src/x.log": "no\n",
    "src/data/d": "no\n",
    "src/node_modules/m/index.js": "no\n",
    "src/.git/HEAD": "no\n",
    "src/__pycache__/x.pyc": "no\n",
  });
  await fixture.create(pod("x", podSpec(container(fixture.cluster.image))));
  const [x] = await fixture.running(1);
  if (x === undefined) throw new Error("no pod runs");
  await kubectl.run([
    "exec",
    "x",
    "--",
    "sh",
    "-c",
    "mkdir data; echo mine >/app/src/x.log; echo mine >/app/src/foreign",
  ]);
  const kinsync = fixture.start(["up", "pod/x", "-o", "json"]);
  await kinsync.ready();
  const there = {
    ".gitignore": "file: *.o\n!keep.o\n",
    "f.txt": "file: one\n",
    foreign: "file: mine\n",
    "keep.o": "file: yes\n",
    "x.log": "file: mine\n",
  };
  expect(await fixture.list(x)).toEqual(there);
  await project.remove("src/x.log");
  await project.remove("src/keep.o");
  await fixture.save(kinsync, "f.txt", "two\n", [x]);
  await fixture.until("keep.o is deleted", async () => (await fixture.list(x))?.["keep.o"] === undefined);
  const { "keep.o": _, ...left } = there;
  expect(await fixture.list(x)).toEqual({ ...left, "f.txt": "file: two\n" });
});

situation("a path belongs to the most specific of nested mappings", {}, async (fixture) => {
  const { cluster, project } = fixture;
  await project.writeAll({ "src/f.txt": "f\n", "src/conf/from-src": "no\n", "conf/a.yaml": "a\n" });
  await fixture.create(pod("x", podSpec(container(cluster.image))));
  const [x] = await fixture.running(1);
  if (x === undefined) throw new Error("no pod runs");
  const kinsync = fixture.up("pod/x", { sync: ["src:/app/src", "conf:/app/src/conf"] });
  await kinsync.ready();
  const both = { conf: "folder", "conf/a.yaml": "file: a\n", "f.txt": "file: f\n" };
  expect(await fixture.list(x)).toEqual(both);
  await project.write("conf/a.yaml", "b\n");
  await project.write("src/conf/another", "no\n");
  await fixture.until(
    "the inner mapping is synced",
    async () => (await fixture.list(x))?.["conf/a.yaml"] === "file: b\n",
  );
  await project.remove("src/conf");
  await fixture.save(kinsync, "f.txt", "g\n", [x]);
  expect(await fixture.list(x)).toEqual({ ...both, "conf/a.yaml": "file: b\n", "f.txt": "file: g\n" });
});

situation("a mapped single file is deleted and created again", {}, async (fixture) => {
  const { cluster, project } = fixture;
  await project.write("app.yaml", "one\n");
  await fixture.create(pod("x", podSpec(container(cluster.image))));
  const [x] = await fixture.running(1);
  if (x === undefined) throw new Error("no pod runs");
  const kinsync = fixture.up("pod/x", { sync: ["app.yaml:/app/src/app.yaml"] });
  await kinsync.ready();
  expect(await fixture.list(x)).toEqual({ "app.yaml": "file: one\n", "f.txt": "file: old\n" });
  // As editors save: a new file replaces the old one.
  await project.write("app.yaml.tmp", "two\n");
  await project.move("app.yaml.tmp", "app.yaml");
  await fixture.until("the new file is synced", async () => (await fixture.list(x))?.["app.yaml"] === "file: two\n");
  await project.remove("app.yaml");
  await fixture.until("the file is deleted", async () => (await fixture.list(x))?.["app.yaml"] === undefined);
  await project.write("app.yaml", "three\n");
  await fixture.until(
    "the file is synced again",
    async () => (await fixture.list(x))?.["app.yaml"] === "file: three\n",
  );
  expect(await fixture.list(x)).toEqual({ "app.yaml": "file: three\n", "f.txt": "file: old\n" });
});

situation("a missing source folder halts its mapping until it returns", {}, async (fixture) => {
  const { project } = fixture;
  await project.writeAll({ "src/f.txt": "one\n", "src/g.txt": "g\n" });
  const { kinsync, pods } = await mappedPod(fixture);
  await fixture.untilSame(pods);
  const since = kinsync.mark();
  await project.move("src", "elsewhere");
  await kinsync.until("the mapping halted", ({ event, mapping }) => event === "halted" && mapping !== undefined, {
    since,
  });
  for (const each of pods) expect(await fixture.list(each)).toEqual({ "f.txt": "file: one\n", "g.txt": "file: g\n" });
  await project.remove("elsewhere/g.txt");
  await project.move("elsewhere", "src");
  await kinsync.until("the mapping resumed", ({ event }) => event === "resumed", { since });
  await fixture.untilSame(pods);
});

situation("branch switches of 5,000 files are synced", { timeout: 240_000 }, async (fixture) => {
  const { cluster, project } = fixture;
  const git = async (...args: readonly string[]): Promise<void> => {
    const who = ["-c", "user.name=e2e", "-c", "user.email=e2e@example.com", "-c", "init.defaultBranch=main"];
    await run(["git", ...who, ...args], { cwd: project.folder, env: { ...process.env, HOME: project.folder } });
  };
  const name = (at: number): string => `src/folder-${at % 50}/sub-${at % 7}/file-${at}.txt`;
  for (let at = 0; at < 5000; at += 1) await project.write(name(at), `main ${at}\n`);
  await project.write("src/main-only/x.txt", "x\n");
  await git("init", "--quiet");
  await git("add", "src");
  await git("commit", "--quiet", "-m", "main");
  await git("checkout", "--quiet", "-b", "other");
  await project.remove("src/main-only");
  for (let at = 0; at < 5000; at += 1) {
    if (at % 5 === 0) await project.remove(name(at));
    else await project.write(name(at), `other ${at}\n`);
  }
  for (let at = 0; at < 500; at += 1) await project.write(`src/new/file-${at}.txt`, `new ${at}\n`);
  await git("add", "--all", "src");
  await git("commit", "--quiet", "-m", "other");
  await git("checkout", "--quiet", "main");

  await fixture.create(statefulSet("db", 2, podSpec(container(cluster.image, EMPTY))));
  const pods = await fixture.running(2);
  const kinsync = fixture.up("sts/db");
  await kinsync.ready();
  await fixture.untilSame(pods);
  await git("checkout", "--quiet", "other");
  await fixture.untilSame(pods);
  await git("checkout", "--quiet", "main");
  await fixture.untilSame(pods);
});
