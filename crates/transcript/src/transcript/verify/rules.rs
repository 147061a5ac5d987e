//! What the entries of a transcript are judged by.

use crate::encoding::Encoding;
use crate::error::SubCeremony;
use crate::sizes::{Size, Sizes};
use crate::transcript::options::{ExpectedSizes, Options};
use crate::transcript::read::index::Index;

/// What all batches are judged by.
pub(crate) struct Rules {
    pub(crate) encoding: Encoding,
    pub(crate) sub_ceremonies: Vec<SubCeremony>,
    /// The sizes that participants' EIP-712 signatures may be over, first those that are stated.
    pub(crate) signed_sizes: Vec<Vec<Size>>,
}

impl Rules {
    /// The rules for the transcript whose lists these are.
    pub(crate) fn new(index: &Index, options: &Options) -> Self {
        let sub_ceremonies: Vec<_> = index
            .subs
            .iter()
            .enumerate()
            .map(|(i, sub)| sub.sub_ceremony(i))
            .collect();
        let expected = match &options.sizes {
            ExpectedSizes::These(sizes) => Some(sizes.iter().collect()),
            ExpectedSizes::AsStated => None,
        };
        let stated: Vec<Size> = sub_ceremonies.iter().map(|it| it.size).collect();
        let ethereum = Sizes::ethereum().iter().collect();
        // A signature that is over other sizes than the transcript states is no forgery.
        let mut signed_sizes = vec![stated];
        for sizes in [options.signed_sizes.clone(), expected, Some(ethereum)] {
            let sizes: Option<Vec<Size>> = sizes.filter(|it| it.len() == sub_ceremonies.len());
            signed_sizes.extend(sizes.filter(|it| !signed_sizes.contains(it)));
        }
        Self {
            encoding: index.encoding,
            sub_ceremonies,
            signed_sizes,
        }
    }
}
