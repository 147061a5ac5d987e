//! What a store has to do, asked of both: the embedded one, and PostgreSQL; and what only PostgreSQL can
//! be asked.

#![allow(clippy::unwrap_used)]

mod apart;
mod both;
mod cut;
mod fence;
mod life;
mod made_up;
mod moved;
mod next_leader;
mod outage;
mod place;
mod proxy;
mod readings;
mod refusals;
mod s3;
mod same;
mod sign_ins;
mod signed;
mod taken_over;
mod tls;
