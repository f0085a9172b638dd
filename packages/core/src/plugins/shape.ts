import type { KindPlugin, RootType } from "../contract/kind.ts";
import { DEFAULT_CAPABILITIES } from "../contract/capabilities.ts";
import type { TransportPlugin } from "../contract/transport.ts";
import { CONTRACT, FEATURES, isCompatible } from "../contract/version.ts";
import { KinsyncError } from "../errors/error.ts";
import { unknownField } from "./host-error.ts";

const NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
const DEFINE = { kind: "defineKind", transport: "defineTransport" } as const;

const KIND_FIELDS = {
  contract: true,
  type: true,
  name: true,
  needs: true,
  root: true,
  watches: true,
  judge: true,
  judgesSet: true,
  matchesByLabels: true,
  defaultContainer: true,
  infrastructure: true,
  namespaces: true,
  roles: true,
} as const satisfies Record<keyof KindPlugin, true>;

const ROOT_FIELDS = {
  group: true,
  version: true,
  versions: true,
  kind: true,
  plural: true,
  namespaced: true,
  shortNames: true,
} as const satisfies Record<keyof RootType, true>;

const TRANSPORT_FIELDS = {
  contract: true,
  type: true,
  name: true,
  capabilities: true,
  open: true,
  place: true,
  permissions: true,
} as const satisfies Record<keyof TransportPlugin, true>;

/**
 * Checks that a value is a kind of this contract: its needs and its version first, then its fields. It never checks the class, because two
 * copies of the package may be installed.
 * @param who names the plugin and its entry in the config
 * @throws `KINSYNC_PLUGIN_CONTRACT` or `KINSYNC_PLUGIN_SHAPE`
 */
export function checkKind(value: unknown, who: string): KindPlugin {
  const plugin = checkPlugin(value, "kind", who);
  checkFields(plugin, KIND_FIELDS, who, "");
  const root = plugin["root"];
  if (!isObject(root)) throw shape(who, "its `root` is not a resource type");
  for (const field of ["group", "version", "kind", "plural"]) {
    if (typeof root[field] !== "string" || (root[field] === "" && field !== "group")) {
      throw shape(who, `its \`root.${field}\` is not a text`);
    }
  }
  checkFields(root, ROOT_FIELDS, who, "root.");
  for (const field of ["versions", "shortNames"]) {
    if (root[field] !== undefined && !isTexts(root[field]))
      throw shape(who, `its \`root.${field}\` is not a list of texts`);
  }
  for (const field of ["watches", "judge"]) {
    if (typeof plugin[field] !== "function") throw shape(who, `its \`${field}\` is not a function`);
  }
  for (const field of ["matchesByLabels", "defaultContainer", "namespaces", "roles"]) {
    if (plugin[field] !== undefined && typeof plugin[field] !== "function") {
      throw shape(who, `its \`${field}\` is not a function`);
    }
  }
  if (plugin["judgesSet"] !== undefined && typeof plugin["judgesSet"] !== "boolean") {
    throw shape(who, "its `judgesSet` is neither true nor false");
  }
  const infrastructure = plugin["infrastructure"];
  if (infrastructure !== undefined && !isTexts(infrastructure)) {
    throw shape(who, "its `infrastructure` is not a list of container names");
  }
  return value as KindPlugin;
}

/** Checks that a value is a transport of this contract. Parameters and errors as in `checkKind`. */
export function checkTransport(value: unknown, who: string): TransportPlugin {
  const plugin = checkPlugin(value, "transport", who);
  checkFields(plugin, TRANSPORT_FIELDS, who, "");
  const { capabilities } = plugin;
  if (capabilities !== undefined) {
    if (!isObject(capabilities)) throw shape(who, "its `capabilities` is not an object");
    checkFields(capabilities, DEFAULT_CAPABILITIES, who, "capabilities.");
  }
  const { writesApi, names } = capabilities ?? {};
  if (writesApi !== undefined && !(Array.isArray(writesApi) && writesApi.every(isWriteRule))) {
    throw shape(
      who,
      "its `capabilities.writesApi` is not a list of { apiGroups, resources, verbs: [patch] } without wildcards",
    );
  }
  if (names !== undefined && !(names instanceof RegExp)) {
    throw shape(who, "its `capabilities.names` is not a regular expression");
  }
  if (typeof plugin["open"] !== "function") throw shape(who, "its `open` is not a function");
  if (plugin["place"] !== undefined && typeof plugin["place"] !== "function") {
    throw shape(who, "its `place` is not a function");
  }
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
  checkContract(value, type, who);
  if (value["type"] !== type) {
    const isOther = value["type"] === "kind" || value["type"] === "transport";
    const what = isOther ? ` but a ${String(value["type"])}` : "";
    const hint = isOther ? { hint: `List it under ${String(value["type"])}s.` } : {};
    throw new KinsyncError("KINSYNC_PLUGIN_SHAPE", `${who} is not a ${type}${what}`, hint);
  }
  const { name } = value;
  if (typeof name !== "string" || !NAME.test(name)) {
    throw shape(who, "its `name` is not a text of lower-case letters, digits, dots and dashes", type);
  }
  return value;
}

/** Checks `needs` before the version: the name of a missing feature explains more than a number. */
function checkContract(value: Readonly<Record<string, unknown>>, type: "kind" | "transport", who: string): void {
  const { contract, needs } = value;
  if (contract === undefined) throw shape(who, `it was not made with ${DEFINE[type]}`, type);
  if (needs !== undefined && !isTexts(needs)) throw shape(who, "its `needs` is not a list of texts");
  const lacking = (needs ?? []).filter((need) => !FEATURES.includes(need));
  const details = { offered: contract, contract: CONTRACT, lacking };
  const plugin = String(value["name"]);
  if (lacking.length > 0) {
    const names = lacking.map((need) => `"${need}"`).join(", ");
    throw new KinsyncError(
      "KINSYNC_PLUGIN_CONTRACT",
      `${who} needs ${names}, which this version of kinsync (contract ${CONTRACT}) lacks`,
      { plugin, details },
    );
  }
  if (!isCompatible(contract)) {
    throw new KinsyncError(
      "KINSYNC_PLUGIN_CONTRACT",
      `${who} was built for contract ${contractText(contract)}; this version of kinsync has contract ${CONTRACT}`,
      { plugin, details },
    );
  }
}

/** The version for messages: a number or a text unchanged, anything else as JSON. */
function contractText(contract: unknown): string {
  return typeof contract === "number" || typeof contract === "string" ? String(contract) : JSON.stringify(contract);
}

/** Refuses a field that the contract does not define. Otherwise a misspelled optional field would have no effect and no error. */
function checkFields(value: Readonly<Record<string, unknown>>, fields: object, who: string, prefix: string): void {
  const problem = unknownField(value, fields);
  if (problem !== undefined) throw shape(who, `it has an unknown field \`${prefix}${problem.field}\`${problem.hint}`);
}

function shape(who: string, why: string, type?: "kind" | "transport"): KinsyncError {
  const hint = type === undefined ? {} : { hint: `The factory of a plugin must return the result of ${DEFINE[type]}.` };
  return new KinsyncError("KINSYNC_PLUGIN_SHAPE", `${who} cannot be used: ${why}`, hint);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !(value instanceof Promise);
}

function isPolicyRule(value: unknown): boolean {
  return isObject(value) && isTexts(value["apiGroups"]) && isTexts(value["resources"]) && isTexts(value["verbs"]);
}

/** Only server-side applies, to resources that are named: a wildcard would include workloads. */
function isWriteRule(value: unknown): boolean {
  if (!isObject(value) || !isPolicyRule(value)) return false;
  const { apiGroups, resources, verbs } = value;
  const names = [apiGroups, resources].flat() as readonly string[];
  const isOnlyPatch = isTexts(verbs) && verbs.length > 0 && verbs.every((verb) => verb === "patch");
  return isOnlyPatch && names.every((name) => !name.includes("*") && !name.includes("/"));
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
