/* On a record's page: lets the reader verify it in this browser. Without it, the links beside it say how else. */

const place = document.querySelector("[data-verify]");

/** The keys that the registry itself names: enough to find damage, worthless against whoever runs it. */
async function toldKeys(origin) {
  try {
    const answer = await fetch(place.dataset.node, { credentials: "omit" });
    const keys = answer.ok ? (await answer.json()).verifier_keys : [];
    return keys.filter((key) => key.startsWith(`${origin}+`));
  } catch {
    return [];
  }
}

function tell(state, title, checks = []) {
  const output = place.querySelector("output");
  const list = document.createElement("ul");
  for (const check of checks) {
    const line = document.createElement("li");
    line.dataset.state = check.ok === null ? "unknown" : check.ok ? "good" : "bad";
    line.textContent = check.text;
    list.append(line);
  }
  const heading = document.createElement("p");
  heading.textContent = title;
  output.dataset.state = state;
  output.replaceChildren(heading, ...(checks.length ? [list] : []));
}

async function work(given) {
  const { verify: address, document: documentUrl, proof: proofUrl, id, version, origin } = place.dataset;
  const { verifyAt } = await import(address);
  const vkey = given ? [given] : await toldKeys(origin);
  const result = await verifyAt({ documentUrl, proofUrl, vkey, id, version });
  const sound = result.checks.every((check) => check.ok !== false);
  if (!sound) tell("bad", "Not verified: this is not what was signed.", result.checks);
  else if (given) tell("good", "Verified with the key that you gave.", result.checks);
  else {
    const warning = "The bytes fit together. But no key of yours was used: whoever runs this registry could have made it all.";
    tell("unknown", warning, result.checks);
  }
}

if (place) {
  const form = place.querySelector("form");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    tell("working", "Verifying…");
    try {
      await work(new FormData(form).get("vkey").trim());
    } catch (error) {
      tell("bad", `Not verified: ${error.message}`);
    }
  });
}
