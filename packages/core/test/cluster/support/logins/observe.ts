import { prepare, type LoginCase } from "./login-case.ts";
import { EXEC, PODS, startSurroundings, type SeenRequest, type Surroundings } from "./surroundings.ts";

/** What a client did in one case. */
export interface Observation {
  /** The request that arrived; absent where the client refused to send one. */
  readonly request?: SeenRequest;
  readonly proxied?: readonly string[];
  readonly exchanged?: readonly string[];
  readonly plugins?: readonly string[];
  /** The client ended with an error. */
  readonly error?: string;
}

/** By way: a GET, and the WebSocket of an exec. */
export interface Observations {
  readonly get: Observation;
  readonly exec: Observation;
}

export type Way = keyof Observations;

/** Does one request; throws if it fails. */
export type Client = (
  way: Way,
  given: {
    readonly surroundings: Surroundings;
    readonly env: Readonly<Record<string, string>>;
    readonly flags: NonNullable<ReturnType<LoginCase["setUp"]>["flags"]>;
  },
) => Promise<void>;

/** Lets a client do one case, in surroundings of its own. */
export async function observe(way: Way, login: LoginCase, client: Client): Promise<Observation> {
  await using surroundings = await startSurroundings();
  const setUp = login.setUp(surroundings);
  const env = await prepare(surroundings, setUp);
  let error: string | undefined;
  try {
    await client(way, { surroundings, env, flags: setUp.flags ?? {} });
  } catch (thrown) {
    error = surroundings.stable(thrown instanceof Error ? thrown.message : String(thrown));
  }
  const wanted = way === "get" ? PODS : EXEC;
  const request = surroundings.seen.findLast(({ path }) => path.endsWith(wanted));
  const [proxied, exchanged] = [surroundings.proxied, surroundings.exchanged].map((list) => [
    ...new Set(list.map((text) => surroundings.stable(text))),
  ]);
  const plugins = await surroundings.plugins();
  return {
    ...(request === undefined ? {} : { request }),
    ...(proxied?.length === 0 ? {} : { proxied }),
    ...(exchanged?.length === 0 ? {} : { exchanged }),
    ...(plugins.length === 0 ? {} : { plugins }),
    ...(error === undefined ? {} : { error }),
  };
}

/** Without the words of an error, which are each client's own. */
export function comparable({ error, ...rest }: Observation): object {
  return { ...rest, hasFailed: error !== undefined };
}
