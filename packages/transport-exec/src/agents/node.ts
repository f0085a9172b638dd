export const NODE_AGENT = "";
