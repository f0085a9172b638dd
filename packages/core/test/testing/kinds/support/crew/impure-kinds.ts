// Kinds that reach out of the process in ways that only a process without permissions shows. Loaded by Node itself.
import { execFileSync as kept } from "node:child_process";
import fs from "node:fs";
import type { KindPlugin } from "@kinsync/core/contract";
import { crew, soundCrew } from "./crew.ts";

const { readFileSync } = fs;
const run = kept.bind(undefined);
const role = process.env["PATH"] === undefined ? "none" : "some";

export const readsFile = (): KindPlugin => doing(() => readFileSync("/etc/hosts"));
export const runsProgram = (): KindPlugin => doing(() => run("true"));
export const readsEnvironment = (): KindPlugin => crew({ roles: () => ["leader", "worker", role] });

function doing(act: () => unknown): KindPlugin {
  return crew({
    judge: (view) => {
      act();
      return soundCrew.judge(view);
    },
  });
}
