import { describe, expect, test } from "vitest";

import { createObjectStore } from "../../src/store/object-store.ts";
import type { NewObject } from "../../src/world.ts";
import { failure } from "../support/store-fixture.ts";

describe("custom resources", () => {
  const definition: NewObject = {
    metadata: { name: "trains.example.org" },
    spec: {
      group: "example.org",
      scope: "Namespaced",
      names: { plural: "trains", kind: "Train" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: { properties: { spec: { properties: { cars: { default: 3 } } } } } },
        },
      ],
    },
  };
  const DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io";

  test("a definition adds its resource, with defaults, and its deletion removes resource and objects", () => {
    const store = createObjectStore();
    expect(failure(() => store.list("trains.example.org"))).toMatchObject({ code: 404 });
    store.create(DEFINITIONS, undefined, definition);
    const made = store.create("trains.example.org", "default", { metadata: { name: "t" }, spec: {} });
    expect(made).toMatchObject({ apiVersion: "example.org/v1", kind: "Train", spec: { cars: 3 } });
    const gone: string[] = [];
    using _subscription = store.subscribe(({ type, resource }) => {
      gone.push(`${type} ${resource}`);
    });
    store.delete(DEFINITIONS, undefined, "trains.example.org");
    expect(gone).toEqual(["DELETED trains.example.org", `DELETED ${DEFINITIONS}`]);
    expect(failure(() => store.list("trains.example.org"))).toMatchObject({ code: 404 });
  });

  test("a definition whose name is not plural.group is refused", () => {
    const wrong = { ...definition, metadata: { name: "train.example.org" } };
    expect(failure(() => createObjectStore().create(DEFINITIONS, undefined, wrong))).toMatchObject({ code: 422 });
  });
});
