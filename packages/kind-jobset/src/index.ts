import { jobset } from "./jobset.ts";

export { jobset };
export default jobset;
