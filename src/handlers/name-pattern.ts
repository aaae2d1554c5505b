/** A notification name in which `*` matches any number of characters: `fc.connect.*`. */
export class NamePattern {
  private readonly expression: RegExp;

  constructor(readonly text: string) {
    const parts = text.split(/\*+/).map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
    this.expression = new RegExp(`^${parts.join('[^]*')}$`);
  }

  static isPattern(name: string): boolean {
    return name.includes('*');
  }

  matches(name: string): boolean {
    return this.expression.test(name);
  }

  /** Whether a name exists that matches both patterns. */
  overlaps({ text: other }: NamePattern): boolean {
    const { text } = this;
    // Which positions of the other pattern can be reached after each character of this one.
    let reached = starsFrom(new Set([0]), other);
    for (const character of text) {
      const next = new Set<number>();
      for (const at of reached) {
        if (character === '*') for (let end = at; end <= other.length; end++) next.add(end);
        else if (other[at] === '*') next.add(at);
        else if (other[at] === character) next.add(at + 1);
      }
      reached = starsFrom(next, other);
    }
    return reached.has(other.length);
  }
}

/** A star also matches the empty string. */
function starsFrom(positions: ReadonlySet<number>, pattern: string): Set<number> {
  const all = new Set(positions);
  for (const at of all) if (pattern[at] === '*') all.add(at + 1);
  return all;
}
