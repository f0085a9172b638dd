import { knativeservice } from "./knativeservice.ts";

export { knativeservice };
export default knativeservice;
