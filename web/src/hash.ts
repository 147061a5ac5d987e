// SHA-256 by itself: browsers have their own only in secure contexts.
export { sha256 } from "@noble/hashes/sha2.js";
