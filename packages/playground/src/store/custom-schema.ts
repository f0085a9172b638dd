import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";

import type * as AjvModule from "ajv";
import type { AnySchemaObject, ErrorObject, ValidateFunction } from "ajv";

import type { StatusCause } from "../status-error.ts";
import type { NewObject } from "../world.ts";
import type { ResourceType } from "./resources.ts";
import { dropNulls, toJsonSchema } from "./structural-schema.ts";

// Loaded with the first schema, to keep the start short; by `require`, because the store is synchronous.
const require = createRequire(import.meta.url);

let ajv: AjvModule.Ajv | undefined;

/** Kubernetes' patterns are Go's. One that JavaScript cannot compile is not checked. */
function regExp(pattern: string, flags: string): { test(text: string): boolean } {
  try {
    return new RegExp(pattern, flags);
  } catch {
    return { test: () => true };
  }
}

function loadAjv(): AjvModule.Ajv {
  if (ajv === undefined) {
    const { Ajv } = require("ajv") as typeof AjvModule;
    ajv = new Ajv({
      allErrors: true,
      // A validator runs seldom: to optimize a schema with a pod template costs three times what compiling it does.
      code: { optimize: false, regExp: Object.assign(regExp, { code: "new RegExp" }) },
      logger: false,
      strict: false,
      unicodeRegExp: false,
      useDefaults: true,
      verbose: true,
    });
  }
  return ajv;
}

/** Compiled schemas by the `openAPIV3Schema` of a stored definition. */
const compiled = new WeakMap<object, ValidateFunction>();

function validatorOf(schema: object): ValidateFunction {
  let validate = compiled.get(schema);
  if (validate === undefined) {
    const json = toJsonSchema(schema) as AnySchemaObject;
    validate = loadAjv().compile(json);
    // ajv would keep every schema for ever.
    loadAjv().removeSchema(json);
    compiled.set(schema, validate);
  }
  return validate;
}

/** `/spec/cars/0/name` -> `spec.cars[0].name`. */
function fieldPath(pointer: string, root: unknown, prefix = ""): string {
  let path = prefix;
  let value = root;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    path += Array.isArray(value) ? `[${key}]` : path === "" ? key : `.${key}`;
    value = (value as Readonly<Record<string, unknown>> | undefined)?.[key];
  }
  return path;
}

function typeName(value: unknown): string {
  if (value === null) {
    return "null";
  }
  if (typeof value === "number") {
    return Number.isInteger(value) ? "integer" : "number";
  }
  return Array.isArray(value) ? "array" : typeof value;
}

/** The message of the API server's own validator, by keyword. */
function explanation({ keyword, params, schema }: ErrorObject, path: string): string {
  const given = JSON.stringify(schema);
  switch (keyword) {
    case "pattern":
      return `${path} in body should match '${String(schema)}'`;
    case "minimum":
      return `${path} in body should be greater than or equal to ${given}`;
    case "exclusiveMinimum":
      return `${path} in body should be greater than ${given}`;
    case "maximum":
      return `${path} in body should be less than or equal to ${given}`;
    case "exclusiveMaximum":
      return `${path} in body should be less than ${given}`;
    case "multipleOf":
      return `${path} in body should be a multiple of ${given}`;
    case "minLength":
      return `${path} in body should be at least ${given} chars long`;
    case "minItems":
      return `${path} in body should have at least ${given} items`;
    case "minProperties":
      return `${path} in body should have at least ${given} properties`;
    case "uniqueItems":
      return `${path} in body shouldn't contain duplicates`;
    case "additionalProperties":
      return `${path}.${String(params["additionalProperty"])} in body is a forbidden property`;
    case "anyOf":
      return `"${path}" must validate at least one schema (anyOf)`;
    case "oneOf":
      return `"${path}" must validate one and only one schema (oneOf)`;
    case "not":
      return `"${path}" must not validate the schema (not)`;
    default:
      return `${path} in body is not valid (${keyword})`;
  }
}

function causeOf(error: ErrorObject, root: unknown): StatusCause {
  const { keyword, params, data, schema, instancePath } = error;
  const path = fieldPath(instancePath, root);
  // Kubernetes prints an empty field path so.
  const field = path === "" ? "<nil>" : path;
  const most = Number(schema);
  switch (keyword) {
    case "required":
      return {
        reason: "FieldValueRequired",
        message: "Required value",
        field: `${path === "" ? "" : `${path}.`}${String(params["missingProperty"])}`,
      };
    case "type": {
      const expected = [schema as string | string[]].flat().filter((type) => type !== "null");
      const actual = JSON.stringify(typeName(data));
      return {
        reason: "FieldValueTypeInvalid",
        message: `Invalid value: ${actual}: ${field} in body must be of type ${expected.join(",")}: ${actual}`,
        field,
      };
    }
    case "enum": {
      const values = (schema as unknown[]).filter((value) => value !== null);
      const supported = values.map((value) =>
        JSON.stringify(typeof value === "string" ? value : JSON.stringify(value)),
      );
      return {
        reason: "FieldValueNotSupported",
        message: `Unsupported value: ${JSON.stringify(data)}: supported values: ${supported.join(", ")}`,
        field,
      };
    }
    case "maxLength":
      return {
        reason: "FieldValueTooLong",
        message: `Too long: may not be more than ${most} ${most === 1 ? "byte" : "bytes"}`,
        field,
      };
    case "maxItems":
    case "maxProperties":
      return {
        reason: "FieldValueTooMany",
        message: `Too many: ${Object.keys(data as object).length}: must have at most ${most} ${most === 1 ? "item" : "items"}`,
        field,
      };
    default:
      return {
        reason: "FieldValueInvalid",
        message: `Invalid value: ${JSON.stringify(data)}: ${explanation(error, field)}`,
        field,
      };
  }
}

function causesIn(schema: object, object: NewObject): StatusCause[] {
  const validate = validatorOf(schema);
  dropNulls(object, schema);
  if (validate(object)) {
    return [];
  }
  return (
    (validate.errors ?? [])
      // The errors of each alternative only repeat that none fits.
      .filter(({ schemaPath }) => !/\/(?:anyOf|oneOf)\/\d+\//.test(schemaPath))
      .map((error) => causeOf(error, object))
  );
}

/**
 * Fills in the defaults of a custom resource's schema, in place, and returns the rules of the schema that the object breaks.
 * An error that `current`, the stored object, already has is accepted ("ratcheting"), as in Kubernetes since 1.33.
 */
export function applySchema(resource: ResourceType, object: NewObject, current?: NewObject): StatusCause[] {
  const schema = resource.schemas?.[resource.storageVersion];
  if (schema === undefined) {
    return [];
  }
  const causes = causesIn(schema, object);
  if (causes.length === 0 || current === undefined) {
    return causes;
  }
  const known = causesIn(schema, structuredClone(current));
  return causes.filter((cause) => !known.some((other) => isDeepStrictEqual(other, cause)));
}

/** What is wrong with a schema itself; `field` is where it stands in its CustomResourceDefinition. */
export function schemaProblems(schema: object, field: string): StatusCause[] {
  const json = toJsonSchema(schema);
  const ajv = loadAjv();
  if (ajv.validateSchema(json as AnySchemaObject) === true) {
    return [];
  }
  const causes = (ajv.errors ?? []).map(({ instancePath, data, message = "is not valid" }) => ({
    reason: "FieldValueInvalid",
    message: `Invalid value: ${JSON.stringify(data)}: ${message}`,
    field: fieldPath(instancePath, json, field),
  }));
  // ajv reports each alternative of a field; the first one is the clearest.
  return causes.filter((cause, index) => causes.findIndex(({ field: other }) => other === cause.field) === index);
}
