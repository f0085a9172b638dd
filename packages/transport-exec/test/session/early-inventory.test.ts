import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { RootSpec } from "@kinsync/core/contract";
import { MAKES } from "../support/containers.ts";
import { makeLocalEnvironment } from "../support/environment.ts";

const ROOT: RootSpec = { path: "src", shape: "directory", key: "k" };
const OTHER: RootSpec = { path: "other", shape: "directory", key: "o" };
const RUN = { runId: "this-run", owner: "test", since: "2026-01-01T00:00:00.000Z" };
const FIRST = { paths: [] } as const;

describe.each(MAKES.filter(({ name }) => ["dash", "python3", "node, without a shell"].includes(name)))(
  "the first inventory of a session in a container with $name",
  (make) => {
    test("is one request, which the agent gets before the session is open", async ({ signal }) => {
      await using environment = await makeLocalEnvironment(make);
      const { transport, target, cluster } = environment;
      await using session = await transport.open(target, { cluster, ...RUN, roots: [ROOT], signal });
      // Requests are answered in order. What is asked from now on is not answered any more.
      await session.ping({ signal });
      cluster.stall();
      expect(await session.inventory(ROOT, { ...FIRST, signal })).toMatchObject({ root: "missing", entries: [] });
      await expect(session.inventory(ROOT, { ...FIRST, signal: AbortSignal.timeout(300) })).rejects.toThrow(/timeout/);
    });

    test("is read anew after a claim, for another root, with paths, and for the second caller", async ({ signal }) => {
      await using environment = await makeLocalEnvironment(make);
      const { transport, target, cluster, folder } = environment;
      const open = () => transport.open(target, { cluster, ...RUN, roots: [ROOT], signal });
      {
        await using session = await open();
        await session.claim(ROOT, { snapshot: 1, tree: "", signal });
        expect((await session.inventory(ROOT, { ...FIRST, signal })).marker).toMatchObject({ snapshot: 1 });
      }
      {
        await using session = await open();
        expect((await session.inventory(OTHER, { ...FIRST, signal })).marker).toBeUndefined();
        expect((await session.inventory(ROOT, { ...FIRST, signal })).marker).toMatchObject({ snapshot: 1 });
      }
      await using session = await open();
      writeFileSync(join(folder, "src/late"), "x");
      const { entries } = await session.inventory(ROOT, { paths: ["late"], signal });
      expect(entries.map(({ path }) => path)).toEqual(["late"]);
      await session.claim(ROOT, { snapshot: 2, tree: "", signal });
      expect((await session.inventory(ROOT, { ...FIRST, signal })).marker).toMatchObject({ snapshot: 2 });
    });

    test("fails as it would without: a caller that gave up gets its own reason", async ({ signal }) => {
      await using environment = await makeLocalEnvironment(make);
      const { transport, target, cluster } = environment;
      const system: RootSpec = { path: "/proc", shape: "directory", key: "k" };
      await using session = await transport.open(target, { cluster, ...RUN, roots: [system], signal });
      const error = await session.inventory(system, { ...FIRST, signal }).catch((each: unknown) => each);
      const again = await session.inventory(system, { ...FIRST, signal }).catch((each: unknown) => each);
      expect(error).toEqual(again);
      await using second = await transport.open(target, { cluster, ...RUN, roots: [ROOT], signal });
      const gaveUp = new Error("gave up");
      await expect(second.inventory(ROOT, { ...FIRST, signal: AbortSignal.abort(gaveUp) })).rejects.toBe(gaveUp);
    });
  },
);
