export { connectCluster } from "./connect.ts";
export type { ClusterOptions, HandedOptions, KubeconfigOptions } from "./connect.ts";
export type { ClusterTimeouts } from "./connection-options.ts";
export type { ClientNodeConfig } from "../contract/client-node.ts";
export { listContexts } from "./auth/context.ts";
export type { ContextInfo, ContextList, ContextOptions, LoginOverrides } from "./auth/context.ts";
export type { CredentialTerminal } from "./auth/exec-plugin.ts";
export type { Environment, KubeconfigPlaces } from "./auth/kubeconfig.ts";
export { errorOfResponse, errorOfStatus } from "../contract/status.ts";
