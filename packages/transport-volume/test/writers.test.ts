import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { connectCluster } from "@kinsync/core/cluster";
import {
  isKinsyncError,
  type ClusterConnection,
  type OpenContext,
  type Pod,
  type RootSpec,
  type Session,
} from "@kinsync/core/contract";
import { createBatch, type BatchPath } from "@kinsync/core/testing";
import { createPlayground, createTestContainer, type Playground, type TestContainer } from "@kinsync/playground";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { volume } from "../src/index.ts";

const ROOT: RootSpec = { path: "/data/code", shape: "directory", key: "code" };

let playground: Playground;
let cluster: ClusterConnection;
let claimName: string;
let transport: ReturnType<typeof volume>;
const signal = AbortSignal.timeout(120_000);

beforeAll(async () => {
  playground = await createPlayground();
  cluster = await connectCluster({ env: {}, kubeconfig: playground.kubeconfigPath });
});
beforeEach(() => {
  claimName = `claim-${randomBytes(4).toString("hex")}`;
  transport = volume();
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await playground.close();
});

interface PodOptions {
  readonly mount?: Readonly<Record<string, unknown>>;
  readonly container?: Readonly<Record<string, unknown>>;
}

/** A pod that mounts the claim of this test at `/data`. */
function start({ mount = {}, container = {} }: PodOptions = {}): Promise<TestContainer> {
  return createTestContainer({
    playground,
    folder: "/work",
    spec: { volumes: [{ name: "data", persistentVolumeClaim: { claimName } }] },
    container: { volumeMounts: [{ name: "data", mountPath: "/data", ...mount }], ...container },
  });
}

function open(member: TestContainer, more: Partial<OpenContext> = {}): Promise<Session> {
  const run = { runId: "run-1", owner: "ada", since: "2026-01-01T00:00:00.000Z" };
  return transport.open(member.target, { cluster, ...run, roots: [ROOT], signal, ...more });
}

async function write(session: Session, paths: readonly BatchPath[]): Promise<void> {
  await session.claim(ROOT, { snapshot: 0, tree: "", signal });
  const batch = await createBatch(ROOT, paths);
  await session.commit(session.stage(batch, { signal }), { signal });
}

const podOf = ({ target }: TestContainer): Pod =>
  playground.store.get("pods", target.namespace, target.pod) as unknown as Pod;

const read = (member: TestContainer, path = "/data/code/f"): Promise<string> =>
  readFile(member.pathOf(path), "utf8").catch(() => "missing");

async function failure(call: Promise<unknown>): Promise<{ code: string; detail: unknown; retry: string }> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isKinsyncError(error)) throw error ?? new Error("the call succeeded");
  return { code: error.code, detail: error.details["code"], retry: error.retry };
}

test("members of one claim share one session, and each shows the files", async () => {
  await using one = await start();
  await using two = await start();
  const execs: string[] = [];
  await using session = await open(one);
  await using follower = await open(two);
  execs.push(session.facts.incarnation, follower.facts.incarnation);
  await write(session, [{ file: "f", bytes: "1" }]);
  expect(new Set(execs).size).toBe(1);
  expect(follower.facts.agent).toContain(`in pod/${one.target.pod}`);
  expect([await read(one), await read(two)]).toEqual(["1", "1"]);
  const { marker } = await follower.inventory(ROOT, { paths: [], signal });
  expect(marker).toMatchObject({ runId: "run-1", incarnation: session.facts.incarnation });
});

test("the places of all members are one, and a mount with a subPath is a part of it", async () => {
  await using one = await start();
  await using part = await start({ mount: { subPath: "code", mountPath: "/app" } });
  const place = (member: TestContainer, path: string) =>
    transport.place?.(member.target, { ...ROOT, path }, { pod: podOf(member) });
  expect(place(one, "/data/code")).toEqual({ volume: `pvc:default/${claimName}`, path: "/code" });
  expect(place(part, "/app")).toEqual(place(one, "/data/code"));
  expect(place(one, "/work")).toBeUndefined();
});

test("when the writing pod is gone, another member takes over", async () => {
  const first = await start();
  await using second = await start();
  const session = await open(first);
  const follower = await open(second);
  await write(session, [{ file: "f", bytes: "1" }]);
  await first[Symbol.asyncDispose]();
  expect(await follower.ended).toMatchObject({ why: "lost" });
  await Promise.all([session[Symbol.asyncDispose](), follower[Symbol.asyncDispose]()]);
  await using next = await open(second);
  expect(next.facts.agent).not.toContain("in pod/");
  await write(next, [{ file: "f", bytes: "2", replaces: "file" }]);
  expect(await read(second)).toBe("2");
});

test("a member that cannot be written is written through another one", async () => {
  // Its mount is read-only.
  await using reader = await start({ mount: { readOnly: true } });
  expect(await failure(open(reader))).toMatchObject({ detail: "VOLUME_NO_WRITER", retry: "retry" });
  await using writer = await start();
  await using _own = await open(writer);
  await using session = await open(reader);
  await write(session, [{ file: "f", bytes: "1" }]);
  expect(await read(reader)).toBe("1");
});

test("a pod that the user names writes, wherever it mounts the claim, and no exec reaches the members", async () => {
  await using member = await start();
  await using helper = await start({ mount: { mountPath: "/mnt/all" } });
  using _denied = playground.faults.deny({ resource: "pods", subresource: "exec", name: member.target.pod });
  await using session = await open(member, { options: { pod: helper.target.pod } });
  await write(session, [{ file: "f", bytes: "1" }]);
  expect([await read(member), await read(helper, "/mnt/all/code/f")]).toEqual(["1", "1"]);
});

test("a named pod that does not exist or mounts no part of the folder is refused by name", async () => {
  await using member = await start();
  await using part = await start({ mount: { subPath: "other" } });
  expect(await failure(open(member, { options: { pod: "nobody" } }))).toMatchObject({
    code: "KINSYNC_TRANSPORT_CANNOT",
    detail: "VOLUME_NO_WRITER",
    retry: "retry",
  });
  await using session = await open(member, { options: { pod: part.target.pod } });
  expect(await failure(session.claim(ROOT, { snapshot: 0, tree: "", signal }))).toMatchObject({
    detail: "VOLUME_NOT_IN_WRITER",
  });
});

test("a folder that is not on a claim is refused by name", async () => {
  await using member = await start();
  await using session = await open(member);
  const root = { ...ROOT, path: "/work" };
  expect(await failure(session.claim(root, { snapshot: 0, tree: "", signal }))).toMatchObject({
    code: "KINSYNC_TARGET_PATH",
    detail: "VOLUME_NOT_MOUNTED",
  });
});

test.each([
  [{ pods: "x" }, 'it has no option "pods"'],
  [{ pod: 1 }, "`pod` is not a text"],
  [{ pod: "x", selector: "a=b" }, "`pod` and `selector` exclude each other"],
  [{ container: "x" }, "`container` needs `pod` or `selector`"],
])("the options %j are refused with the reason", async (options, why) => {
  await using member = await start();
  await expect(open(member, { options })).rejects.toThrow(why);
});

test("a pod that a selector chooses writes", async () => {
  await using member = await start();
  await using helper = await start();
  const { pod } = helper.target;
  const stored = playground.store.get("pods", "default", pod);
  if (stored === undefined) throw new Error("the helper has gone");
  const labels = { app: claimName };
  playground.store.update("pods", { ...stored, metadata: { ...stored.metadata, labels } });
  await using session = await open(member, { options: { selector: `app=${claimName}` } });
  expect(session.facts.agent).toContain(`in pod/${pod}`);
});

test("the last member that leaves closes the session", async () => {
  await using one = await start();
  await using two = await start();
  const [first, second] = [await open(one), await open(two)];
  await first[Symbol.asyncDispose]();
  await write(second, [{ file: "f", bytes: "1" }]);
  await second[Symbol.asyncDispose]();
  await using again = await open(two);
  expect(again.facts.agent).not.toContain("in pod/");
});
