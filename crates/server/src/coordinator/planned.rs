//! What the operator plans: a time at which the queue opens, and one at which it drains
//! (`docs/spec/public-log.md#planned`).

use tauline_protocol::public_log::Notice;
use tauline_queue_core::{Command, Mode, Timestamp};
use tauline_store::check::Plan;

use super::task::Task;

impl Task {
    /// Plans when nobody may join any more.
    pub(super) fn plan_drain(&mut self, now: Timestamp, at: Timestamp) -> Result<(), String> {
        self.plan(now, at, |plan| plan.drains = Some(at))
    }

    /// Plans when everybody may join.
    pub(super) fn plan_opening(&mut self, now: Timestamp, at: Timestamp) -> Result<(), String> {
        self.plan(now, at, |plan| plan.opens = Some(at))
    }

    /// Plans nothing any more.
    pub(super) fn unplan(&mut self) -> Result<(), String> {
        if self.plan == Plan::default() {
            return Err("nothing is planned".to_owned());
        }
        self.announce_plan(Plan::default());
        Ok(())
    }

    fn plan(
        &mut self,
        now: Timestamp,
        at: Timestamp,
        change: impl FnOnce(&mut Plan),
    ) -> Result<(), String> {
        if at <= now {
            return Err(
                "that time has passed on this coordinator's clock: give a later one, or none to do it now"
                    .to_owned(),
            );
        }
        let mut plan = self.plan;
        change(&mut plan);
        if plan.opens.is_some() && plan.opens == plan.drains {
            return Err("the queue cannot open and drain at the same time".to_owned());
        }
        self.announce_plan(plan);
        Ok(())
    }

    fn announce_plan(&mut self, plan: Plan) {
        self.plan = plan;
        let Plan { opens, drains } = plan;
        self.give_notice(Notice::Planned { opens, drains });
    }

    /// The next time that something is planned for.
    pub(super) fn next_planned(&self) -> Option<Timestamp> {
        if self.given_to.is_some() {
            return None;
        }
        [self.plan.opens, self.plan.drains]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what was planned for now or before, in the order of the times.
    pub(super) fn follow_plan(&mut self, now: Timestamp) {
        while let Some(at) = self.next_planned().filter(|at| *at <= now) {
            let mut plan = self.plan;
            let mode = match plan.opens == Some(at) {
                true => {
                    plan.opens = None;
                    Mode::Open
                }
                false => {
                    plan.drains = None;
                    Mode::Draining
                }
            };
            self.announce_plan(plan);
            // Where the mode is that one already, nothing changes.
            let _ = self.carry_out(now, Command::SetMode(mode), None);
        }
    }
}
