//! The transcript after some contribution.

use std::sync::{Arc, OnceLock};

use super::document::{Contents, Document};
use super::lists::Lists;
use super::powers::PowersFile;
use crate::representation::Coding;

/// The transcript after some contribution. As long as a value for it lives, so do its files.
#[derive(Debug, Clone)]
pub struct Transcript(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tag: String,
    contents: Contents,
    /// By [`Coding`].
    documents: [OnceLock<Document>; 3],
}

impl Transcript {
    /// The transcript by this tag, of these powers and of the lists as they are now.
    pub(super) fn new(tag: String, powers: PowersFile, lists: &Lists) -> Self {
        Self(Arc::new(Inner {
            tag,
            contents: Contents {
                contributions: lists.contributions(),
                lens: lists.lens(),
                powers,
            },
            documents: Default::default(),
        }))
    }

    /// How many contributions it has.
    #[must_use]
    pub fn contributions(&self) -> u64 {
        self.0.contents.contributions
    }

    /// The strong entity tag of its form in this compression, with the quotes.
    #[must_use]
    pub fn etag(&self, coding: Coding) -> String {
        let suffix = match coding {
            Coding::Identity => "",
            Coding::Gzip => "-gzip",
            Coding::Zstd => "-zstd",
        };
        format!("\"{}{suffix}\"", self.0.tag)
    }

    pub(super) fn tag(&self) -> &str {
        &self.0.tag
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.0.contents
    }

    pub(super) fn powers(&self) -> &PowersFile {
        &self.0.contents.powers
    }

    /// The document in a compression, once somebody has made it.
    pub(super) fn document(&self, coding: Coding) -> &OnceLock<Document> {
        &self.0.documents[coding as usize]
    }
}
