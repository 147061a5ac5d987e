//! Somebody who has the turn and does nothing with it, and people who stand in line.

use tauline_cli::client::{Client, Form, http, parse_server};
use tauline_cli::signin::{Credential, Proof};
use tauline_protocol::login::LoginRequest;

use super::key;
use super::server::Server;

/// Somebody who has the turn and does nothing with it.
pub(crate) struct Holder {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Holder {
    pub(crate) fn new(server: &Server, number: u8) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let url = parse_server(&server.url).unwrap();
        let mut client = Client::new(http(&url).unwrap(), url);
        runtime.block_on(async {
            client.login(&proof(&client, number).await).await.unwrap();
            client.join().await.unwrap();
            let all = &|_, _| {};
            client.start(Form::Json, 1 << 30, all).await.unwrap();
        });
        Self { runtime, client }
    }

    pub(crate) fn abort(&self) {
        self.runtime
            .block_on(self.client.abort("done holding"))
            .unwrap();
    }
}

/// People who stand in line, and are heard of no more.
pub(crate) struct Crowd {
    runtime: tokio::runtime::Runtime,
    clients: Vec<Client>,
}

impl Crowd {
    pub(crate) fn join(server: &Server, numbers: std::ops::Range<u8>) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let url = parse_server(&server.url).unwrap();
        let http = http(&url).unwrap();
        let clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for number in numbers {
                let mut client = Client::new(http.clone(), url.clone());
                client.login(&proof(&client, number).await).await.unwrap();
                client.join().await.unwrap();
                clients.push(client);
            }
            clients
        });
        Self { runtime, clients }
    }

    /// So many leave, the first first.
    pub(crate) fn leave(&mut self, count: usize) {
        let leaving = self.clients.drain(..count);
        self.runtime.block_on(async {
            for client in leaving {
                client.leave().await.unwrap();
            }
        });
    }
}

async fn proof(client: &Client, number: u8) -> LoginRequest {
    let credential = Credential::Ethereum(key(number));
    match credential.proof(client).await {
        Ok(Proof::Login(proof)) => proof,
        _ => panic!("no nonce"),
    }
}
