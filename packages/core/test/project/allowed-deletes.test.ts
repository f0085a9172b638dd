import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { AllowedDeletesFile } from "../../src/project/allowed-deletes.ts";

const SERVER = "https://127.0.0.1:6443";
const consent = { workload: "deploy/web", namespace: "default", to: "/app", paths: ["a", "b"] };

let folder = "";
let path = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kinsync-consents-"));
  path = join(folder, "kinsync/allowed-deletes.json");
  return () => rm(folder, { recursive: true });
});

const file = (server = SERVER): AllowedDeletesFile => new AllowedDeletesFile({ XDG_STATE_HOME: folder }, server);

test("a consent is read by a later run, in the same cluster alone", async () => {
  await file().add(consent);
  expect(await file().read()).toMatchObject([consent]);
  expect(await file("https://other").read()).toEqual([]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
});

test("another consent for the same place adds its paths, and other places stay", async () => {
  await file().add(consent);
  await file().add({ ...consent, to: "/lib" });
  await file().add({ ...consent, paths: ["b", "c"] });
  expect(await file().read()).toMatchObject([
    { to: "/app", paths: ["a", "b", "c"] },
    { to: "/lib", paths: ["a", "b"] },
  ]);
});

test("the newest 100 places are kept, and at most 20,000 paths", async () => {
  for (let index = 0; index < 103; index += 1) await file().add({ ...consent, to: `/${index}` });
  expect((await file().read()).map(({ to }) => to).at(-1)).toBe("/3");
  await file().add({ ...consent, paths: Array.from({ length: 19_999 }, (_, index) => `${index}`) });
  expect((await file().read()).map(({ to }) => to)).toEqual(["/app"]);
  await file().add({ ...consent, to: "/large", paths: Array.from({ length: 20_001 }, (_, index) => `${index}`) });
  expect((await file().read()).map(({ to }) => to)).toEqual(["/app"]);
});

test.each(["", "{", "[]", "null", '{"consents":{}}', '{"consents":[1,{"server":"x"}]}'])(
  "a file that holds %j counts as empty, and is replaced",
  async (text) => {
    await mkdir(dirname(path));
    await writeFile(path, text);
    expect(await file().read()).toEqual([]);
    await file().add(consent);
    expect(await file().read()).toMatchObject([consent]);
  },
);

test("without a state folder nothing is remembered and nothing fails", async () => {
  const nowhere = new AllowedDeletesFile({}, SERVER);
  await nowhere.add(consent);
  expect(await nowhere.read()).toEqual([]);
});

test("a relative XDG_STATE_HOME counts as none", async () => {
  const given = new AllowedDeletesFile({ XDG_STATE_HOME: "state", HOME: folder }, SERVER);
  await given.add(consent);
  const text = await readFile(join(folder, ".local/state/kinsync/allowed-deletes.json"), "utf8");
  expect(JSON.parse(text)).toMatchObject({ consents: [{ server: SERVER, ...consent }] });
});
