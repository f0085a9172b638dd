import { badRequest } from "../status-error.ts";

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON Merge Patch (RFC 7396): `null` removes a field, lists are replaced as a whole. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) {
    return patch;
  }
  const result: Fields = isFields(target) ? { ...target } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) {
      delete result[field];
    } else {
      result[field] = mergePatch(result[field], value);
    }
  }
  return result;
}

/** Lists that strategic merge joins by a key. Of several possible keys, the first one that an item has is used. */
const MERGE_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ["name"],
  initContainers: ["name"],
  ephemeralContainers: ["name"],
  env: ["name"],
  volumes: ["name"],
  volumeMounts: ["mountPath"],
  volumeDevices: ["devicePath"],
  ports: ["containerPort", "port"],
  imagePullSecrets: ["name"],
  secrets: ["name"],
  hostAliases: ["ip"],
  topologySpreadConstraints: ["topologyKey"],
  resourceClaims: ["name"],
  ownerReferences: ["uid"],
  conditions: ["type"],
  podIPs: ["ip"],
  addresses: ["type"],
};

/** Lists of plain values that strategic merge joins as sets. */
const SETS: ReadonlySet<string> = new Set(["finalizers"]);

function mergeLists(field: string, target: unknown, patch: readonly unknown[]): unknown {
  const current: unknown[] = Array.isArray(target) ? [...(target as unknown[])] : [];
  if (SETS.has(field)) {
    return [...current, ...patch.filter((value) => !current.includes(value))];
  }
  const keys = MERGE_KEYS[field];
  const items = patch.filter((item) => isFields(item));
  if (keys === undefined || items.length !== patch.length) {
    return patch;
  }
  if (items.some((item) => item["$patch"] === "replace")) {
    return items.filter((item) => item["$patch"] === undefined);
  }
  let result = current.filter((item) => isFields(item));
  for (const item of items) {
    const key = keys.find((candidate) => item[candidate] !== undefined);
    if (key === undefined) {
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${keys[0]}`);
    }
    const at = result.findIndex((entry) => entry[key] === item[key]);
    if (item["$patch"] === "delete") {
      result = result.filter((_, index) => index !== at);
    } else if (at === -1) {
      result.push(strategicMerge({}, item) as Fields);
    } else {
      result[at] = strategicMerge(result[at], item) as Fields;
    }
  }
  return result;
}

/** Sorts a merged list as `$setElementOrder` demands; items that it does not name come last. */
function inOrder(list: unknown, field: string, order: unknown): unknown {
  if (!Array.isArray(list) || !Array.isArray(order)) {
    return list;
  }
  const keys = MERGE_KEYS[field] ?? [];
  const rank = (item: unknown): number => {
    const at = order.findIndex((entry) =>
      isFields(entry) && isFields(item)
        ? keys.some((key) => entry[key] !== undefined && entry[key] === item[key])
        : entry === item,
    );
    return at === -1 ? order.length : at;
  };
  return [...(list as unknown[])].sort((a, b) => rank(a) - rank(b));
}

/**
 * Strategic merge patch of Kubernetes' built-in kinds: as a merge patch, but containers, env, ports,
 * volumes and similar lists are joined by their keys; with `$patch`, `$retainKeys`, `$setElementOrder/x` and
 * `$deleteFromPrimitiveList/x`.
 */
export function strategicMerge(target: unknown, patch: unknown): unknown {
  if (!isFields(patch)) {
    return patch;
  }
  if (patch["$patch"] === "replace") {
    const { $patch: _, ...rest } = patch;
    return rest;
  }
  if (patch["$patch"] === "delete") {
    return {};
  }
  const result: Fields = isFields(target) ? { ...target } : {};
  const retained = patch["$retainKeys"];
  if (Array.isArray(retained)) {
    for (const field of Object.keys(result)) {
      if (!retained.includes(field)) {
        delete result[field];
      }
    }
  }
  for (const [field, value] of Object.entries(patch)) {
    const [directive, of = ""] = field.startsWith("$") ? field.split("/", 2) : ["", field];
    if (directive === "$deleteFromPrimitiveList") {
      const current = result[of];
      if (Array.isArray(current) && Array.isArray(value)) {
        result[of] = current.filter((entry) => !value.includes(entry));
      }
    } else if (directive !== "") {
      continue;
    } else if (value === null) {
      delete result[field];
    } else if (Array.isArray(value)) {
      result[field] = mergeLists(field, result[field], value);
    } else {
      result[field] = strategicMerge(result[field], value);
    }
  }
  for (const [field, order] of Object.entries(patch)) {
    if (field.startsWith("$setElementOrder/")) {
      const of = field.slice("$setElementOrder/".length);
      result[of] = inOrder(result[of], of, order);
      if (result[of] === undefined) {
        delete result[of];
      }
    }
  }
  return result;
}
