// How the keys of a log took over from each other (`ledger/rotation`): whoever pinned the first
// one follows, by steps that the old and the new key both signed.  A key that was retired counts
// no more under what is larger, though somebody may still have it.

import { Malformed, encoded, utf8 } from "./bytes.js";
import { Unproven, decimal, opened, parseKey, parseNote, verifyProof } from "./tlog.js";

const FORMAT = "caseledger-key/v1";
export const STEPS_MARK = FORMAT;
const LINES = 9;  // six of text, an empty one, two of signatures
const MAX_STEPS = 1000;

async function step(raw) {
  const note = parseNote(raw);
  const lines = note.text.slice(0, -1).split("\n");
  if (lines.length !== 6 || lines[0] !== FORMAT) throw new Malformed("not a step of a log's keys");
  const without = (at, label) =>
    lines[at].startsWith(label) ? lines[at].slice(label.length) : lines[at];
  const before = await parseKey(without(3, "old "));
  const after = await parseKey(without(4, "new "));
  const size = decimal(without(5, "size "));
  const act = lines[2];
  if (act !== "add" && act !== "retire") throw new Malformed("neither added nor retired");
  if (before.name !== after.name || before.text === after.text) {
    throw new Malformed("two keys of one log");
  }
  const text = [FORMAT, before.name, act, `old ${before.text}`, `new ${after.text}`, `size ${size}`];
  if (note.text !== text.map((line) => `${line}\n`).join("")) {
    throw new Malformed("another spelling of a step of a log's keys");
  }
  if ((await opened(note, [before, after])).size !== 2 || note.signatures.length !== 2) {
    throw new Unproven("old and new key both sign a step");
  }
  return { act, old: before, new: after, size };
}

async function steps(raw) {
  const lines = utf8(raw).match(/[^\n]*\n|[^\n]+$/g) ?? [];
  if (lines.length % LINES || lines.length > MAX_STEPS * LINES) {
    throw new Malformed("not a file of a log's keys");
  }
  const read = [];
  for (let at = 0; at < lines.length; at += LINES) {
    read.push(await step(encoded(lines.slice(at, at + LINES).join(""))));
  }
  return read;
}

// What follows from the keys that are pinned: the policy with their successors.  `retired` says
// up to which size a checkpoint may bear the signature of that key alone.
class Chain {
  constructor(policy, taken, retired) {
    Object.assign(this, { policy, steps: taken, retired });
  }

  // The keys of its log that a checkpoint bears and that were not retired before.  It was verified;
  // throws `Unproven` where it bears retired keys alone.
  async check(note, { origin, size }) {
    const found = [...(await opened(note, this.policy.logs)).keys()];
    const mine = found.filter((key) => key.name === origin);
    const standing = mine.filter((key) => (this.retired.get(key.text) ?? size) >= size);
    if (!standing.length) throw new Unproven("signed by a key that was retired before");
    return standing;
  }
}

// Follow the steps of a log from the keys of a policy.  A step by keys that nobody knows is passed
// over: it proves nothing to this reader.
export async function followed(policy, raw) {
  const [logs, taken, retired] = [[...policy.logs], [], new Map()];
  const known = (key) => logs.some((one) => one.text === key.text);
  for (const one of await steps(raw)) {
    if (!known(one.old)) continue;
    if ((retired.get(one.old.text) ?? one.size) < one.size) {
      throw new Unproven("a step by a key that was retired before");
    }
    taken.push(one);
    if (!known(one.new)) logs.push(one.new);
    const until = retired.get(one.old.text) ?? one.size;
    if (one.act === "retire") retired.set(one.old.text, one.size < until ? one.size : until);
  }
  return new Chain({ ...policy, logs }, taken, retired);
}

// An entry stands in the log: by a `.tlog-proof`, the entry's own bytes, and whom one follows.
export async function provenBy(raw, entry, chain) {
  const found = await verifyProof(raw, entry, chain.policy);
  await chain.check(found.note, found.checkpoint);
  return found;
}
