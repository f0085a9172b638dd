import { join } from "node:path";

import type { Field, Root, Type } from "protobufjs";

/** The first bytes of every Kubernetes object in protobuf. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

const FOLDER = join(import.meta.dirname, "../../proto");
const META = "k8s.io.apimachinery.pkg.apis.meta.v1";
const ENVELOPE = "k8s.io.apimachinery.pkg.runtime.Unknown";

/** API groups of the kinds that clients send. */
const GROUPS: readonly string[] = ["apps", "authentication", "authorization", "autoscaling", "batch", "core", "policy"];

/** The bytes are not a Kubernetes object, or its kind has no message in `proto/`. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

let messages: Promise<Root> | undefined;

/** Loads protobufjs and Kubernetes' messages at the first call: most playgrounds never receive protobuf. */
function loadMessages(): Promise<Root> {
  messages ??= (async () => {
    const { Root } = await import("protobufjs");
    const root = new Root();
    root.resolvePath = (_origin, target) => join(FOLDER, target);
    await root.load(
      GROUPS.map((group) => `k8s.io/api/${group}/v1/generated.proto`),
      { keepCase: true },
    );
    root.resolveAll();
    return root;
  })();
  return messages;
}

/** A decoded message. Own properties are the fields that the bytes contain, and empty maps; other fields read as their zero. */
type Decoded = Readonly<Record<string, unknown>>;

function decode(type: Type, bytes: Uint8Array): Decoded {
  try {
    return type.decode(bytes);
  } catch (error) {
    throw new ProtobufError(
      `the bytes are not a ${type.name}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Integers of 64 bits are objects in protobufjs. */
function integer(value: unknown): number {
  return typeof value === "object" ? (value as { toNumber(): number }).toNumber() : Number(value);
}

/** RFC 3339 with the given number of decimals; `undefined` for Go's zero time. */
function timeOf(message: Decoded, decimals: number): string | undefined {
  const { seconds, nanos } = message;
  if (!Object.hasOwn(message, "seconds")) {
    return undefined;
  }
  const text = new Date(integer(seconds) * 1000).toISOString().slice(0, 19);
  const fraction = decimals === 0 ? "" : `.${String(integer(nanos)).padStart(9, "0").slice(0, decimals)}`;
  return `${text}${fraction}Z`;
}

/** Messages whose JSON is not an object with the same fields. They return `undefined` where JSON leaves the field out. */
const SPECIAL: Readonly<Record<string, (message: Decoded) => unknown>> = {
  [`.${META}.Time`]: (message) => timeOf(message, 0),
  [`.${META}.MicroTime`]: (message) => timeOf(message, 6),
  ".k8s.io.apimachinery.pkg.api.resource.Quantity": ({ string }) => string ?? "",
  ".k8s.io.apimachinery.pkg.util.intstr.IntOrString": ({ type, intVal, strVal }) =>
    integer(type) === 1 ? (strVal ?? "") : integer(intVal),
  ".k8s.io.apimachinery.pkg.runtime.RawExtension": ({ raw }) => jsonOf(raw as Uint8Array | undefined),
};

function jsonOf(raw: Uint8Array = new Uint8Array()): unknown {
  try {
    return raw.length === 0 ? undefined : (JSON.parse(Buffer.from(raw).toString("utf8")) as unknown);
  } catch {
    throw new ProtobufError("a RawExtension does not hold JSON");
  }
}

function valueOf(field: Field, value: unknown): unknown {
  if (field.resolvedType !== null) {
    return objectOf(field.resolvedType as Type, value as Decoded);
  }
  switch (field.type) {
    case "int32":
    case "int64":
      return integer(value);
    case "bytes":
      return Buffer.from(value as Uint8Array).toString("base64");
    default:
      return value;
  }
}

/** Go sends these fields even where they are unset, and its JSON leaves them out. */
function isUnset(field: Field, value: unknown): boolean {
  return value === undefined || value === "" || (!value && field.getOption("(json)") === "omitzero");
}

/** A message as its JSON. */
function objectOf(type: Type, message: Decoded): unknown {
  const special = SPECIAL[type.fullName];
  if (special !== undefined) {
    return special(message);
  }
  const result: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    if (!Object.hasOwn(message, field.name)) {
      continue;
    }
    const sent = message[field.name];
    if (field.repeated) {
      // In lists and maps, an empty string is a value.
      const list = (sent as readonly unknown[]).map((entry) => valueOf(field, entry));
      if (list.length > 0) {
        result[field.name] = list;
      }
    } else if (field.map) {
      const entries = Object.entries(sent as Decoded).map(([key, entry]) => [key, valueOf(field, entry)]);
      if (entries.length > 0) {
        result[field.name] = Object.fromEntries(entries);
      }
    } else if (field.getOption("(json)") === "inline") {
      Object.assign(result, valueOf(field, sent));
    } else {
      const value = valueOf(field, sent);
      if (!isUnset(field, value)) {
        result[field.name] = value;
      }
    }
  }
  return result;
}

function messageFor(root: Root, apiVersion: string, kind: string): Type {
  const [version = "", group = "core"] = apiVersion.split("/").toReversed();
  const type =
    root.lookup(`k8s.io.api.${group.split(".")[0]}.${version}.${kind}`) ?? root.lookup(`${META}.${kind}`) ?? undefined;
  if (type === undefined || !("decode" in type)) {
    throw new ProtobufError(`the kind ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)} has no message`);
  }
  return type as Type;
}

/**
 * Decodes an object that a Go client sends as protobuf, as `kubectl create deployment` and `kubectl auth` do, to what its JSON would be.
 * Fields that Kubernetes 1.34 does not define are dropped, as the real API server does.
 * Throws `ProtobufError` if the bytes are not a Kubernetes object, or its kind has no message in `proto/`.
 */
export async function decodeProtobuf(body: Buffer): Promise<Record<string, unknown>> {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new ProtobufError("the bytes do not start with the prefix of a Kubernetes object");
  }
  const root = await loadMessages();
  const { typeMeta, raw } = decode(root.lookupType(ENVELOPE), body.subarray(MAGIC.length));
  const { apiVersion = "", kind = "" } = (typeMeta ?? {}) as { apiVersion?: string; kind?: string };
  const type = messageFor(root, apiVersion, kind);
  const object = objectOf(type, decode(type, (raw as Uint8Array | undefined) ?? new Uint8Array()));
  return { apiVersion, kind, ...(object as Decoded) };
}
