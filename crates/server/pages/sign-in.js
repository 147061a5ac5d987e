"use strict";

// Signs in with an Ethereum account: asks the coordinator for the message, has a wallet (EIP-1193)
// or a person sign it, and goes where the coordinator says.

const state = document.body.dataset.state;
const element = (id) => document.getElementById(id);

function say(text, isError = false) {
  element("status").textContent = text;
  element("status").classList.toggle("error", isError);
}

async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ state, ...body }),
    redirect: "error",
  });
  const content = await answer.json();
  if (!answer.ok) {
    throw new Error(content.error ?? content.message ?? `the coordinator answered with ${answer.status}`);
  }
  return content;
}

const messageFor = async (address) => (await ask("/auth/eth/message", { address })).message;

async function finish(message, signature) {
  say("Signed. The coordinator checks …");
  const { location: next } = await ask("/auth/eth", { message, signature });
  location.assign(next);
}

// One thing at a time; what goes wrong is shown, and one may try again.
async function attempt(work) {
  const buttons = [...document.querySelectorAll("button")];
  buttons.forEach((button) => { button.disabled = true; });
  try {
    await work();
  } catch (error) {
    // EIP-1193: 4001 is the person's own no.
    say(error?.code === 4001 ? "You declined. You can try again." : `${error?.message ?? error}`, true);
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
}

function hex(text) {
  const bytes = new TextEncoder().encode(text);
  return "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function signWith(provider) {
  say("Look at your wallet: it asks which account.");
  const [address] = await provider.request({ method: "eth_requestAccounts" });
  const message = await messageFor(address);
  say("Look at your wallet: it asks you to sign.");
  const signature = await provider.request({ method: "personal_sign", params: [hex(message), address] });
  await finish(message, signature);
}

// Wallets announce themselves (EIP-6963); older ones are just there.
const wallets = new Map();

function offer(id, name, provider) {
  if (wallets.has(id)) return;
  wallets.set(id, provider);
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.addEventListener("click", () => attempt(() => signWith(provider)));
  element("wallet-buttons").append(button);
  element("wallets").hidden = false;
  element("no-wallet").hidden = true;
}

window.addEventListener("eip6963:announceProvider", ({ detail }) => {
  offer(detail.info.uuid, `Sign in with ${detail.info.name}`, detail.provider);
});
window.dispatchEvent(new Event("eip6963:requestProvider"));
if (window.ethereum && wallets.size === 0) {
  offer("window.ethereum", "Sign in with the wallet", window.ethereum);
}

element("address-form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    element("message").value = await messageFor(element("address").value.trim());
    element("signature-form").hidden = false;
    say("");
    element("signature").focus();
  });
});

element("copy").addEventListener("click", () => attempt(async () => {
  await navigator.clipboard.writeText(element("message").value);
  say("Copied.");
}));

element("signature-form").addEventListener("submit", (event) => {
  event.preventDefault();
  // Browsers may change line ends in a text area when it is read back; the message has only \n.
  const message = element("message").value.replaceAll("\r\n", "\n");
  attempt(() => finish(message, element("signature").value.trim()));
});
