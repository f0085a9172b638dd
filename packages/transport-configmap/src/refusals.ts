import { KinsyncError } from "@kinsync/core/contract";
import { FIELD_MANAGER, type DataObject } from "./data-object.ts";
import { MAX_DATA_BYTES, type SourceKind } from "./source-kind.ts";

/** Keys that a message names. */
const MAX_NAMED = 5;

/** `configmap/settings in namespace ml`. */
export function objectName({ transport }: SourceKind, namespace: string, name: string): string {
  return `${transport}/${name} in namespace ${namespace}`;
}

/** Nothing to write to. It may be created later, and kinsync does not create it. */
export function missingError(kind: SourceKind, object: string): KinsyncError {
  return new KinsyncError("KINSYNC_TRANSPORT_CANNOT", `${object} does not exist, and kinsync does not create it`, {
    hint: `Create it: kubectl create ${kind.transport} NAME. kinsync continues then.`,
    retry: "retry",
    details: { code: `${kind.code}_MISSING` },
  });
}

export function immutableError(kind: SourceKind, object: string): KinsyncError {
  return new KinsyncError("KINSYNC_TRANSPORT_CANNOT", `${object} is immutable: the API server refuses every change`, {
    hint: `Mount another ${kind.kind} in development, without \`immutable: true\`.`,
    details: { code: `${kind.code}_IMMUTABLE` },
  });
}

/** Known before anything is written. */
export function fullError(kind: SourceKind, object: string, bytes: number): KinsyncError {
  return new KinsyncError(
    "KINSYNC_TRANSPORT_CANNOT",
    `${object} would hold ${bytes} bytes, and the API server accepts ${MAX_DATA_BYTES}`,
    {
      hint: "Add files that are not needed to `ignore`, or map this folder by another transport.",
      details: { code: `${kind.code}_FULL`, bytes, maxBytes: MAX_DATA_BYTES },
    },
  );
}

/** A key that somebody else manages. kinsync never takes it over. */
export function foreignError(
  kind: SourceKind,
  object: DataObject,
  where: string,
  keys: readonly string[],
): KinsyncError {
  const managers = [...new Set(keys.flatMap((key) => object.otherManagers(key)))];
  const who = managers.length === 0 ? "kinsync did not create" : `${managers.join(", ")} manages`;
  return conflictError(kind, where, keys, who, managers);
}

/**
 * @param who ends the sentence: `kubectl-create manages`
 */
export function conflictError(
  kind: SourceKind,
  where: string,
  keys: readonly string[],
  who: string,
  managers: readonly string[],
): KinsyncError {
  const more = keys.length > MAX_NAMED ? ` and ${keys.length - MAX_NAMED} more` : "";
  const named = `${keys.slice(0, MAX_NAMED).join(", ")}${more}`;
  return new KinsyncError(
    "KINSYNC_TARGET_FOREIGN",
    `${where} already has ${keys.length === 1 ? "the key" : "the keys"} ${named}, which ${who}; kinsync changes only keys that it created`,
    {
      hint: `Remove ${keys.length === 1 ? "it" : "them"} from the object, or hand over: kubectl apply --server-side --field-manager=${FIELD_MANAGER} --force-conflicts -f FILE`,
      details: { code: `${kind.code}_CONFLICT`, keys: keys.slice(0, 20), managers },
    },
  );
}

export function consentMissing(kind: SourceKind, object: string): KinsyncError {
  return new KinsyncError(
    "KINSYNC_TRANSPORT_CONSENT",
    `the transport ${kind.transport} changes ${object}, and the config does not allow that`,
    { hint: `To allow it, add to the config: writesApi: [${kind.transport}]` },
  );
}
