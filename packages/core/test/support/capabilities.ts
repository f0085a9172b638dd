import { DEFAULT_CAPABILITIES, type TransportCapabilities } from "../../src/contract/capabilities.ts";

/** A transport that can do everything. */
export const ALL_CAPABILITIES: TransportCapabilities = {
  ...DEFAULT_CAPABILITIES,
  folders: true,
  links: true,
  modes: true,
  deletes: true,
  run: true,
  inPlace: true,
  mirror: true,
  atomic: "file",
  acknowledges: "seen",
  overtaking: true,
};
