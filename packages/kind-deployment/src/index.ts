import { deployment } from "./deployment.ts";

export { deployment };
export default deployment;
