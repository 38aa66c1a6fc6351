// The page on which a dossier is verified.  Nothing leaves the browser: the content policy of
// the page lets it connect to nothing.

import { Malformed, hex } from "./bytes.js";
import { Absent, CHECKS, Unfit, check } from "./evidence.js";
import { STEPS_MARK, followed, provenBy } from "./rotation.js";
import { Unreadable, readRecord } from "./stored.js";
import { Unable, Unproven, parsePolicy } from "./tlog.js";
import { trusted } from "./trust.js";
import { instant, plain, word } from "./words.js";
import { Hostile, openedArchive } from "./zip.js";

const PROOF_MARK = "c2sp.org/tlog-proof@";
const MAX_POLICY = 1_000_000;
const SHOWN = 20;
const at = (id) => document.getElementById(id);

// What was given makes no sense, whatever the file is.
class WronglyUsed extends Error {}

at("without").hidden = true;
at("verify").hidden = false;

at("verify").addEventListener("submit", (event) => {
  event.preventDefault();
  run([...at("files").files]);
});

for (const kind of ["dragover", "dragleave", "drop"]) {
  at("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) {
      at("files").files = event.dataTransfer.files;
      run([...event.dataTransfer.files]);
    }
  });
}

async function run(files) {
  at("outcome").hidden = false;
  at("found").replaceChildren();
  for (const line of at("checks").children) paint(line, "open");
  say("working", word("working"));
  const running = { check: "files", meaning: null };
  try {
    const policy = await given();
    const found = await verified(files, policy, running);
    if (policy === null) paint(lineOf("checkpoint"), "unpinned");
    const verdict = policy === null ? "unpinned" : "good";
    say(verdict, word(verdict));
    at("found").replaceChildren(...found.map(([name, value]) => fact(name, value)));
  } catch (error) {
    failed(error, running);
  }
}

async function given() {
  try {
    return await trusted(at("keys").value);
  } catch (error) {
    if (error instanceof Malformed) throw new WronglyUsed(word("wrongly"), { cause: error.message });
    throw error;
  }
}

async function verified(files, policy, running) {
  const proof = await among(files, (file) => begins(file, PROOF_MARK));
  const origin = at("origin").value.trim();
  if (files.length > 1 && proof) {
    const others = files.filter((one) => one !== proof);
    // An empty one is that of a log whose first key still signs.
    const isKeys = async (file) => file.size === 0 || begins(file, STEPS_MARK);
    const keys = others.length === 2 ? await among(others, isKeys) : null;
    const records = others.filter((one) => one !== keys);
    if (records.length === 1) return ofProof({ proof, record: records[0], keys }, policy, origin, running);
  }
  if (files.length !== 1 || proof) throw new WronglyUsed(word("nothing"));
  const archive = await openedArchive(files[0]);
  const known = policy ?? (await inside(archive));
  const found = await check(archive, known, origin, (name) => begun(running, name));
  begun(running, null);
  return [...facts(found), ...bySm2(policy?.sm2 || archive.members.has("vkey"))];
}

const begins = async (file, mark) => (await file.slice(0, mark.length).text()) === mark;

async function among(files, is) {
  for (const file of files) if (await is(file)) return file;
  return null;
}

// The policy that a dossier brings along: good for finding damage, and no more.
async function inside(archive) {
  if (!archive.members.has("policy")) throw new WronglyUsed(word("nothing"));
  const raw = await archive.read("policy", MAX_POLICY);
  try {
    return await parsePolicy(raw);
  } catch (error) {
    if (error instanceof Malformed) throw new Unfit("policy", error.message);
    throw error;
  }
}

const content = async (file) => new Uint8Array(await file?.arrayBuffer() ?? 0);

async function ofProof({ proof, record, keys }, policy, origin, running) {
  if (policy === null) throw new WronglyUsed(word("unpinned"));
  Object.assign(running, { check: "checkpoint", meaning: "proof" });
  const [raw, entry, steps] = await Promise.all([proof, record, keys].map(content));
  try {
    const chain = await followed(policy, steps);
    const found = await provenBy(raw, entry, chain);
    if (origin && found.checkpoint.origin !== origin) {
      throw new Unproven(`of the log ${found.checkpoint.origin}, not ${origin}`);
    }
    for (const name of ["checkpoint", "events"]) paint(lineOf(name), "ok");
    const read = readRecord(entry);
    return [
      ...about(read.ledger, found), ["position", found.index], ["type", read.type],
      ["newest", read.recordedAt], ...rotated(chain.steps), ...bySm2(policy.sm2),
    ];
  } catch (error) {
    if (error instanceof Unreadable) throw new Unfit("event", error.message);
    if (error instanceof Malformed || error instanceof Unproven) {
      throw new Unfit("proof", error.message);
    }
    throw error;
  }
}

const bySm2 = (there) => (there ? [["sm2", word("found-sm2-told")]] : []);

function about(ledger, { checkpoint, cosigned }) {
  const seen = [...cosigned].map(([name, time]) => `${name} ${instant(time)}`);
  return [
    ["ledger", ledger],
    ["origin", checkpoint.origin],
    ...(checkpoint.origin.includes("/simulated") ? [["simulated", word("found-clock")]] : []),
    ["size", checkpoint.size],
    ["root", hex(checkpoint.root)],
    ["cosigned", seen.join("; ") || word("found-nobody")],
  ];
}

const rotated = (steps) => steps.slice(0, SHOWN).map(
  (one) => [`key-${one.act}`, `${one.old.text} → ${one.new.text}`]);

// Which ledger this one follows; whether it is the right one the command asks, by its statement.
function following(link) {
  if (link === undefined) return [];
  const size = String(link.checkpoint).split("\n")[1] ?? "";
  return [
    ["follows", word("found-follows-told", { origin: plain(link.origin), size, held: link.held })],
    ["closed-by", link.statement],
  ];
}

function facts(found) {
  const { told, events, refusals, proved, packed, missing, stamps } = found;
  const positions = (list) => list.slice(0, SHOWN).join(", ") + (list.length > SHOWN ? " …" : "");
  const documents = { packed: packed.length, missing: missing.length };
  const refused = proved ? refusals.length : word("found-refusals-unproved", { n: refusals.length });
  return [
    ["case", told.case],
    ...about(told.ledger, found),
    ["events", events.length],
    ["newest", events.at(-1).recordedAt],
    ["at-decision", positions(told.at_decision)],
    ["after-decision", positions(told.after_decision) || "–"],
    ["refusals", refused],
    ["documents", word("found-documents-told", documents)],
    ...(stamps.length ? [["stamps", word("found-stamps-told", { n: stamps.length })]] : []),
    ...rotated(found.steps),
    ...following(told.follows),
  ];
}

// -- what is shown -----------------------------------------------------------------------------

const lineOf = (name) => at("checks").querySelector(`[data-check=${name}]`);

function fact(name, value) {
  const [row, label, shown] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
  label.textContent = word(`found-${name}`);
  shown.textContent = plain(value);
  shown.dataset.found = name;
  row.append(label, shown);
  return row;
}

// A check begins: those before it have been passed.  Null: all have.
function begun(running, name) {
  const before = name === null ? CHECKS : CHECKS.slice(0, CHECKS.indexOf(name));
  for (const one of before) paint(lineOf(one), "ok");
  running.check = name;
}

function paint(line, state, why = "") {
  line.dataset.state = state;
  line.querySelector("b").textContent = word(`state-${state}`);
  line.querySelector("small").textContent = plain(why);
}

function say(verdict, text, bad = {}) {
  at("verdict").textContent = text;
  const { what = "", position, code = "", exact = "" } = bad;
  Object.assign(at("verdict").dataset, { verdict, what, code, at: position ?? "" });
  if (!exact) return;
  const behind = document.createElement("small");
  Object.assign(behind, { lang: "en", textContent: exact });
  behind.dataset.label = word("original");
  at("verdict").append(behind);
}

function failed(error, running) {
  if (error instanceof WronglyUsed) {
    say("wrongly", error.message, { exact: plain(error.cause ?? "") });
    return;
  }
  if (error instanceof Unable) {
    say("unable", word("unable"));
    return;
  }
  const hostile = error instanceof Hostile;
  if (!hostile && !(error instanceof Unfit)) {
    // Nothing was found out about the file: it is too large here, or the browser gave up.
    say("unable", word("unable-here"), { exact: plain(error.message || error.name) });
    return;
  }
  const { what, position, message } = hostile ? new Unfit("zip", error.message) : error;
  // What it means is told in the reader's words; what was found exactly, in those of the command.
  const code = hostile ? "zip" : error instanceof Absent ? "absent" : running.meaning ?? running.check;
  const exact = plain(`${what}: ${message}`);
  const meaning = word(`meaning-${code}`);
  const text = word(position === null ? "bad" : "bad-at", { position, meaning });
  say("bad", text, { what, position, code, exact });
  paint(lineOf(running.check), "failed", exact);
}
