//! A node that answers as it is told, whatever a real one would.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::common::TestServer;

/// What a method is answered with.
#[derive(Clone)]
pub(crate) enum Reply {
    Result(Value),
    Error(i64, &'static str),
    /// This status and body.
    Body(u16, String),
    Never,
}

#[derive(Default)]
struct Shared {
    replies: HashMap<&'static str, Reply>,
    asked: Vec<String>,
}

pub(crate) struct Rpc {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

impl Rpc {
    /// A node of chain 1 on which every account has sent five transactions, and every contract takes every
    /// signature.
    pub(crate) async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let router = Router::new()
            .route("/", post(answer))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let rpc = Self { address, shared };
        let yes = format!("0x1626ba7e{}", "0".repeat(56));
        rpc.says("eth_chainId", Reply::Result(json!("0x1")));
        rpc.says("eth_getTransactionCount", Reply::Result(json!("0x5")));
        rpc.says("eth_call", Reply::Result(json!(yes)));
        rpc
    }

    pub(crate) fn says(&self, method: &'static str, reply: Reply) {
        self.shared.lock().unwrap().replies.insert(method, reply);
    }

    /// How often a method was asked for.
    pub(crate) fn asked(&self, method: &str) -> usize {
        let shared = self.shared.lock().unwrap();
        shared.asked.iter().filter(|asked| *asked == method).count()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// A server that asks this node.
    pub(crate) async fn server(&self, more: &[(&str, &str)]) -> TestServer {
        let url = self.url();
        let mut flags = vec![("eth-rpc-url", url.as_str())];
        flags.extend(more);
        TestServer::with(&flags).await
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, Json(request): Json<Value>) -> Response {
    let method = request["method"].as_str().unwrap().to_owned();
    let reply = {
        let mut shared = shared.lock().unwrap();
        let reply = shared.replies[method.as_str()].clone();
        shared.asked.push(method);
        reply
    };
    let id = &request["id"];
    match reply {
        Reply::Result(result) => {
            Json(json!({"jsonrpc": "2.0", "id": id, "result": result})).into_response()
        }
        Reply::Error(code, message) => {
            let error = json!({"code": code, "message": message});
            Json(json!({"jsonrpc": "2.0", "id": id, "error": error})).into_response()
        }
        Reply::Body(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Reply::Never => std::future::pending().await,
    }
}
