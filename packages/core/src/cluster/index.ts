export { connectCluster } from "./connection.ts";
export type { ClusterOptions, ClusterTimeouts } from "./connection.ts";
export { listContexts } from "./auth/context.ts";
export type { ContextInfo, ContextList, ContextOptions } from "./auth/context.ts";
export type { CredentialTerminal } from "./auth/exec-plugin.ts";
export type { Environment, KubeconfigPlaces } from "./auth/kubeconfig.ts";
export { errorOfResponse, errorOfStatus } from "../contract/status.ts";
