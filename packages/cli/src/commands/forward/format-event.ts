import type { ForwardEvent } from "@kinsync/core";
import { clean } from "../../render/text.ts";
import { count } from "../../render/units.ts";
import type { OfWorkload } from "../logs/format-entry.ts";

/** One event as a line for people; `undefined`: another line shows it. @param opened local addresses of the rules */
export class ForwardFormat {
  readonly #local = new Map<ForwardEvent["rule"], string>();

  line(event: ForwardEvent): string | undefined {
    switch (event.type) {
      case "opened":
        this.#local.set(event.rule, addressOf(event.address, event.localPort));
        return undefined;
      case "target":
        return this.#target(event);
      case "failed":
        return `${this.#of(event)}: ${clean(event.error.message)}. ${clean(event.error.hint)}`;
    }
  }

  #target({ rule, member, candidates }: Extract<ForwardEvent, { readonly type: "target" }>): string {
    const local = this.#of({ rule });
    if (member === undefined) {
      const which = [
        ...(rule.role === undefined ? [] : [` of role ${clean(rule.role)}`]),
        ...(rule.index === undefined ? [] : [` with index ${clean(rule.index)}`]),
      ].join("");
      return `${local} -> port ${rule.port}: no member${which} runs; a new connection waits for one`;
    }
    const part = [member.role, member.index].filter((each) => each !== undefined).join(" ");
    const who = part === "" ? clean(member.pod) : `${clean(part)} (${clean(member.pod)})`;
    const others = candidates > 1 ? `, the first of ${count(candidates, "member")}` : "";
    return `${local} -> port ${rule.port} of ${who}${others}`;
  }

  #of({ rule }: Pick<ForwardEvent, "rule">): string {
    return this.#local.get(rule) ?? `port ${rule.port}`;
  }
}

function addressOf(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** One event as an object for JSON lines. */
export function jsonOf(event: ForwardEvent, { workload, namespace }: OfWorkload): object {
  const { port, role, index } = event.rule;
  const base = {
    event: `forward-${event.type}`,
    time: new Date().toISOString(),
    workload,
    namespace,
    port,
    ...(role === undefined ? {} : { role }),
    ...(index === undefined ? {} : { index }),
  };
  switch (event.type) {
    case "opened":
      return { ...base, address: event.address, localPort: event.localPort };
    case "target": {
      const { member, candidates } = event;
      return { ...base, ...(member === undefined ? {} : { ...member, namespace }), candidates };
    }
    case "failed":
      return { ...base, code: event.error.code, reason: clean(event.error.message), hint: clean(event.error.hint) };
  }
}
