//! What a store has to do, asked of both: the embedded one, and PostgreSQL; and what only PostgreSQL can
//! be asked.

#![allow(clippy::unwrap_used)]

mod apart;
mod both;
mod life;
mod made_up;
mod place;
mod readings;
mod refusals;
mod s3;
mod sign_ins;
mod signed;
