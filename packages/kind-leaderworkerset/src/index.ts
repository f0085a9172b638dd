import { leaderworkerset } from "./leaderworkerset.ts";

export { leaderworkerset };
export default leaderworkerset;
