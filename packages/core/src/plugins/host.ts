// The only caller of plugin code: kinds and transports are called through these two and nowhere else.
export { hostKind } from "./host-kind.ts";
export type { HostedJudgement } from "./host-kind.ts";
export { hostTransport } from "./host-transport.ts";
export type { HostedTransport } from "./host-transport.ts";
export { loadedTransports, loadTransport } from "./host-lazy-transport.ts";
export type { TransportEntry } from "./host-lazy-transport.ts";
export { lazyKind, loadedKind, loadKind } from "./host-lazy-kind.ts";
export type { KindEntry, LazyKind } from "./host-lazy-kind.ts";
