import type { Inventory } from "../contract/inventory.ts";
import type { ReceiptNote } from "../contract/session.ts";
import { answer, describe, isRecord, isText } from "./host-error.ts";

/** Checks what `inventory` returned. Throws where it is something else. */
export function checkedInventory(inventory: Inventory): Inventory {
  if (!isRecord(inventory) || !Array.isArray(inventory.entries) || !Array.isArray(inventory.placed)) {
    throw answer(`returned ${describe(inventory)} instead of an inventory`);
  }
  if (inventory.root !== "directory" && inventory.root !== "missing" && inventory.root !== "other") {
    throw answer(`returned an inventory whose root is ${describe(inventory.root)}`);
  }
  const { isEmpty = false } = inventory;
  if (typeof isEmpty !== "boolean" || (isEmpty && (inventory.root !== "directory" || inventory.entries.length > 0))) {
    throw answer(
      `returned an inventory whose \`isEmpty\` is ${describe(isEmpty)}, which its root and entries contradict`,
    );
  }
  const { mounts = [] } = inventory;
  if (!Array.isArray(mounts) || !mounts.every((path) => typeof path === "string")) {
    throw answer(`returned an inventory whose mounts are ${describe(inventory.mounts)}`);
  }
  const { owed = [] } = inventory.marker ?? {};
  if (!Array.isArray(owed) || !owed.every((path) => typeof path === "string")) {
    throw answer(`returned a marker whose \`owed\` is ${describe(owed)} instead of a list of paths`);
  }
  return inventory;
}

/** Whether an entry of `Receipt.notes` has the shape of one. */
export function isNote(note: ReceiptNote): boolean {
  return isRecord(note) && isText(note.code) && typeof note.message === "string";
}
