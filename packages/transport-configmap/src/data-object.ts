import { createHash } from "node:crypto";
import { isUtf8 } from "node:buffer";
import type { AppliedObject, Marker } from "@kinsync/core/contract";
import type { SourceKind } from "./source-kind.ts";

/** Name by which the API server records what kinsync manages. */
export const FIELD_MANAGER = "kinsync";
/** Each mapped root has one annotation with its marker. */
const MARKER_PREFIX = "kinsync.github.io/root-";

/** What the annotation of a mapped root holds. */
export interface RootState extends Marker {
  /** Identifies one session: an earlier one of the same run must not commit either. */
  readonly claim: string;
  /** Of a mapped single file: its key. */
  readonly file?: string;
  /** Keys of kinsync that were there before the root was claimed for the first time. They do not belong to this root. */
  readonly former?: readonly string[];
}

/** The object as the API server returns it. Foreign data: any field may be missing. */
interface ObjectAnswer {
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly managedFields?: readonly ManagedFields[];
  };
  readonly immutable?: boolean;
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly fieldsV1?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
}

/** A ConfigMap or Secret at one version. */
export class DataObject {
  readonly kind: SourceKind;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly isImmutable: boolean;
  /** Bytes by key. */
  readonly values: ReadonlyMap<string, Buffer>;
  /** Keys that kinsync manages. */
  readonly owned: ReadonlySet<string>;
  /** State of each mapped root, by its key. */
  readonly roots: ReadonlyMap<string, RootState>;
  readonly #managers: readonly ManagedFields[];
  readonly #digests = new Map<string, string>();

  /** @throws TypeError where the answer is not such an object */
  constructor(kind: SourceKind, answer: unknown) {
    const { metadata = {}, immutable, data = {}, binaryData = {} } = answer as ObjectAnswer;
    const { name, uid, resourceVersion, annotations = {}, managedFields = [] } = metadata;
    if (name === undefined || uid === undefined || resourceVersion === undefined) {
      throw new TypeError("the answer has no name, UID or resourceVersion");
    }
    this.kind = kind;
    this.name = name;
    this.uid = uid;
    this.resourceVersion = resourceVersion;
    this.isImmutable = immutable === true;
    const encoding = kind.kind === "Secret" ? "base64" : "utf8";
    this.values = new Map([
      ...Object.entries(data).map(([key, value]) => [key, Buffer.from(value, encoding)] as const),
      ...Object.entries(binaryData).map(([key, value]) => [key, Buffer.from(value, "base64")] as const),
    ]);
    this.#managers = managedFields;
    const own = managedFields.filter(({ manager, operation }) => manager === FIELD_MANAGER && operation === "Apply");
    this.owned = new Set(own.flatMap(keysOf).filter((key) => this.values.has(key)));
    this.roots = rootsOf(annotations);
  }

  digest(key: string): string | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    let digest = this.#digests.get(key);
    if (digest === undefined) this.#digests.set(key, (digest = sha256(value)));
    return digest;
  }

  /** Who else manages a key; empty where nobody is recorded. */
  otherManagers(key: string): readonly string[] {
    const others = this.#managers.filter((each) => each.manager !== FIELD_MANAGER || each.operation !== "Apply");
    return [...new Set(others.filter((each) => keysOf(each).includes(key)).map(({ manager = "unknown" }) => manager))];
  }

  /** Keys that kinsync created for a mapped root. */
  placed(rootKey: string): readonly string[] {
    const state = this.roots.get(rootKey);
    if (state === undefined) return [];
    const former = new Set(state.former);
    if (state.file !== undefined) return this.owned.has(state.file) && !former.has(state.file) ? [state.file] : [];
    const ofFiles = new Set([...this.roots.values()].flatMap(({ file }) => file ?? []));
    return [...this.owned].filter((key) => !former.has(key) && !ofFiles.has(key)).sort();
  }

  /** Bytes of all values, if kinsync's own were these. */
  bytesWith(own: ReadonlyMap<string, Buffer>): number {
    let bytes = 0;
    for (const value of own.values()) bytes += value.length;
    for (const [key, value] of this.values) if (!own.has(key) && !this.owned.has(key)) bytes += value.length;
    return bytes;
  }

  /** The values that kinsync manages. */
  ownValues(): Map<string, Buffer> {
    return new Map([...this.values].filter(([key]) => this.owned.has(key)));
  }

  /** The body of an apply, which replaces everything that kinsync manages in this object. It fails if the object changed meanwhile. */
  applied(own: ReadonlyMap<string, Buffer>, roots: ReadonlyMap<string, RootState>): AppliedObject {
    const { kind, name, uid, resourceVersion } = this;
    const data: Record<string, string> = {};
    const binaryData: Record<string, string> = {};
    for (const [key, value] of own) {
      if (kind.kind === "Secret") data[key] = value.toString("base64");
      else if (isUtf8(value)) data[key] = value.toString("utf8");
      else binaryData[key] = value.toString("base64");
    }
    const annotations = Object.fromEntries(
      [...roots].map(([root, state]) => [`${MARKER_PREFIX}${root}`, JSON.stringify(state)]),
    );
    const object = { apiVersion: "v1", kind: kind.kind, metadata: { name, uid, resourceVersion, annotations } };
    const parts = { ...object, ...(Object.keys(data).length === 0 ? {} : { data }) };
    return Object.keys(binaryData).length === 0 ? parts : Object.assign(parts, { binaryData });
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The keys of the data that an entry of `managedFields` names. */
function keysOf({ fieldsV1 = {} }: ManagedFields): readonly string[] {
  const maps = [fieldsV1["f:data"], fieldsV1["f:binaryData"]];
  return maps.flatMap((map) => Object.keys(map ?? {}).flatMap((key) => (key.startsWith("f:") ? key.slice(2) : [])));
}

function rootsOf(annotations: Readonly<Record<string, string>>): ReadonlyMap<string, RootState> {
  const roots = new Map<string, RootState>();
  for (const [name, text] of Object.entries(annotations)) {
    if (!name.startsWith(MARKER_PREFIX)) continue;
    const state = parseState(text);
    if (state !== undefined) roots.set(name.slice(MARKER_PREFIX.length), state);
  }
  return roots;
}

/** An annotation that somebody else changed is not kinsync's state. */
function parseState(text: string): RootState | undefined {
  try {
    const state = JSON.parse(text) as Partial<RootState>;
    const isWhole = [state.claim, state.runId, state.owner, state.since, state.tree].every(
      (each) => typeof each === "string",
    );
    return isWhole && Number.isInteger(state.snapshot) ? (state as RootState) : undefined;
  } catch {
    return undefined;
  }
}
