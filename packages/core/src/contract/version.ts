/**
 * The number of this contract. It changes when a meaning changes; new optional fields do not change it.
 * `defineKind` and `defineTransport` stamp it on plugins, and the loader refuses any other.
 */
export const CONTRACT = 1 as const;
