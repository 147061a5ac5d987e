//! Somebody who has the turn and does nothing with it.

use tauline_cli::client::{Client, Form, http, parse_server};
use tauline_cli::signin::{Credential, Proof};

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
            let credential = Credential::Ethereum(key(number));
            let Ok(Proof::Login(proof)) = credential.proof(&client).await else {
                panic!("no nonce");
            };
            client.login(&proof).await.unwrap();
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
