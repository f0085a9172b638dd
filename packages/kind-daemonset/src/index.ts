import { daemonset } from "./daemonset.ts";

export { daemonset };
export default daemonset;
