/** A verdict against the whole command: exit code 3. */
export class Refusal extends Error {
  readonly rule: string;

  constructor(rule: string, reason: string) {
    super(reason);
    this.rule = rule;
  }
}
