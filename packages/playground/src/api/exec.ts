import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

import { WebSocketServer } from "ws";

import type { SessionFacts } from "./session-faults.ts";
import { StatusError, badRequest } from "../status-error.ts";
import type { ApiContext } from "./context.ts";
import { ExecSession } from "./exec-session.ts";
import type { SessionOptions } from "./exec-session.ts";
import { containerOf, requireNode } from "./pod-target.ts";
import { flag } from "./request.ts";
import type { ResourceRequest } from "./request.ts";
import { currentOf } from "./write.ts";

const PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;
/** A larger frame ends the connection, as in the real server. */
const MAX_FRAME_BYTES = 32 * 1024 * 1024;

/** An accepted upgrade request. */
export interface Upgrade {
  readonly message: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Opens exec sessions, and ends open ones. */
export interface ExecServer {
  /** Handles an upgrade on `pods/exec`. Throws a `StatusError` as long as a plain response is possible. */
  open(request: ResourceRequest, upgrade: Upgrade): Promise<void>;
  /** Ends the matching sessions; returns their number. */
  end(how: "drop" | "success", matches: (session: SessionFacts) => boolean): number;
  /** Ends every session and its process. */
  close(): void;
}

function offered(message: IncomingMessage): SessionOptions["protocol"] {
  const offers = (message.headers["sec-websocket-protocol"] ?? "").split(",").map((offer) => offer.trim());
  const protocol = PROTOCOLS.find((known) => offers.includes(known));
  if (protocol === undefined) {
    throw new StatusError(
      403,
      "Forbidden",
      `unable to upgrade: none of the subprotocols [${offers.join(" ")}] is supported, which are [${PROTOCOLS.join(" ")}]`,
    );
  }
  return protocol;
}

/** Serves `pods/exec` over WebSockets, with the subprotocols v5 and v4. */
export function createExecServer(context: ApiContext): ExecServer {
  const sessions = new Set<ExecSession>();
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME_BYTES,
    handleProtocols: (offers) => PROTOCOLS.find((known) => offers.has(known)) ?? false,
  });

  return {
    async open(request, { message, socket, head }) {
      const pod = currentOf(context, request);
      const { query } = request;
      const container = containerOf(pod, query.get("container"));
      requireNode(pod);
      if (message.headers.upgrade?.toLowerCase() !== "websocket") {
        // kubectl tries WebSockets first. It uses SPDY only after a refusal, and then prints the response to SPDY.
        throw new StatusError(
          400,
          "BadRequest",
          `unable to upgrade: this API server speaks WebSockets, not ${message.headers.upgrade ?? "nothing"}`,
        );
      }
      const protocol = offered(message);
      const facts: SessionFacts = {
        namespace: pod.metadata.namespace ?? "default",
        pod: pod.metadata.name,
        container,
      };
      const stdin = flag(query, "stdin");
      const command = query.getAll("command");
      const faults = context.faults.forSession(facts);
      const gone = new AbortController();
      const leave = (): void => {
        gone.abort(new Error("The client disconnected."));
      };
      socket.once("close", leave);
      try {
        await faults.beforeOpen(gone.signal);
      } catch {
        return;
      } finally {
        socket.off("close", leave);
      }
      server.handleUpgrade(message, socket, head, (webSocket) => {
        const session = new ExecSession(webSocket, {
          facts,
          faults,
          protocol,
          stdin,
          stdout: flag(query, "stdout"),
          stderr: flag(query, "stderr"),
          tty: flag(query, "tty"),
        });
        sessions.add(session);
        void session
          .run(async () => {
            // The real server reports these after the upgrade too, because the kubelet checks them.
            if (!stdin && !flag(query, "stdout") && !flag(query, "stderr")) {
              throw badRequest("you must specify at least 1 of stdin, stdout, stderr");
            }
            if (command.length === 0) {
              throw badRequest("you must specify at least 1 command for the container");
            }
            return context.runtime.exec({ namespace: facts.namespace, name: facts.pod }, container, command, { stdin });
          })
          .finally(() => {
            sessions.delete(session);
          });
      });
    },

    end(how, matches) {
      const chosen = [...sessions].filter((session) => matches(session.facts));
      for (const session of chosen) {
        if (how === "drop") {
          session.drop();
        } else {
          session.pretendSuccess();
        }
      }
      return chosen.length;
    },

    close() {
      for (const session of sessions) {
        session.kill();
      }
      server.close();
    },
  };
}
