/** Longest file name of a recorded history, without its ending. */
export const MAX_NAME_LENGTH = 60;

/**
 * The file name of a situation's history: `A StatefulSet, twice: it rolls` becomes `a-statefulset-twice-it-rolls`.
 * @throws if it exceeds `MAX_NAME_LENGTH`: the name is never cut, so the situation needs a shorter one
 */
export function recordingName(situation: string): string {
  const name = (situation.toLowerCase().match(/[a-z0-9]+/g) ?? []).join("-");
  if (name.length > MAX_NAME_LENGTH) {
    throw new Error(
      `the history of "${situation}" would have a file name of ${name.length} characters. ` +
        `Shorten the situation's name to at most ${MAX_NAME_LENGTH}.`,
    );
  }
  return name;
}
