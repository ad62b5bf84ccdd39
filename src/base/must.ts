/** What the code has made sure of where no type can say so; a bug if it is not there. Never for what input decides. */
export function must<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined) throw new Error('a bug: what must be there is not');
  return value;
}
