export { connectCluster } from "./connection.ts";
export type { ClusterOptions, ClusterTimeouts } from "./connection.ts";
export { listContexts } from "./context.ts";
export type { ContextInfo, ContextList, ContextOptions } from "./context.ts";
export type { CredentialTerminal } from "./exec-plugin.ts";
export type { Environment, KubeconfigPlaces } from "./kubeconfig.ts";
export { errorOfResponse, errorOfStatus } from "../errors/status.ts";
