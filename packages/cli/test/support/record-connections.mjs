// Preloaded into a process: appends every address that it connects to or looks up to the file CONNECTIONS.
import dgram from "node:dgram";
import dns from "node:dns";
import { appendFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";

function record(what) {
  appendFileSync(process.env.CONNECTIONS, `${what}\n`);
}

/** The parts of Node's sockets that are replaced. */
const socket = net.Socket.prototype;
const connect = Reflect.get(socket, "connect");
socket.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  record(typeof options === "object" ? (options.path ?? `${options.host}:${options.port}`) : String(options));
  return connect.apply(this, args);
};
for (const name of ["lookup", "resolve", "resolve4", "resolve6"]) {
  const original = dns[name];
  dns[name] = (host, ...rest) => {
    record(`${name} ${host}`);
    return original(host, ...rest);
  };
}
const send = Reflect.get(dgram.Socket.prototype, "send");
dgram.Socket.prototype.send = function (...args) {
  record("dgram");
  return send.apply(this, args);
};
syncBuiltinESMExports();
