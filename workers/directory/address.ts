/** Addresses and domain names as the directory keeps them: folded by the core, so that a stored name and an envelope's agree. */
export { type Address, foldAddress, foldDomain, foldLocal } from "../../src/core/rules/address.ts";
