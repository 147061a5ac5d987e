// Names of people, as they are written.

/** Whether a person who writes `asked` can mean this identity. */
export function isNamed(identity: string, asked: string): boolean {
  const [wanted, own] = [asked.toLowerCase().replace(/^@/, ""), identity.toLowerCase()];
  const name = own.split("|").at(-1)!.replace(/^@/, "");
  return own === wanted || name === wanted || name.replace(/^0x/, "") === wanted;
}
