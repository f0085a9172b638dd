import {
  errorOfResponse,
  errorOfStatus,
  KinsyncError,
  type ClusterResponse,
  type OpenContext,
} from "@kinsync/core/contract";
import { DataObject, FIELD_MANAGER, type RootState } from "./data-object.ts";
import {
  conflictError,
  consentMissing,
  foreignError,
  fullError,
  immutableError,
  missingError,
  objectName,
} from "./refusals.ts";
import { MAX_DATA_BYTES, type SourceKind } from "./source-kind.ts";

/** How often an apply is repeated because the object was changed at the same moment. */
const MAX_TRIES = 8;

/** What an apply leaves of kinsync in the object. */
export interface Change {
  /** All values that kinsync manages. */
  readonly own: ReadonlyMap<string, Buffer>;
  readonly roots: ReadonlyMap<string, RootState>;
}

/** One ConfigMap or Secret at the API server: reads it, and changes what kinsync manages in it. */
export class ObjectAccess {
  readonly name: string;
  readonly #kind: SourceKind;
  readonly #path: string;
  readonly #context: OpenContext;
  /** As last read or written. Another writer may have changed it since. */
  #known: DataObject | undefined;

  constructor(kind: SourceKind, namespace: string, name: string, context: OpenContext) {
    this.name = objectName(kind, namespace, name);
    this.#kind = kind;
    this.#path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/${kind.plural}/${encodeURIComponent(name)}`;
    this.#context = context;
  }

  /** The object as it is now; `undefined` where it is missing. */
  async read(signal: AbortSignal): Promise<DataObject | undefined> {
    const response = await this.#context.cluster.request({ path: this.#path, signal });
    if (response.status === 404) {
      await response.json().catch(() => undefined);
      return (this.#known = undefined);
    }
    if (response.status !== 200) throw await errorOfResponse(response, `read ${this.name}`);
    return (this.#known = await this.#parse(response));
  }

  /** As last read or written, or as it is now. Rejects where it is missing or immutable. */
  async writable(signal: AbortSignal): Promise<DataObject> {
    const object = this.#known ?? (await this.read(signal));
    if (object === undefined) throw missingError(this.#kind, this.name);
    if (object.isImmutable) throw immutableError(this.#kind, this.name);
    return object;
  }

  /**
   * Refuses values that the object cannot have, before anything is written.
   * @throws `KINSYNC_TARGET_FOREIGN` for keys of others, `KINSYNC_TRANSPORT_CANNOT` for too many bytes
   */
  check(object: DataObject, own: ReadonlyMap<string, Buffer>): void {
    const foreign = [...own.keys()].filter((key) => {
      const held = object.values.get(key);
      const value = own.get(key);
      if (held === undefined || value === undefined || held.equals(value)) return false;
      return !object.owned.has(key) || object.otherManagers(key).length > 0;
    });
    if (foreign.length > 0) throw foreignError(this.#kind, object, this.name, foreign);
    const bytes = object.bytesWith(own);
    if (bytes > MAX_DATA_BYTES) throw fullError(this.#kind, this.name, bytes);
  }

  /**
   * Changes what kinsync manages, in one apply that fails if anybody changed the object meanwhile; then the change is made again from what
   * the object is by then.
   * @param change may throw: then nothing is written
   */
  async change(change: (object: DataObject) => Change, signal: AbortSignal): Promise<DataObject> {
    const { writer } = this.#context;
    if (writer === undefined) throw consentMissing(this.#kind, this.name);
    for (let tries = 1; ; tries += 1) {
      const object = await this.writable(signal);
      const { own, roots } = change(object);
      this.check(object, own);
      this.#known = undefined;
      const response = await writer.apply({
        path: this.#path,
        object: object.applied(own, roots),
        fieldManager: FIELD_MANAGER,
        signal,
      });
      if (response.status === 200) return (this.#known = await this.#parse(response));
      const error = await this.#errorOf(response);
      if (error !== undefined || tries >= MAX_TRIES) {
        throw (
          error ?? new KinsyncError("KINSYNC_TARGET_LOST", `${this.name} was changed by others ${tries} times in a row`)
        );
      }
    }
  }

  /** Why an apply failed; `undefined` where the object was changed or replaced meanwhile. */
  async #errorOf(response: ClusterResponse): Promise<KinsyncError | undefined> {
    const { status } = response;
    const body: unknown = await response.json().catch(() => undefined);
    const causes = causesOf(body);
    if (status === 409) {
      const conflicts = causes.filter(({ reason }) => reason === "FieldManagerConflict");
      if (conflicts.length === 0) return undefined;
      const keys = conflicts.map(({ field = "" }) => field.replace(/^\.(?:data|binaryData)\./, ""));
      const managers = [...new Set(conflicts.flatMap(({ message }) => /"([^"]*)"/.exec(message ?? "")?.[1] ?? []))];
      return conflictError(this.#kind, this.name, keys, `${managers.join(", ")} manages`, managers);
    }
    if (status === 404) return missingError(this.#kind, this.name);
    if (status === 422 && causes.some(({ message = "" }) => message.includes("immutable"))) {
      return immutableError(this.#kind, this.name);
    }
    return errorOfStatus(body, `apply ${this.name}`, { status, headers: response.headers });
  }

  async #parse(response: ClusterResponse): Promise<DataObject> {
    const answer = await response.json();
    try {
      return new DataObject(this.#kind, answer);
    } catch (cause) {
      const message = `the API server's answer is not ${this.name}`;
      throw new KinsyncError("KINSYNC_CLUSTER_ANSWER", message, { cause });
    }
  }
}

interface Cause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

function causesOf(body: unknown): readonly Cause[] {
  const { details } = (body ?? {}) as { readonly details?: { readonly causes?: unknown } };
  return Array.isArray(details?.causes) ? (details.causes as readonly Cause[]) : [];
}
