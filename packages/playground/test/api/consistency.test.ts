import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";

// What a client can rely on, whatever others do in the meantime.

const MAPS = "/api/v1/namespaces/default/configmaps";
const NAMES = ["a", "b", "c", "d", "e", "f"] as const;

interface Step {
  readonly name: string;
  readonly does: "label" | "unlabel" | "delete";
}

interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly { readonly metadata: { readonly name: string; readonly resourceVersion: string } }[];
}

const steps = fc.array(
  fc.record<Step>({ name: fc.constantFrom(...NAMES), does: fc.constantFrom("label", "unlabel", "delete") }),
  { maxLength: 12 },
);

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

function take({ name, does }: Step): void {
  const { store } = api;
  const current = store.get("configmaps", "default", name);
  const labels: Record<string, string> = does === "label" ? { on: "yes" } : {};
  if (current === undefined) {
    store.create("configmaps", "default", { metadata: { name, labels } });
  } else if (does === "delete") {
    store.delete("configmaps", "default", name);
  } else {
    store.update("configmaps", { ...current, metadata: { ...current.metadata, labels } });
  }
}

async function list(query: string): Promise<List> {
  const { body } = await api.call("GET", `${MAPS}?${query}`);
  return body as unknown as List;
}

function versions({ items }: Pick<List, "items">): Record<string, string> {
  return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
}

test("the pages of a list together are the list at the time of the first page", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, fc.integer({ min: 1, max: 4 }), async (before, between, limit) => {
      before.forEach(take);
      const whole = await list("");
      let page = await list(`limit=${limit}`);
      const items = [...page.items];
      for (const step of [...between, undefined]) {
        if (step !== undefined) {
          take(step);
        }
        if (page.metadata.continue !== undefined) {
          page = await list(`limit=${limit}&continue=${page.metadata.continue}`);
          items.push(...page.items);
        }
      }
      while (page.metadata.continue !== undefined) {
        page = await list(`limit=${limit}&continue=${page.metadata.continue}`);
        items.push(...page.items);
      }
      expect(versions({ items })).toEqual(versions(whole));
      expect(page.metadata.resourceVersion).toBe(whole.metadata.resourceVersion);
    }),
    { numRuns: 25 },
  );
});

test("a list plus the watch from its version equals a later list", async () => {
  await fc.assert(
    fc.asyncProperty(steps, steps, steps, async (before, missed, seen) => {
      const selector = "labelSelector=on%3Dyes";
      before.forEach(take);
      const first = await list(selector);
      const known = new Map(Object.entries(versions(first)));
      missed.forEach(take);
      const watch = await api.watch(`${MAPS}?watch=1&${selector}&resourceVersion=${first.metadata.resourceVersion}`);
      seen.forEach(take);
      // Marks the end of the history.
      api.store.create("configmaps", "default", {
        metadata: { generateName: "mark-", labels: { on: "yes", mark: "yes" } },
      });
      for (let event = await watch.next(); event !== undefined; event = await watch.next()) {
        const { name = "", resourceVersion = "" } = event.object.metadata;
        if (name.startsWith("mark-")) {
          break;
        }
        expect(["ADDED", "MODIFIED", "DELETED"]).toContain(event.type);
        // An object is added once, and changed or deleted only while it is known.
        expect(known.has(name)).toBe(event.type !== "ADDED");
        if (event.type === "DELETED") {
          known.delete(name);
        } else {
          known.set(name, resourceVersion);
        }
      }
      watch.close();
      await api.call("DELETE", `${MAPS}?labelSelector=mark`);
      expect(Object.fromEntries(known)).toEqual(versions(await list(selector)));
    }),
    { numRuns: 25 },
  );
});
