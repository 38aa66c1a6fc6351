// One event's proof checked in the page: the bytes stand in it, nothing is fetched.

import { Malformed, fromBase64, hex } from "./bytes.js";
import { followed, provenBy } from "./rotation.js";
import { Unable, Unproven, leafHash, parsePolicy } from "./tlog.js";
import { trusted } from "./trust.js";
import { instant, plain, word } from "./words.js";

const at = (id) => document.getElementById(id);

if (at("proof-check")) {
  at("proof-check").hidden = false;
  at("proof-check").addEventListener("submit", (event) => {
    event.preventDefault();
    run(at("proof-check").dataset);
  });
}

async function run({ record, proof, policy, keys, leaf, position }) {
  try {
    const own = await trusted(at("own-key").value);
    const entry = fromBase64(record);
    const known = own ?? (await parsePolicy(fromBase64(policy)));
    const chain = await followed(known, fromBase64(keys));
    const found = await provenBy(fromBase64(proof), entry, chain);
    if (hex(await leafHash(entry)) !== leaf || found.index !== BigInt(position)) {
      throw new Unproven(word("other"));
    }
    say(own ? "good" : "unpinned", inWords(found, own, leaf));
  } catch (error) {
    if (error instanceof Unable) say("unable", [word("unable")]);
    else if (error instanceof Malformed || error instanceof Unproven) {
      say("bad", [word("bad"), word("meaning-proof")], plain(error.message));
    } else say("unable", [word("unable-here")], plain(error.message || error.name));
  }
}

function inWords({ checkpoint, cosigned, index }, own, leaf) {
  const seen = [...cosigned].map(([name, time]) => `${name} ${instant(time)}`).join("; ");
  return [
    word(own ? "good" : "unpinned"),
    word("leaf", { leaf }),
    word("path", { index, size: checkpoint.size, root: hex(checkpoint.root) }),
    word("signed", { origin: plain(checkpoint.origin) }),
    seen ? word("cosigned", { seen: plain(seen) }) : word("uncosigned"),
  ];
}

function say(verdict, [first, ...more], exact = "") {
  const shown = at("proof-said");
  shown.dataset.verdict = verdict;
  shown.hidden = false;
  const list = document.createElement("ul");
  for (const line of more) list.append(Object.assign(document.createElement("li"), { textContent: line }));
  shown.replaceChildren(first, list);
  if (!exact) return;
  const behind = Object.assign(document.createElement("small"), { lang: "en", textContent: exact });
  behind.dataset.label = word("original");
  shown.append(behind);
}
