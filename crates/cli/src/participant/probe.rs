//! Finding out whether a contribution gets through to the coordinator at all.
//!
//! A proxy in front of it may refuse bodies as long as a contribution: nginx takes 1 MB unless told
//! otherwise. If that were found out at the end of a turn, a turn would be lost for everybody. So
//! it is found out before joining.

use tauline_transcript::Sizes;

use super::news::News;
use super::state::{Participant, Stop};
use crate::client::{ClientError, Form};
use crate::exit::{Failure, Outcome};
use crate::{numbers, work};

impl Participant<'_> {
    /// Chooses a form in which the contribution gets through: the one asked for, or else the
    /// smallest. Fails when neither does. Needs a session. Returns the contribution's length.
    pub(crate) async fn find_a_form(&mut self) -> Result<u64, Stop> {
        let mut refusal: Option<(String, u64)> = None;
        for form in forms(self.settings.form) {
            let len = self.len_in(form)?;
            let Some(by) = self.refused_by(form, len).await? else {
                if let Some((by, refused)) = &refusal {
                    let refused = *refused;
                    self.listener.tell(News::SmallerForm { by, refused, len });
                }
                self.form = form;
                return Ok(len);
            };
            refusal = Some((by, len));
        }
        let (by, len) = refusal.unwrap_or_default();
        Err(self.too_large(&by, len).and("nothing was joined").into())
    }

    /// The form in which the contribution is sent.
    pub(crate) fn form(&self) -> Form {
        self.form
    }

    fn len_in(&self, form: Form) -> Outcome<u64> {
        work::document_len(&self.settings.sizes, form, self.credential.key().is_some())
    }

    /// Who refuses a body of this length, if anybody does. Other errors are ignored: if they last,
    /// the next call reports them.
    async fn refused_by(&self, form: Form, len: u64) -> Result<Option<String>, Stop> {
        let mut interrupt = self.interrupt.clone();
        let probed = tokio::select! {
            biased;
            wish = interrupt.raised() => return Err(Stop::Interrupted(wish)),
            probed = self.client.probe(form, len) => probed,
        };
        Ok(match probed {
            Err(ClientError::TooLarge { by }) => Some(by),
            _ => None,
        })
    }

    /// The error that even the smallest form, which has this length, is refused.
    pub(super) fn too_large(&self, by: &str, len: u64) -> Failure {
        too_large(by, len, &self.settings.sizes)
    }
}

/// The forms to try: the one asked for, and the smallest. Compressing a body would not help, since
/// points look random.
fn forms(asked: Form) -> impl Iterator<Item = Form> {
    let smallest = (asked != Form::Msgpack).then_some(Form::Msgpack);
    [asked].into_iter().chain(smallest)
}

fn too_large(by: &str, len: u64, sizes: &Sizes) -> Failure {
    const MEBIBYTE: u64 = 1 << 20;
    // The longest body that the coordinator takes.
    let most = sizes.max_json_len() as u64;
    Failure::bad(format!(
        "the contribution cannot get through: {by} refuses bodies of {} (413)",
        numbers::bytes(len)
    ))
    .help(format!(
        "the ceremony's operator has to let bodies of up to {} through; with nginx: \
         client_max_body_size {}m;",
        numbers::bytes(most),
        most.div_ceil(MEBIBYTE)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_named_and_what_it_has_to_be() {
        let failure = too_large("nginx", 3_010_000, &Sizes::ethereum());
        assert_eq!(
            failure.text(),
            "the contribution cannot get through: nginx refuses bodies of 3.0 MB (413)"
        );
        let text = failure.to_string();
        assert!(text.contains("client_max_body_size 10m;"), "{text}");
    }

    #[test]
    fn the_smallest_form_is_the_last_to_be_tried() {
        let tried = |form| forms(form).collect::<Vec<_>>();
        assert_eq!(tried(Form::Msgpack), [Form::Msgpack]);
        assert_eq!(tried(Form::Json), [Form::Json, Form::Msgpack]);
        let sizes: Sizes = "16:4,32:4".parse().unwrap();
        let len = |form| work::document_len(&sizes, form, true).unwrap();
        assert!(len(Form::Msgpack) < len(Form::Json).min(len(Form::MsgpackUncompressed)));
    }
}
