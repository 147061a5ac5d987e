// An Ethereum node with a little history. Prints one line of JSON about it, and runs until its
// standard input ends.
//
// The test client of number n has the key 0x11…11 followed by n in 4 bytes. Up to `block`, client
// 1 sent four transactions and client 2 three; client 4 owns the wallet, which it deployed; after
// that block, client 5 sent four.

import { readFileSync } from "node:fs";
import ganache from "ganache";
import solc from "solc";

const CHAIN_ID = 1337;
const keyOf = (number) => "0x" + "11".repeat(28) + number.toString(16).padStart(8, "0");
const accounts = [1, 2, 3, 4, 5].map((number) => ({ secretKey: keyOf(number), balance: "0xde0b6b3a7640000" }));
const server = ganache.server({ logging: { quiet: true }, chain: { chainId: CHAIN_ID }, wallet: { accounts } });
await server.listen(0, "127.0.0.1");
const { provider } = server;
const addresses = await provider.request({ method: "eth_accounts", params: [] });

async function send(transaction) {
  const hash = await provider.request({
    method: "eth_sendTransaction",
    params: [{ gas: "0xf4240", ...transaction }],
  });
  return provider.request({ method: "eth_getTransactionReceipt", params: [hash] });
}

async function busy(number, times) {
  for (let i = 0; i < times; i += 1) {
    await send({ from: addresses[number - 1], to: addresses[2], value: "0x1" });
  }
}

const source = readFileSync(new URL("Wallet.sol", import.meta.url), "utf8");
const output = JSON.parse(solc.compile(JSON.stringify({
  language: "Solidity",
  sources: { "Wallet.sol": { content: source } },
  settings: { evmVersion: "paris", outputSelection: { "*": { "*": ["evm.bytecode.object"] } } },
})));
const problems = (output.errors ?? []).filter((error) => error.severity === "error");
if (problems.length > 0) throw new Error(problems.map((error) => error.formattedMessage).join("\n"));
const contracts = output.contracts["Wallet.sol"];
const code = (name) => "0x" + contracts[name].evm.bytecode.object;
const word = (address) => address.slice(2).toLowerCase().padStart(64, "0");

await busy(1, 4);
await busy(2, 3);
const wallet = await send({ from: addresses[3], data: code("Wallet") + word(addresses[3]) });
const yes = await send({ from: addresses[3], data: code("Yes") });
const block = Number(await provider.request({ method: "eth_blockNumber", params: [] }));
await busy(5, 4);

const url = `http://127.0.0.1:${server.address().port}`;
console.log(JSON.stringify({
  url, chainId: CHAIN_ID, block, wallet: wallet.contractAddress, yes: yes.contractAddress,
}));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
