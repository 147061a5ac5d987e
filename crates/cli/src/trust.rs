//! Whom a participant trusts to run the ceremony: the address that receipts recover to.

use clap::Args;
use reqwest::Url;
use tauline_protocol::status::CeremonyStatus;
use tauline_transcript::signature::{AddressError, eip55, read_address};

use crate::client::where_it_went;
use crate::exit::{Failure, Outcome};

/// What to do about another coordinator than the one to trust.
const CHECK_BOTH: &str =
    "check both the server's address and the coordinator's with the ceremony's operator";

/// Which coordinator to trust.
#[derive(Debug, Clone, Default, Args)]
pub struct Trust {
    /// The address of the coordinator to trust, as the ceremony's operator announced it. If the
    /// server states another one, nothing is signed or joined; a receipt signed by another is
    /// refused [default: the address that the server states].
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "TAULINE_COORDINATOR_ADDRESS",
        value_parser = address
    )]
    coordinator_address: Option<String>,
}

fn address(text: &str) -> Result<String, AddressError> {
    read_address(text).map(|address| eip55(&address))
}

impl Trust {
    /// The same, but with this address where the command line names none.
    ///
    /// # Errors
    /// A text that is not an address.
    pub fn or(self, address: &str) -> Result<Self, AddressError> {
        Ok(Self {
            coordinator_address: match self.coordinator_address {
                Some(pinned) => Some(pinned),
                None => Some(self::address(address)?),
            },
        })
    }

    /// The address that receipts have to recover to, for a ceremony of this status.
    ///
    /// # Errors
    /// A coordinator other than the one to trust.
    pub fn coordinator(&self, server: &Url, status: &CeremonyStatus) -> Outcome<String> {
        let stated = &status.coordinator_address;
        match &self.coordinator_address {
            Some(pinned) if !pinned.eq_ignore_ascii_case(stated) => {
                let failure = Failure::bad(format!(
                    "the coordinator at {server} is {stated}, and the one to trust is {pinned}: \
                     nothing was signed, and nothing was joined"
                ));
                let help = match &status.moved_to {
                    Some(moved) => where_it_went(moved),
                    None => CHECK_BOTH.to_owned(),
                };
                Err(failure.help(help))
            }
            Some(pinned) => Ok(pinned.clone()),
            None => Ok(stated.clone()),
        }
    }
}
