//! An accepted contribution, and the receipt that proves it.

use tauline_protocol::Identity;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::receipt::ReceiptError;
use tokio::time::Instant;

/// When each step of a participation happened, if it did.
#[derive(Debug, Clone, Copy, Default)]
pub struct Times {
    /// Joined the queue.
    pub joined: Option<Instant>,
    /// Was told that somebody behind has had the turn, since nothing was heard of this one.
    pub passed: Option<Instant>,
    /// Was told that the turn has come.
    pub called: Option<Instant>,
    /// Got the powers, which starts the turn.
    pub started: Option<Instant>,
    /// Began to send the contribution.
    pub sent: Option<Instant>,
    /// Learnt that the contribution was accepted.
    pub accepted: Option<Instant>,
}

/// An accepted contribution.
#[derive(Debug)]
pub struct Accepted {
    /// The contributor.
    pub identity: Identity,
    /// The stay's ticket.
    pub ticket: Option<u64>,
    /// The receipt, as it came.
    pub receipt: SignedReceipt,
    /// The public keys of the contribution, if this process made it.
    pub pot_pubkeys: Option<Vec<[u8; 96]>>,
    /// When things happened.
    pub times: Times,
}

impl Accepted {
    /// Checks the receipt: the coordinator's signature, the identity, and the public keys if known.
    ///
    /// # Errors
    /// A receipt that does not prove this contribution.
    pub fn check_receipt(&self, coordinator: &str) -> Result<(), ReceiptError> {
        let receipt = self.receipt.verify(coordinator)?;
        if receipt.identity != self.identity {
            return Err(ReceiptError::Mismatch("the identity"));
        }
        let Some(pot_pubkeys) = &self.pot_pubkeys else {
            return Ok(());
        };
        let own = pot_pubkeys
            .iter()
            .map(|key| format!("0x{}", hex::encode(key)));
        match own.eq(receipt.witness.iter().cloned()) {
            true => Ok(()),
            false => Err(ReceiptError::Mismatch("the witness")),
        }
    }

    /// Whether the receipt is valid, but for a contribution that another run of the same
    /// participant made.
    #[must_use]
    pub fn is_of_another_run(&self, coordinator: &str) -> bool {
        self.check_receipt(coordinator) == Err(ReceiptError::Mismatch("the witness"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_proves_this_contribution_or_is_refused() {
        use k256::ecdsa::SigningKey;
        use tauline_protocol::receipt::Receipt;
        use tauline_transcript::signature::{eip55, eth_address};

        let key = SigningKey::from_slice(&[5; 32]).unwrap();
        let coordinator = eip55(&eth_address(key.verifying_key()));
        let own = [[1; 96], [2; 96]];
        let accepted = |name: &str, keys: [[u8; 96]; 2], pot_pubkeys| Accepted {
            identity: "invite|alice".parse().unwrap(),
            ticket: Some(1),
            receipt: Receipt::new(name.parse().unwrap(), keys.iter().map(|key| &key[..]))
                .sign(&key),
            pot_pubkeys,
            times: Times::default(),
        };
        let check = |accepted: Accepted| accepted.check_receipt(&coordinator);
        assert_eq!(
            check(accepted("invite|alice", own, Some(own.to_vec()))),
            Ok(())
        );
        assert_eq!(check(accepted("invite|alice", own, None)), Ok(()));
        assert_eq!(
            check(accepted("invite|bob", own, None)),
            Err(ReceiptError::Mismatch("the identity"))
        );
        for others in [[[1; 96], [3; 96]], [[2; 96], [1; 96]]] {
            assert_eq!(
                check(accepted("invite|alice", others, Some(own.to_vec()))),
                Err(ReceiptError::Mismatch("the witness"))
            );
            let other = accepted("invite|alice", others, Some(own.to_vec()));
            assert!(other.is_of_another_run(&coordinator));
            assert!(!other.is_of_another_run("0x0000000000000000000000000000000000000000"));
        }
        assert!(!accepted("invite|alice", own, Some(own.to_vec())).is_of_another_run(&coordinator));
        assert!(!accepted("invite|bob", own, Some(own.to_vec())).is_of_another_run(&coordinator));
        let one = Some(own[..1].to_vec());
        assert!(check(accepted("invite|alice", own, one)).is_err());
        let signed = accepted("invite|alice", own, Some(own.to_vec()));
        assert!(matches!(
            signed.check_receipt("0x0000000000000000000000000000000000000000"),
            Err(ReceiptError::WrongSigner { .. })
        ));
    }
}
