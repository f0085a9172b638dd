import { volume } from "./volume.ts";

export { volume } from "./volume.ts";
export default volume;
