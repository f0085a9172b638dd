import { execFile } from "node:child_process";
import { PODS } from "./surroundings.ts";
import type { Client } from "./observe.ts";

const LIMIT_MS = 30_000;

/** kubectl as a client of the cases. @param program its path */
export function kubectl(program: string): Client {
  return async (way, { env, flags }) => {
    const given = [
      ...(flags.as === undefined ? [] : ["--as", flags.as]),
      ...(flags.asGroups ?? []).flatMap((group) => ["--as-group", group]),
      ...(flags.asUid === undefined ? [] : ["--as-uid", flags.asUid]),
      ...(flags.user === undefined ? [] : ["--user", flags.user]),
      ...(flags.cluster === undefined ? [] : ["--cluster", flags.cluster]),
      ...(flags.context === undefined ? [] : ["--context", flags.context]),
      ...(flags.kubeconfig === undefined ? [] : ["--kubeconfig", flags.kubeconfig]),
    ];
    const words = way === "get" ? ["get", "--raw", PODS] : ["exec", "-n", "ml", "train-0", "-c", "main", "--", "true"];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    execFile(program, [...given, ...words], { env, timeout: LIMIT_MS }, (error, _, stderr) => {
      const line = stderr.trim().split("\n").at(-1) ?? "";
      if (error === null) resolve();
      else reject(new Error(line === "" ? error.message : line));
    }).stdin?.end();
    await promise;
  };
}
