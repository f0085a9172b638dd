import { expect, test } from "vitest";
import { capabilitiesOf } from "../../src/contract/capabilities.ts";
import { createTree } from "../../src/mapping/tree.ts";
import type { TreeEntry } from "../../src/mapping/tree.ts";
import {
  consentError,
  unsupported,
  unsupportedError,
  unsupportedInTree,
  type TransportNeeds,
} from "../../src/mapping/unsupported.ts";

const PLAIN: TransportNeeds = { inPlace: false, mirror: false, runs: false, isGang: false };

test.each<[string, Partial<TransportNeeds>, Parameters<typeof capabilitiesOf>[0]["capabilities"], readonly string[]]>([
  ["a plain mapping needs nothing", {}, {}, []],
  [
    "a gang whose transport hands files over",
    { isGang: true },
    { acknowledges: "accepted" },
    ["show a snapshot in all members at one moment (`update: gang`)"],
  ],
  ["a gang whose transport proves what is visible", { isGang: true }, { acknowledges: "seen" }, []],
  ["`run` of a workload", { runs: true }, {}, ["run commands (`run`)"]],
  ["`run` that is claimed", { runs: true }, { run: true }, []],
  ["`inPlace: true`", { inPlace: true }, { run: true }, ["write into an existing file (`inPlace: true`)"]],
  [
    "`mirror: true` needs two capabilities",
    { mirror: true },
    {},
    ["list files that kinsync did not create (`mirror: true`)", "delete files (`mirror: true`)"],
  ],
  ["`mirror: true` with both", { mirror: true }, { mirror: true, deletes: true }, []],
])("%s", (_situation, needs, capabilities, expected) => {
  expect(unsupported({ ...PLAIN, ...needs }, capabilitiesOf({ capabilities: capabilities ?? {} }))).toEqual(expected);
});

test("a tree with folders, links or too many bytes is refused with the first path of each", () => {
  const file = { type: "file", path: "a/b", mode: 0o644, size: 10, digest: "0".repeat(64), source: "/x" };
  const tree = createTree("directory", [
    { type: "directory", path: "a", mode: 0o755 },
    file as TreeEntry,
    { type: "link", path: "l", target: "a" },
  ]);
  expect(unsupportedInTree(tree, capabilitiesOf({ capabilities: { maxBytes: 9 } }))).toEqual([
    "create folders (a)",
    "create links (l)",
    "hold 10 bytes in one mapped folder (its limit is 9)",
  ]);
  const all = capabilitiesOf({ capabilities: { folders: true, links: true } });
  expect(unsupportedInTree(tree, all)).toEqual([]);
});

test("the error names the place, the transport and everything that it cannot do", () => {
  const error = unsupportedError("configmap", "kinsync.config.yaml:4:7: workloads[0].sync[1]", ["a", "b"]);
  expect(error).toMatchObject({
    code: "KINSYNC_TRANSPORT_CANNOT",
    retry: "terminal",
    message: "kinsync.config.yaml:4:7: workloads[0].sync[1]: the transport configmap cannot a; it cannot b",
    details: { transport: "configmap", reasons: ["a", "b"] },
  });
});

test("a tree with a name that the transport cannot hold is refused with that name", () => {
  const file = (path: string): TreeEntry =>
    ({ type: "file", path, mode: 0o644, size: 1, digest: "0".repeat(64), source: "/x" }) as TreeEntry;
  const capabilities = capabilitiesOf({ capabilities: { names: /^[a-z.]+$/ } });
  expect(unsupportedInTree(createTree("directory", [file("fine.txt")]), capabilities)).toEqual([]);
  expect(unsupportedInTree(createTree("directory", [file("not fine")]), capabilities)).toEqual([
    'hold a file with the name "not fine"',
  ]);
});

test("a transport that changes objects needs consent, and its error names the line to write", () => {
  const writesApi = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["patch"] }];
  expect(consentError("configmap", "conf -> /etc/app", { writesApi })).toMatchObject({
    code: "KINSYNC_TRANSPORT_CONSENT",
    retry: "terminal",
    message:
      "conf -> /etc/app: the transport configmap changes objects of the cluster (patch configmaps), and the config does not allow that",
    hint: "To allow it, add to the config: writesApi: [configmap]",
  });
  expect(consentError("exec", "src -> /app", { writesApi: [] })).toBeUndefined();
});
