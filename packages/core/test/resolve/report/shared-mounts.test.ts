import { expect, test } from "vitest";
import type { Pod } from "../../../src/contract/resource.ts";
import { defineTransport } from "../../../src/contract/transport.ts";
import { sharedMounts } from "../../../src/resolve/report/shared-mounts.ts";
import type { Member } from "../../../src/resolve/resolution.ts";

/** Takes the name of the volume as its identity; those that begin with `own` belong to the pod. */
const transport = defineTransport({
  name: "exec",
  open: () => Promise.reject(new Error("not opened")),
  place(target, root, { pod }) {
    const container = pod?.spec.containers.find(({ name }) => name === target.container);
    const mount = container?.volumeMounts?.find(({ mountPath }) => mountPath === root.path);
    if (mount === undefined) return undefined;
    const volume = mount.name.startsWith("own") ? `${target.podUid}/${mount.name}` : mount.name;
    return { volume, path: "/", ...(mount.readOnly === true ? { readOnly: true } : {}) };
  },
});

type Mounts = Readonly<Record<string, string>>;

/** A member whose containers mount volumes: path to volume, which is read-only if its name ends in `:ro`. */
function member(name: string, containers: Readonly<Record<string, Mounts>>, parts: Partial<Member> = {}): Member {
  const specs = Object.entries(containers).map(([container, mounts]) => ({
    name: container,
    volumeMounts: Object.entries(mounts).map(([mountPath, volume]) => ({
      mountPath,
      name: volume.replace(":ro", ""),
      readOnly: volume.endsWith(":ro"),
    })),
  }));
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, uid: `uid-${name}` },
    spec: { nodeName: "n", containers: specs },
  };
  return {
    pod,
    uid: `uid-${name}`,
    name,
    namespace: "ml",
    state: "current",
    containers: specs.map((spec) => ({ name: spec.name, spec, runningId: `id-${name}-${spec.name}` })),
    ...parts,
  } as Member;
}

const found = (members: readonly Member[]): unknown => Object.fromEntries(sharedMounts(members, transport));

test("a volume in several pods is shared by its members, each with its own path", () => {
  const members = [
    member("a", { main: { "/code": "code" } }),
    member("b", { main: { "/src": "code" } }),
    member("c", { main: { "/code": "code", "/tmp": "own" } }),
  ];
  const shared = { place: "code:/", members: 3, containers: 3 };
  expect(found(members)).toEqual({
    "uid-a/main": [{ path: "/code", ...shared }],
    "uid-b/main": [{ path: "/src", ...shared }],
    "uid-c/main": [{ path: "/code", ...shared }],
  });
});

test("a volume in two containers of one pod is shared by one member", () => {
  const members = [
    member("a", { php: { "/www": "own" }, nginx: { "/www": "own:ro" } }),
    member("b", { php: { "/www": "own" } }),
  ];
  const shared = [{ path: "/www", place: "uid-a/own:/", members: 1, containers: 2 }];
  expect(found(members)).toEqual({ "uid-a/php": shared, "uid-a/nginx": shared });
});

test("volumes that nobody can write, members without files and containers that do not run are left out", () => {
  const waiting = member("d", { main: { "/code": "code" } });
  const containers = waiting.containers.map((each) => ({ ...each, runningId: undefined }));
  const members = [
    member("a", { main: { "/etc/c": "config:ro", "/code": "code" } }),
    member("b", { main: { "/etc/c": "config:ro" } }),
    member("c", { main: { "/code": "code" } }, { state: "superseded" }),
    { ...waiting, containers },
  ];
  expect(found(members)).toEqual({});
  expect(sharedMounts(members, undefined).size).toBe(0);
});
