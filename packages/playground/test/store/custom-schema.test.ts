import { describe, expect, test } from "vitest";

import { createObjectStore } from "../../src/store/object-store.ts";
import type { PlaygroundStore } from "../../src/store/playground-store.ts";
import type { NewObject, StoredObject } from "../../src/world.ts";
import { failure } from "../support/store-fixture.ts";

const DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io";
const TRAINS = "trains.example.org";

const SPEC_SCHEMA = {
  type: "object",
  required: ["line"],
  properties: {
    line: { type: "string", pattern: "^[A-Z]\\d+$", maxLength: 4 },
    cars: { type: "integer", default: 3, minimum: 1, maximum: 12, exclusiveMaximum: true },
    gauge: { type: "string", enum: ["narrow", "standard"], default: "standard" },
    port: { "x-kubernetes-int-or-string": true },
    note: { type: "string", nullable: true },
    goPattern: { type: "string", pattern: "(?i)^x$" },
    engine: { type: "object", default: {}, properties: { power: { type: "number", default: 1.5 } } },
    stops: {
      type: "array",
      maxItems: 2,
      items: {
        type: "object",
        required: ["name"],
        properties: { name: { type: "string" }, wait: { type: "integer", default: 1 } },
      },
    },
    seats: { type: "object", additionalProperties: { type: "integer" } },
    drive: { type: "object", oneOf: [{ required: ["diesel"] }, { required: ["electric"] }] },
  },
};

function definition(specSchema: object = SPEC_SCHEMA): NewObject {
  const status = { type: "object", properties: { phase: { type: "string" } } };
  return {
    metadata: { name: TRAINS },
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
          schema: { openAPIV3Schema: { type: "object", properties: { spec: specSchema, status } } },
        },
      ],
    },
  };
}

function storeWithTrains(): PlaygroundStore {
  const store = createObjectStore();
  store.create(DEFINITIONS, undefined, definition());
  return store;
}

function create(store: PlaygroundStore, spec: Record<string, unknown>): StoredObject {
  return store.create(TRAINS, "default", { metadata: { name: "t" }, spec });
}

describe("a custom resource", () => {
  test("gets the defaults of its schema, also nested ones and those of list items", () => {
    const made = create(storeWithTrains(), { line: "S1", stops: [{ name: "a" }] });
    expect(made.spec).toEqual({
      line: "S1",
      cars: 3,
      gauge: "standard",
      engine: { power: 1.5 },
      stops: [{ name: "a", wait: 1 }],
    });
  });

  test("with null in a field that is not nullable gets the default there, or loses the field", () => {
    const made = create(storeWithTrains(), {
      line: "S1",
      gauge: null,
      drive: null,
      note: null,
      seats: { front: null },
    });
    expect(made.spec).toEqual({
      line: "S1",
      cars: 3,
      gauge: "standard",
      note: null,
      seats: {},
      engine: { power: 1.5 },
    });
  });

  test("that conforms to its schema is stored", () => {
    const spec = {
      line: "S1",
      port: "web",
      note: null,
      goPattern: "anything",
      drive: { diesel: true },
      seats: { a: 1 },
    };
    expect(create(storeWithTrains(), spec).spec).toMatchObject(spec);
  });

  test.each([
    ["a missing field", {}, "FieldValueRequired", "spec.line", "Required value"],
    [
      "a value of another type",
      { line: "S1", cars: "four" },
      "FieldValueTypeInvalid",
      "spec.cars",
      'Invalid value: "string": spec.cars in body must be of type integer: "string"',
    ],
    [
      "null in a list",
      { line: "S1", stops: [null] },
      "FieldValueTypeInvalid",
      "spec.stops[0]",
      'Invalid value: "null": spec.stops[0] in body must be of type object: "null"',
    ],
    [
      "text that does not match the pattern",
      { line: "s1" },
      "FieldValueInvalid",
      "spec.line",
      String.raw`Invalid value: "s1": spec.line in body should match '^[A-Z]\d+$'`,
    ],
    [
      "text that is too long",
      { line: "S12345" },
      "FieldValueTooLong",
      "spec.line",
      "Too long: may not be more than 4 bytes",
    ],
    [
      "a number below the minimum",
      { line: "S1", cars: 0 },
      "FieldValueInvalid",
      "spec.cars",
      "Invalid value: 0: spec.cars in body should be greater than or equal to 1",
    ],
    [
      "a number at an exclusive maximum",
      { line: "S1", cars: 12 },
      "FieldValueInvalid",
      "spec.cars",
      "Invalid value: 12: spec.cars in body should be less than 12",
    ],
    [
      "a value that is not in the enum",
      { line: "S1", gauge: "broad" },
      "FieldValueNotSupported",
      "spec.gauge",
      'Unsupported value: "broad": supported values: "narrow", "standard"',
    ],
    [
      "neither an integer nor a string",
      { line: "S1", port: true },
      "FieldValueTypeInvalid",
      "spec.port",
      'Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ],
    [
      "a list item without its field",
      { line: "S1", stops: [{}] },
      "FieldValueRequired",
      "spec.stops[0].name",
      "Required value",
    ],
    [
      "too many items",
      { line: "S1", stops: [{ name: "a" }, { name: "b" }, { name: "c" }] },
      "FieldValueTooMany",
      "spec.stops",
      "Too many: 3: must have at most 2 items",
    ],
    [
      "two of two alternatives",
      { line: "S1", drive: { diesel: 1, electric: 1 } },
      "FieldValueInvalid",
      "spec.drive",
      'Invalid value: {"diesel":1,"electric":1}: "spec.drive" must validate one and only one schema (oneOf)',
    ],
    [
      "a map value of another type",
      { line: "S1", seats: { front: "x" } },
      "FieldValueTypeInvalid",
      "spec.seats.front",
      'Invalid value: "string": spec.seats.front in body must be of type integer: "string"',
    ],
  ])("with %s is refused with 422 and its cause", (_what, spec, reason, field, message) => {
    const { code, details } = failure(() => create(storeWithTrains(), spec));
    expect({ code, causes: details?.causes }).toEqual({ code: 422, causes: [{ reason, field, message }] });
  });

  test("with several errors is refused with all of them in one message", () => {
    expect(failure(() => create(storeWithTrains(), { cars: 0 })).message).toBe(
      'Train.example.org "t" is invalid: [spec.line: Required value, spec.cars: Invalid value: 0: spec.cars in body should be greater than or equal to 1]',
    );
  });

  test("cannot be updated to break its schema, in spec or status", () => {
    const store = storeWithTrains();
    const made = create(store, { line: "S1" });
    expect(failure(() => store.update(TRAINS, { ...made, spec: { line: 1 } }))).toMatchObject({ code: 422 });
    expect(failure(() => store.updateStatus(TRAINS, { ...made, status: { phase: 1 } }))).toMatchObject({ code: 422 });
    expect(store.get(TRAINS, "default", "t")).toEqual(made);
  });

  test("keeps an error that a newer schema finds, while other fields change", () => {
    const store = storeWithTrains();
    const made = create(store, { line: "S1" });
    const stored = store.get(DEFINITIONS, undefined, TRAINS)!;
    const stricter = {
      ...SPEC_SCHEMA,
      properties: { ...SPEC_SCHEMA.properties, line: { type: "string", enum: ["U1"] } },
    };
    store.update(DEFINITIONS, { ...stored, spec: definition(stricter).spec! });
    expect(store.update(TRAINS, { ...made, spec: { line: "S1", cars: 5 } }).spec).toMatchObject({ cars: 5 });
    expect(failure(() => create(store, { line: "S1" }))).toMatchObject({ code: 422 });
  });
});

describe("a definition", () => {
  test("whose schema has an unknown type is refused, naming the place", () => {
    const wrong = definition({ type: "object", properties: { cars: { type: "int" } } });
    const { code, details } = failure(() => createObjectStore().create(DEFINITIONS, undefined, wrong));
    expect(code).toBe(422);
    expect(details?.causes?.map(({ field }) => field)).toEqual([
      "spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.cars.type",
    ]);
  });

  test("cannot be updated to have no stored version", () => {
    const store = storeWithTrains();
    const stored = store.get(DEFINITIONS, undefined, TRAINS)!;
    const wrong = { ...stored, spec: { ...stored.spec, versions: [] } };
    expect(failure(() => store.update(DEFINITIONS, wrong))).toMatchObject({ code: 422 });
  });
});
