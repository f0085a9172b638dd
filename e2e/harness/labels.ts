/** Label of all namespaces that a run creates; its value is the run's id. */
export const RUN_LABEL = "kinsync-e2e-run";
/** Taint of a node that accepts only pods of the situations about two nodes. The other nodes can be inspected and have components killed. */
export const SPARE_TAINT = "kinsync-e2e-spare";
/** Annotation of a namespace: seconds since 1970 after which any later run may delete it. */
export const EXPIRY_ANNOTATION = "kinsync-e2e-until";
