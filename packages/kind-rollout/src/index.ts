import { rollout } from "./rollout.ts";

export { rollout };
export default rollout;
