//! The witness's HTTP interface, as C2SP `tlog-witness` has it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tauline_log::witness::{
    AddCheckpoint, Refusal, SIZE_CONTENT_TYPE, signatures_to_text, size_to_text,
};

use super::book::{Book, NotCosigned};

pub(super) fn router(book: Arc<Book>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{*path}", get(latest))
        .layer(DefaultBodyLimit::max(AddCheckpoint::MAX_LEN))
        .with_state(book)
}

async fn add_checkpoint(State(book): State<Arc<Book>>, body: Bytes) -> Response {
    let request = match AddCheckpoint::parse(&body) {
        Ok(request) => request,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    let added = tokio::task::spawn_blocking(move || book.add(&request)).await;
    match added {
        Ok(Ok(signature)) => signatures_to_text(&[signature]).into_response(),
        Ok(Err(NotCosigned::Refused(refusal))) => refused(&refusal),
        Ok(Err(NotCosigned::Failed(why))) => {
            eprintln!("a checkpoint could not be remembered, so it was not cosigned: {why}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    if let Refusal::Conflict { latest, .. } = refusal {
        let kind = [(header::CONTENT_TYPE, SIZE_CONTENT_TYPE)];
        return (status, kind, size_to_text(*latest)).into_response();
    }
    if let Refusal::Inconsistent(_) = refusal {
        eprintln!("REFUSED: a log shows a tree that is not the one it showed before: {refusal}");
    }
    (status, format!("{refusal}\n")).into_response()
}

async fn latest(State(book): State<Arc<Book>>, Path(path): Path<String>) -> Response {
    match book.at(&path) {
        Some(text) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
