import { configmap } from "./transport.ts";

export { configmap, secret } from "./transport.ts";
export type { DataTransportOptions } from "./transport.ts";
export default configmap;
