// Structural schemas (OpenAPI v3 with Kubernetes' extensions) as JSON Schema of draft 7, which ajv reads.

type Fields = Readonly<Record<string, unknown>>;

/** Keywords that mean the same in both. Formats, list types and CEL rules (`x-kubernetes-validations`) are not checked. */
const SAME = [
  "default",
  "maximum",
  "maxItems",
  "maxLength",
  "maxProperties",
  "minimum",
  "minItems",
  "minLength",
  "minProperties",
  "multipleOf",
  "pattern",
  "required",
  "uniqueItems",
] as const;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typeOf(schema: Fields): unknown {
  const type = schema["x-kubernetes-int-or-string"] === true ? ["integer", "string"] : schema["type"];
  return type !== undefined && schema["nullable"] === true ? [type, "null"].flat() : type;
}

function enumOf({ enum: values, nullable }: Fields): unknown {
  return Array.isArray(values) && nullable === true ? [...(values as unknown[]), null] : values;
}

/** OpenAPI v3 marks an exclusive limit by a flag, JSON Schema by another keyword. */
function limits(schema: Fields): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [limit, exclusive] of [
    ["minimum", "exclusiveMinimum"],
    ["maximum", "exclusiveMaximum"],
  ] as const) {
    if (schema[exclusive] === true) {
      result[exclusive] = schema[limit];
      result[limit] = undefined;
    }
  }
  return result;
}

function nested(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(toJsonSchema);
  }
  return isFields(value) ? toJsonSchema(value) : value;
}

/** Returns a new schema; values of the wrong type are passed on, for ajv to report. */
export function toJsonSchema(schema: unknown): unknown {
  if (!isFields(schema)) {
    return schema;
  }
  const { properties } = schema;
  const result: Record<string, unknown> = {
    ...Object.fromEntries(SAME.map((keyword) => [keyword, schema[keyword]])),
    ...limits(schema),
    type: typeOf(schema),
    enum: enumOf(schema),
    items: nested(schema["items"]),
    additionalProperties: nested(schema["additionalProperties"]),
    allOf: nested(schema["allOf"]),
    anyOf: nested(schema["anyOf"]),
    oneOf: nested(schema["oneOf"]),
    not: nested(schema["not"]),
    properties: isFields(properties)
      ? Object.fromEntries(Object.entries(properties).map(([name, rule]) => [name, toJsonSchema(rule)]))
      : properties,
  };
  return Object.fromEntries(Object.entries(result).filter(([, value]) => value !== undefined));
}

function ruleFor(schema: unknown, field: string): unknown {
  if (!isFields(schema)) {
    return undefined;
  }
  const { properties, additionalProperties } = schema;
  return isFields(properties) && Object.hasOwn(properties, field) ? properties[field] : additionalProperties;
}

/** Removes, in place, the fields whose value is null and may not be: as if the client had left them out, before defaults are filled in. */
export function dropNulls(value: unknown, schema: unknown): void {
  if (Array.isArray(value)) {
    for (const item of value) {
      dropNulls(item, isFields(schema) ? schema["items"] : undefined);
    }
    return;
  }
  if (!isFields(value)) {
    return;
  }
  for (const [field, inner] of Object.entries(value)) {
    const rule = ruleFor(schema, field);
    if (inner === null && isFields(rule) && rule["nullable"] !== true) {
      delete (value as Record<string, unknown>)[field];
    } else {
      dropNulls(inner, rule);
    }
  }
}
