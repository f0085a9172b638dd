import type { KindPlugin } from "../contract/kind.ts";
import type { TransportPlugin } from "../contract/transport.ts";
import { CONTRACT } from "../contract/version.ts";
import { KinsyncError } from "../errors/error.ts";

const NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
const DEFINE = { kind: "defineKind", transport: "defineTransport" } as const;

/**
 * Checks that a value is a kind of this contract: the number first, then the plain shape, never the class (two copies of the
 * package may be installed). Throws `KINSYNC_PLUGIN_CONTRACT` or `KINSYNC_PLUGIN_SHAPE`.
 * @param who names the plugin and where it was asked for
 */
export function checkKind(value: unknown, who: string): KindPlugin {
  const plugin = checkPlugin(value, "kind", who);
  const root = plugin["root"];
  if (!isObject(root)) throw shape(who, "its `root` is no resource type");
  for (const field of ["group", "version", "kind", "plural"]) {
    if (typeof root[field] !== "string" || (root[field] === "" && field !== "group")) {
      throw shape(who, `its \`root.${field}\` is not a text`);
    }
  }
  for (const field of ["watches", "judge"]) {
    if (typeof plugin[field] !== "function") throw shape(who, `its \`${field}\` is not a function`);
  }
  for (const field of ["claims", "defaultContainer"]) {
    if (plugin[field] !== undefined && typeof plugin[field] !== "function") {
      throw shape(who, `its \`${field}\` is not a function`);
    }
  }
  if (plugin["judgesSet"] !== undefined && typeof plugin["judgesSet"] !== "boolean") {
    throw shape(who, "its `judgesSet` is neither true nor false");
  }
  const infrastructure = plugin["infrastructure"];
  if (infrastructure !== undefined && !isTexts(infrastructure)) {
    throw shape(who, "its `infrastructure` is no list of container names");
  }
  return value as KindPlugin;
}

/** The same for a transport. */
export function checkTransport(value: unknown, who: string): TransportPlugin {
  const plugin = checkPlugin(value, "transport", who);
  if (typeof plugin["open"] !== "function") throw shape(who, "its `open` is not a function");
  const { permissions } = plugin;
  if (permissions !== undefined && !(Array.isArray(permissions) && permissions.every(isPolicyRule))) {
    throw shape(who, "its `permissions` is not a list of { apiGroups, resources, verbs }");
  }
  return value as TransportPlugin;
}

function checkPlugin(value: unknown, type: "kind" | "transport", who: string): Readonly<Record<string, unknown>> {
  if (!isObject(value)) {
    throw shape(
      who,
      value instanceof Promise ? "it is a promise" : `it is ${value === null ? "null" : `of type ${typeof value}`}`,
      type,
    );
  }
  const { contract } = value;
  if (contract === undefined) throw shape(who, `it was not made with ${DEFINE[type]}`, type);
  if (contract !== CONTRACT) {
    throw new KinsyncError(
      "KINSYNC_PLUGIN_CONTRACT",
      `${who} was written for contract ${JSON.stringify(contract)}; this kinsync has contract ${CONTRACT}`,
      { plugin: String(value["name"]), details: { offered: contract, wanted: CONTRACT } },
    );
  }
  if (value["type"] !== type) {
    const isOther = value["type"] === "kind" || value["type"] === "transport";
    const what = isOther ? ` but a ${String(value["type"])}` : "";
    const hint = isOther ? { hint: `List it under ${String(value["type"])}s.` } : {};
    throw new KinsyncError("KINSYNC_PLUGIN_SHAPE", `${who} is no ${type}${what}`, hint);
  }
  const { name } = value;
  if (typeof name !== "string" || !NAME.test(name)) {
    throw shape(who, "its `name` is not a text of lower-case letters, digits, dots and dashes", type);
  }
  return value;
}

function shape(who: string, why: string, type?: "kind" | "transport"): KinsyncError {
  const hint = type === undefined ? {} : { hint: `A plugin's factory has to return what ${DEFINE[type]} gives.` };
  return new KinsyncError("KINSYNC_PLUGIN_SHAPE", `${who} cannot be used: ${why}`, hint);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !(value instanceof Promise);
}

function isPolicyRule(value: unknown): boolean {
  return isObject(value) && isTexts(value["apiGroups"]) && isTexts(value["resources"]) && isTexts(value["verbs"]);
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
