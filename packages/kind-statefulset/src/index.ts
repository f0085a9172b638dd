import { statefulset } from "./statefulset.ts";

export { statefulset };
export default statefulset;
