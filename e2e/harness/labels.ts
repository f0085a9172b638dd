/** Label of all namespaces made here; its value is the run. */
export const RUN_LABEL = "kinsync-e2e-run";
/** Taint of a node that takes only pods of the situations that are about two nodes; on the others, more can be seen and killed. */
export const SPARE_TAINT = "kinsync-e2e-spare";
/** Annotation that tells when a namespace may be removed by any later run: seconds since 1970. */
export const UNTIL_ANNOTATION = "kinsync-e2e-until";
