// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.0;

/// A wallet whose owner signs for it (EIP-1271).
contract Wallet {
    address private immutable owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        require(signature.length == 65, "not r, s and v");
        address signer = ecrecover(
            digest,
            uint8(signature[64]),
            bytes32(signature[0:32]),
            bytes32(signature[32:64])
        );
        return signer == owner ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// A contract that takes part in nothing, and answers everything with the same word.
contract Yes {
    fallback() external {
        assembly {
            mstore(0, 1)
            return(0, 32)
        }
    }
}
