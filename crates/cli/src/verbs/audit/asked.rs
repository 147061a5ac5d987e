//! What the person who asks wants of the log's checkpoint: which witnesses must have cosigned it, and how
//! lately (`docs/spec/public-log.md#witnesses`).

use std::path::Path;
use std::time::{Duration, SystemTime};

use tauline_audit::{Auditor, Demand, Kind, Witnessed};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::policy::{Freshness, Policy};
use tokio::time::sleep;

use super::source::Source;
use super::start::{Look, look};
use crate::exit::{Failure, Outcome};

/// How often a coordinator is looked at again whose checkpoint lacks cosignatures. One that has just
/// started shows its first checkpoint before its witnesses have answered, for which they have seconds.
const LOOKS: u32 = 5;

/// The pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// The policy that is asked for, if one is.
pub(super) struct Asked {
    policy: Option<Policy>,
    max_age: Duration,
}

impl Asked {
    /// Reads the policy's file. `max_age` is in seconds.
    pub(super) fn read(path: Option<&Path>, max_age: u64) -> Outcome<Self> {
        Ok(Self {
            policy: path.map(read).transpose()?,
            max_age: Duration::from_secs(max_age),
        })
    }

    /// Who has cosigned a checkpoint up to which the log was read, and whether that is enough now.
    pub(super) fn judge(
        &self,
        auditor: &Auditor,
        checkpoint: &SignedCheckpoint,
    ) -> Outcome<Witnessed> {
        let now = SystemTime::UNIX_EPOCH
            .elapsed()
            .map_err(|_| Failure::io("this machine's clock is before 1970").help("set it"))?;
        let freshness = Freshness {
            now: now.as_secs(),
            max_age: self.max_age,
        };
        let policy = self.policy.as_ref();
        let demand = policy.map(|policy| Demand { policy, freshness });
        Ok(Witnessed::of(checkpoint, auditor.opened(), demand))
    }

    /// The same, with some patience for cosignatures that are on their way. What the log has meanwhile is
    /// read, too.
    pub(super) async fn judge_patiently(
        &self,
        auditor: &mut Auditor,
        source: &mut Source,
        checkpoint: &mut SignedCheckpoint,
    ) -> Outcome<Witnessed> {
        let mut looks = 0;
        loop {
            let witnessed = self.judge(auditor, checkpoint)?;
            let lacks = witnessed.violation.as_ref();
            let is_missing = lacks.is_some_and(|it| it.kind == Kind::NotCosigned);
            if !is_missing || !source.is_server() || looks == LOOKS {
                return Ok(witnessed);
            }
            looks += 1;
            sleep(LOOK_AGAIN).await;
            match look(auditor, source).await? {
                Look::Same(other)
                | Look::New {
                    checkpoint: other, ..
                } => *checkpoint = other,
                Look::Older => {}
            }
        }
    }
}

fn read(path: &Path) -> Outcome<Policy> {
    let bytes = std::fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    Policy::parse(&bytes).map_err(|error| {
        Failure::io(format!("{} is no policy: {error}", path.display()))
            .help("docs/operating.md shows one; the format is C2SP tlog-policy")
    })
}
