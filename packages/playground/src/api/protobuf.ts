import { MESSAGES } from "./protobuf-messages.ts";

/** What every protobuf object of Kubernetes begins with. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);
/** Fields that the server does not take from its callers, by message. */
const IGNORED: Readonly<Record<string, readonly number[]>> = {
  // managedFields
  ObjectMeta: [17],
  // status
  Namespace: [3],
  Service: [3],
  Pod: [3],
  Deployment: [3],
  ReplicaSet: [3],
  StatefulSet: [3],
  Job: [3],
  SelfSubjectAccessReview: [3],
};

/** Fields that Go writes even where they are not set: their JSON leaves the zero out. */
const ZERO_IS_UNSET: ReadonlySet<string> = new Set([
  "generation",
  "hostIPC",
  "hostNetwork",
  "hostPID",
  "hostPort",
  "minReadySeconds",
  "nodePort",
  "paused",
  "readOnly",
  "stdin",
  "stdinOnce",
  "tty",
]);

interface Field {
  readonly number: number;
  readonly value: bigint | Buffer;
}

interface FieldRule {
  readonly name: string;
  readonly type: string;
  readonly shape: "one" | "list" | "map" | "inline";
}

const SHAPES: Readonly<Record<string, FieldRule["shape"]>> = { "[]": "list", "{}": "map", "!": "inline" };

/** The bytes are no message, or one with parts that are not known here. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

function rulesOf(message: string): ReadonlyMap<number, FieldRule> {
  const text = MESSAGES[message];
  if (text === undefined) {
    throw new ProtobufError(`the message ${message} is not known`);
  }
  return new Map(
    text.split(" ").map((entry) => {
      const [, number = "", name = "", type = "", suffix = ""] = /^(\d+):(\w+):(\w+)(\[\]|\{\}|!)?$/.exec(entry) ?? [];
      return [Number(number), { name, type, shape: SHAPES[suffix] ?? "one" }];
    }),
  );
}

function fieldsOf(data: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  function varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = data[at];
      if (byte === undefined) {
        throw new ProtobufError("the message ends inside of a number");
      }
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        return value;
      }
    }
    throw new ProtobufError("a number is too long");
  }
  while (at < data.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        fields.push({ number, value: varint() });
        break;
      case 2: {
        const size = Number(varint());
        if (at + size > data.length) {
          throw new ProtobufError("the message ends inside of a field");
        }
        fields.push({ number, value: data.subarray(at, at + size) });
        at += size;
        break;
      }
      default:
        throw new ProtobufError(`wire type ${tag % 8} is not expected`);
    }
  }
  return fields;
}

function integer(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

function asBuffer(value: bigint | Buffer, type: string): Buffer {
  if (typeof value === "bigint") {
    throw new ProtobufError(`a number stands where ${type} belongs`);
  }
  return value;
}

function fieldOf(data: Buffer, number: number): bigint | Buffer | undefined {
  return fieldsOf(data).findLast((field) => field.number === number)?.value;
}

function text(value: bigint | Buffer | undefined): string {
  return value === undefined ? "" : asBuffer(value, "string").toString("utf8");
}

/** One value; `undefined` where it is what JSON leaves out: an empty text, a time that is none. */
function valueOf(type: string, value: bigint | Buffer): unknown {
  switch (type) {
    case "int":
      return typeof value === "bigint" ? integer(value) : 0;
    case "bool":
      return value === 1n;
    case "string":
      return text(value) === "" ? undefined : text(value);
    case "bytes":
      return asBuffer(value, type).toString("base64");
    case "Quantity":
      return text(fieldOf(asBuffer(value, type), 1));
    case "Time": {
      const seconds = fieldOf(asBuffer(value, type), 1);
      return typeof seconds === "bigint"
        ? `${new Date(integer(seconds) * 1000).toISOString().slice(0, 19)}Z`
        : undefined;
    }
    case "IntOrString": {
      const data = asBuffer(value, type);
      const number = fieldOf(data, 2);
      return fieldOf(data, 1) === 1n ? text(fieldOf(data, 3)) : typeof number === "bigint" ? integer(number) : 0;
    }
    default:
      return messageOf(type, asBuffer(value, type));
  }
}

function messageOf(type: string, data: Buffer): Record<string, unknown> {
  const rules = rulesOf(type);
  const result: Record<string, unknown> = {};
  for (const { number, value } of fieldsOf(data)) {
    const rule = rules.get(number);
    if (rule === undefined) {
      // Go writes nested messages that are empty, and what is the server's own.
      if (
        IGNORED[type]?.includes(number) === true ||
        (typeof value !== "bigint" && value.length === 0) ||
        value === 0n
      ) {
        continue;
      }
      throw new ProtobufError(`field ${number} of ${type} is not known`);
    }
    if (rule.shape === "list") {
      const list = (result[rule.name] ??= []) as unknown[];
      // An empty text counts in a list.
      list.push(valueOf(rule.type, value) ?? "");
    } else if (rule.shape === "map") {
      const entry = asBuffer(value, rule.type);
      const map = (result[rule.name] ??= {}) as Record<string, unknown>;
      map[text(fieldOf(entry, 1))] = valueOf(rule.type, fieldOf(entry, 2) ?? Buffer.alloc(0)) ?? "";
    } else if (rule.shape === "inline") {
      Object.assign(result, messageOf(rule.type, asBuffer(value, rule.type)));
    } else {
      const one = valueOf(rule.type, value);
      const unset = (one === 0 || one === false) && ZERO_IS_UNSET.has(rule.name);
      if (one !== undefined && !unset) {
        result[rule.name] = one;
      }
    }
  }
  return result;
}

/**
 * Reads an object that a Go client sends as protobuf, as `kubectl create deployment` and `kubectl auth` do, into what its
 * JSON would be. Throws `ProtobufError` where the bytes are no such object, or one with parts that are not known here.
 */
export function decodeProtobuf(body: Buffer): Record<string, unknown> {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new ProtobufError("the bytes do not begin as a Kubernetes object does");
  }
  // `runtime.Unknown`: the type (1) and the object itself (2).
  const envelope = body.subarray(MAGIC.length);
  const type = asBuffer(fieldOf(envelope, 1) ?? Buffer.alloc(0), "TypeMeta");
  const kind = text(fieldOf(type, 2));
  const object = messageOf(kind, asBuffer(fieldOf(envelope, 2) ?? Buffer.alloc(0), kind));
  return { apiVersion: text(fieldOf(type, 1)), kind, ...object };
}
