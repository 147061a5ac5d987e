// Says of each message whether a wallet takes it for one of EIP-4361, and so compares its domain with the page that
// asks for it. Reads a JSON list of texts from standard input, prints a JSON list of booleans.

import { text } from "node:stream/consumers";
import { detectSIWE } from "@metamask/controller-utils";

const messages = JSON.parse(await text(process.stdin));
const asked = (message) => ({ data: "0x" + Buffer.from(message).toString("hex") });
console.log(JSON.stringify(messages.map((message) => detectSIWE(asked(message)).isSIWEMessage)));
