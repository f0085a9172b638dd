// Writes the .proto files of this folder: Kubernetes' own text, reduced to the messages that the playground decodes.
//
//   node packages/playground/proto/generate.ts FOLDER VERSION
//
// FOLDER holds the Go modules `api@VERSION` and `apimachinery@VERSION` (`$(go env GOMODCACHE)/k8s.io`), VERSION is for example v0.34.4.
// Kept are the messages that ROOTS reach, without comments and without the fields that the server owns. Added is the field option `(json)`, read from the Go
// types, because the .proto text does not say how a field looks in JSON: "inline" (its fields belong to the enclosing object) and
// "omitzero" (Go always sends it; 0 and false mean unset).

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const CORE = "k8s.io.api.core.v1";
const APPS = "k8s.io.api.apps.v1";
const META = "k8s.io.apimachinery.pkg.apis.meta.v1";

/** The kinds that a client may send, and the envelope around each of them. */
const ROOTS: readonly string[] = [
  "k8s.io.apimachinery.pkg.runtime.Unknown",
  `${META}.DeleteOptions`,
  ...["Pod", "Namespace", "Node", "Event", "Service", "ConfigMap", "Secret", "ServiceAccount"].map(
    (kind) => `${CORE}.${kind}`,
  ),
  ...["ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "ControllerRevision"].map((kind) => `${APPS}.${kind}`),
  "k8s.io.api.batch.v1.Job",
  "k8s.io.api.policy.v1.Eviction",
  "k8s.io.api.autoscaling.v1.Scale",
  "k8s.io.api.authorization.v1.SelfSubjectAccessReview",
  "k8s.io.api.authentication.v1.SelfSubjectReview",
];

/** A field that the server does not accept from clients. */
function isOwnedByServer(field: string, type: string): boolean {
  return field === "managedFields" || (field === "status" && type.endsWith("Status"));
}

const SCALARS: ReadonlySet<string> = new Set(["string", "bytes", "bool", "int32", "int64", "double"]);
const FIELD = /^ {2}(?:(?:optional|repeated) )?(map<string, ([\w.]+)>|[\w.]+) (\w+) = (\d+);$/;

const [modules, version] = process.argv.slice(2);
if (modules === undefined || version === undefined) {
  throw new Error("Usage: node packages/playground/proto/generate.ts FOLDER VERSION");
}

/** `k8s.io.api.core.v1` -> `api/core/v1` with the module's version. */
function sourceFolder(packageName: string): string {
  const [, , module = "", ...rest] = packageName.split(".");
  return join(modules!, `${module}@${version}`, ...rest);
}

function pathOf(packageName: string): string {
  const [, , ...rest] = packageName.split(".");
  return ["k8s.io", ...rest, "generated.proto"].join("/");
}

function blocks(text: string, start: RegExp): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of text.split("\n")) {
    const name = start.exec(line)?.[1];
    if (name !== undefined) {
      current = [];
      found.set(name, current);
    } else if (line === "}") {
      current = undefined;
    } else {
      current?.push(line);
    }
  }
  return found;
}

interface Source {
  readonly messages: ReadonlyMap<string, readonly string[]>;
  readonly structs: ReadonlyMap<string, readonly string[]>;
}

const sources = new Map<string, Source>();

function sourceOf(packageName: string): Source {
  let source = sources.get(packageName);
  if (source === undefined) {
    const folder = sourceFolder(packageName);
    const goFile = `${packageName}.`.startsWith("k8s.io.apimachinery.pkg.util") ? "intstr.go" : "types.go";
    const isQuantity = packageName === "k8s.io.apimachinery.pkg.api.resource";
    source = {
      messages: blocks(readFileSync(join(folder, "generated.proto"), "utf8"), /^message (\w+) \{$/),
      structs: isQuantity ? new Map() : blocks(readFileSync(join(folder, goFile), "utf8"), /^type (\w+) struct \{$/),
    };
    sources.set(packageName, source);
  }
  return source;
}

/** The value of `(json)` for a field, from the Go struct's tags. */
function jsonOption(struct: readonly string[] | undefined, type: string, number: string): string | undefined {
  const line = struct?.find((text) => new RegExp(`protobuf:"\\w+,${number},`).test(text));
  if (line === undefined) {
    return undefined;
  }
  const json = /json:"([^"]*)"/.exec(line)?.[1] ?? "";
  if (json.startsWith(",inline")) {
    return "inline";
  }
  const isPointer = /^\t\w+\s+\*/.test(line);
  const isList = /^\t\w+\s+\[\]/.test(line);
  const isScalar = ["bool", "int32", "int64"].includes(type) && !isPointer && !isList;
  return isScalar && json.includes(",omitempty") ? "omitzero" : undefined;
}

const output = new Map<string, Map<string, string[]>>();

function take(fullName: string): void {
  const at = fullName.lastIndexOf(".");
  const packageName = fullName.slice(0, at);
  const name = fullName.slice(at + 1);
  const messages = output.get(packageName) ?? new Map<string, string[]>();
  output.set(packageName, messages);
  if (messages.has(name)) {
    return;
  }
  const { messages: known, structs } = sourceOf(packageName);
  const lines = known.get(name);
  if (lines === undefined) {
    throw new Error(`${fullName}: no such message`);
  }
  const kept: string[] = [];
  messages.set(name, kept);
  for (const line of lines) {
    if (line === "" || line.trimStart().startsWith("//")) {
      continue;
    }
    const [, type = "", mapped, field = "", number = ""] = FIELD.exec(line) ?? [];
    if (field === "") {
      throw new Error(`${fullName}: cannot read the line ${JSON.stringify(line)}`);
    }
    if (isOwnedByServer(field, type)) {
      continue;
    }
    const option = jsonOption(structs.get(name), type, number);
    kept.push(option === undefined ? line : line.replace(";", ` [(json) = "${option}"];`));
    const target = mapped ?? type;
    if (!SCALARS.has(target)) {
      take(target.startsWith(".") ? target.slice(1) : `${packageName}.${target}`);
    }
  }
}

for (const root of ROOTS) {
  take(root);
}

rmSync(join(import.meta.dirname, "k8s.io"), { recursive: true, force: true });
for (const [packageName, messages] of output) {
  const text = [...messages]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, lines]) => `message ${name} {\n${lines.map((line) => `${line}\n`).join("")}}\n`);
  const imports = [...output.keys()]
    .filter((other) => other !== packageName && text.some((message) => message.includes(` .${other}.`)))
    .map((other) => `import "${pathOf(other)}";`)
    .sort();
  const file = join(import.meta.dirname, pathOf(packageName));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    [
      `// Copyright The Kubernetes Authors. Licensed under the Apache License, Version 2.0.`,
      `// Reduced from ${version} by ../generate.ts; do not edit.`.replace(
        "../",
        "../".repeat(pathOf(packageName).split("/").length - 1),
      ),
      `syntax = "proto2";`,
      `package ${packageName};`,
      ...imports,
      ...text,
    ].join("\n"),
  );
}
