import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { startApi } from "../support/api-fixture.ts";
import type { TestApi } from "../support/api-fixture.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";

let api: TestApi;
beforeEach(async () => {
  api = await startApi();
});
afterEach(async () => {
  await api[Symbol.asyncDispose]();
});

describe("lists", () => {
  beforeEach(async () => {
    for (const [index, name] of ["a", "b", "c", "d", "e"].entries()) {
      await api.call("POST", MAPS, {
        body: { metadata: { name, labels: { n: String(index), odd: String(index % 2) } } },
      });
    }
  });

  interface List {
    metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
    items: { metadata: { name: string } }[];
  }

  async function names(query: string, path = MAPS): Promise<string> {
    const { body } = await api.call("GET", `${path}?${query}`);
    return (body as unknown as List).items.map(({ metadata }) => metadata.name).join("");
  }

  test("are filtered by labels and fields", async () => {
    const cases = {
      "labelSelector=odd%3D1": "bd",
      "labelSelector=odd!%3D1": "ace",
      "labelSelector=n+in+(0,2),odd": "ac",
      "labelSelector=n+notin+(0,2)": "bde",
      "labelSelector=!odd": "",
      "labelSelector=n%3E2": "de",
      "fieldSelector=metadata.name%3Dc": "c",
      "fieldSelector=metadata.name!%3Dc,metadata.namespace%3Ddefault": "abde",
    };
    const found: Record<string, string> = {};
    for (const query of Object.keys(cases)) {
      found[query] = await names(query);
    }
    expect(found).toEqual(cases);
    expect(await api.call("GET", `${MAPS}?fieldSelector=data%3Dx`)).toMatchObject({
      code: 400,
      body: { message: "field label not supported: data" },
    });
    expect((await api.call("GET", `${MAPS}?labelSelector=a%3D%3D%3D`)).code).toBe(400);
  });

  test("pages show the state of the first page, whatever changes in between", async () => {
    const first = (await api.call("GET", `${MAPS}?limit=2`)).body as unknown as List;
    expect(first.metadata.remainingItemCount).toBe(3);
    await api.call("DELETE", `${MAPS}/d`);
    await api.call("POST", MAPS, { body: { metadata: { name: "cc" } } });
    const token = encodeURIComponent(first.metadata.continue ?? "");
    const rest = (await api.call("GET", `${MAPS}?limit=10&continue=${token}`)).body as unknown as List;
    expect(rest.items.map(({ metadata }) => metadata.name)).toEqual(["c", "d", "e"]);
    expect(rest.metadata).toEqual({ resourceVersion: first.metadata.resourceVersion });
    api.faults.expireResourceVersions();
    expect(await api.call("GET", `${MAPS}?limit=10&continue=${token}`)).toMatchObject({
      code: 410,
      body: { reason: "Expired" },
    });
  });

  test("are served as tables and as metadata", async () => {
    const table = await api.call("GET", MAPS, {
      headers: { Accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" },
    });
    expect(table.body).toMatchObject({ kind: "Table", apiVersion: "meta.k8s.io/v1" });
    expect((table.body["rows"] as { cells: unknown[] }[])[0]?.cells.slice(0, 2)).toEqual(["a", 0]);
    const bare = await api.call("GET", MAPS, {
      headers: { Accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" },
    });
    expect(bare.body).toMatchObject({ kind: "PartialObjectMetadataList" });
    expect(Object.keys((bare.body["items"] as object[])[0] ?? {})).toEqual(["kind", "apiVersion", "metadata"]);
  });

  test("can be deleted by a selector", async () => {
    await api.call("DELETE", `${MAPS}?labelSelector=odd%3D0`);
    expect(await names("")).toBe("bd");
  });
});
