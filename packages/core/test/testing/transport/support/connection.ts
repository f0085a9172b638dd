import { KinsyncError } from "../../../../src/contract/index.ts";

/** Where the next connection is cut, in bytes that were sent to the container or received from it. */
export interface Cut {
  readonly sent?: number;
  readonly received?: number;
}

/** The network between the transport and its container: it can stall, and it can break. */
export class Network {
  /** Cuts the connection that is opened next. */
  cutNext: Cut | undefined;
  #gate: Promise<void> = Promise.resolve();

  connect(onCut: () => void): Connection {
    const cut = this.cutNext ?? {};
    this.cutNext = undefined;
    return new Connection(this, cut, onCut);
  }

  /** Nothing reaches the container until the returned function is called. */
  stall(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }

  passes(): Promise<void> {
    return this.#gate;
  }
}

/** Counts the bytes of one session. */
export class Connection {
  readonly #network: Network;
  readonly #cut: Cut;
  readonly #onCut: () => void;
  #sent = 0;
  #received = 0;

  constructor(network: Network, cut: Cut, onCut: () => void) {
    this.#network = network;
    this.#cut = cut;
    this.#onCut = onCut;
  }

  /** Settles when the container has taken the bytes. */
  async send(bytes: number): Promise<void> {
    await this.#network.passes();
    this.#sent += bytes;
    if (this.#cut.sent !== undefined && this.#sent >= this.#cut.sent) this.#break();
  }

  receive(bytes: number): void {
    this.#received += bytes;
    if (this.#cut.received !== undefined && this.#received >= this.#cut.received) this.#break();
  }

  #break(): never {
    this.#onCut();
    throw new KinsyncError("KINSYNC_TARGET_LOST", "the connection was cut");
  }
}
