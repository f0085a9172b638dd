/** `import "node:http"` would read all its exports, and the one for browsers' WebSocket brings a whole HTTP client along: 15 ms at every start. */
export const { Agent, request } = process.getBuiltinModule("node:http");
