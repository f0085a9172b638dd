/** Label of all namespaces made here; its value is the run. */
export const RUN_LABEL = "kinsync-e2e-run";
/** Annotation that tells when a namespace may be removed by any later run: seconds since 1970. */
export const UNTIL_ANNOTATION = "kinsync-e2e-until";
