import { CLUSTER_CASES, FILE_CASES } from "./cases-cluster.ts";
import { PLUGIN_CASES, PROVIDER_CASES, USER_CASES } from "./cases-user.ts";
import type { LoginCase } from "./login-case.ts";

export const LOGIN_CASES: readonly LoginCase[] = [
  ...USER_CASES,
  ...PLUGIN_CASES,
  ...PROVIDER_CASES,
  ...CLUSTER_CASES,
  ...FILE_CASES,
];
