import { appwrapper } from "./appwrapper.ts";

export { appwrapper };
export default appwrapper;
