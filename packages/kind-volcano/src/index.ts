import { volcanojob } from "./volcanojob.ts";

export { volcanojob };
export default volcanojob;
