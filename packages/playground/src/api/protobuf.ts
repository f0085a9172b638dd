/** What every protobuf object of Kubernetes begins with. */
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

interface Field {
  readonly number: number;
  readonly value: number | Buffer;
}

function fieldsOf(data: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  function varint(): number {
    let value = 0;
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = data[at];
      if (byte === undefined) {
        throw new RangeError("the message ends inside of a number");
      }
      at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        return value;
      }
    }
    throw new RangeError("a number is too long");
  }
  while (at < data.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        fields.push({ number, value: varint() });
        break;
      case 2: {
        const size = varint();
        if (at + size > data.length) {
          throw new RangeError("the message ends inside of a field");
        }
        fields.push({ number, value: data.subarray(at, at + size) });
        at += size;
        break;
      }
      default:
        throw new RangeError(`wire type ${tag % 8} is not expected`);
    }
  }
  return fields;
}

function part(data: Buffer | undefined, number: number): Buffer | undefined {
  const value = data === undefined ? undefined : fieldsOf(data).findLast((field) => field.number === number)?.value;
  return typeof value === "number" ? undefined : value;
}

function named(data: Buffer | undefined, names: readonly string[]): Record<string, string> | undefined {
  if (data === undefined) {
    return undefined;
  }
  return Object.fromEntries(
    fieldsOf(data).flatMap(({ number, value }) => {
      const name = names[number - 1];
      return name === undefined || typeof value === "number" ? [] : [[name, value.toString("utf8")]];
    }),
  );
}

/**
 * Reads the reviews that `kubectl auth` sends as protobuf only. Every other kind comes as JSON and is not understood here.
 * Throws `RangeError` where the bytes are no such message.
 */
export function decodeReview(body: Buffer): unknown {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new RangeError("the message does not begin as a Kubernetes object does");
  }
  // Unknown: type (1), the object itself (2). SelfSubjectAccessReview: spec (2) with the attributes.
  const spec = part(part(body.subarray(MAGIC.length), 2), 2);
  const resourceAttributes = named(part(spec, 1), [
    "namespace",
    "verb",
    "group",
    "version",
    "resource",
    "subresource",
    "name",
  ]);
  const nonResourceAttributes = named(part(spec, 2), ["path", "verb"]);
  return {
    spec: {
      ...(resourceAttributes === undefined ? {} : { resourceAttributes }),
      ...(nonResourceAttributes === undefined ? {} : { nonResourceAttributes }),
    },
  };
}
